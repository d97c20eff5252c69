"""Tables in Markdown, medians with their spread, and bars that hold or not."""

import math
import statistics
from dataclasses import asdict, dataclass, field


@dataclass
class Bar:
    """What must hold, and the figure that was measured for it, if one was."""

    what: str
    demand: str
    figure: object
    holds: object

    @property
    def verdict(self):
        """In a word."""
        return {True: "PASS", False: "MISSED", None: "NOT MEASURED"}[self.holds]


@dataclass
class Result:
    """One experiment: a table, the bars, and what was measured, in full."""

    title: str
    says: str
    header: list
    rows: list = field(default_factory=list)
    bars: list = field(default_factory=list)
    missing: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)
    measured: dict = field(default_factory=dict)

    def at_least(self, what, samples, bar):
        """A bar from below, for the median."""
        self.add_bar(what, f">= {bar:g}", samples, lambda figure: figure >= bar)

    def at_most(self, what, samples, bar, unit=""):
        """A bar from above, for the median."""
        self.add_bar(what, f"<= {bar:g}{unit}", samples, lambda figure: figure <= bar)

    def add_bar(self, what, demand, samples, holds):
        """A bar for the median of what was measured."""
        if not samples:
            self.bars.append(Bar(what, demand, None, None))
            return
        figure = statistics.median(samples)
        self.bars.append(Bar(what, demand, spread(samples, 3), holds(figure)))

    def markdown(self):
        """The whole section."""
        lines = [f"### {self.title}", "", self.says, "", *table(self.header, self.rows)]
        for reason in dict.fromkeys(self.missing.values()):
            names = [name for name, other in self.missing.items() if other == reason]
            lines += ["", f"Not measured: {', '.join(names)} ({reason})."]
        for note in self.notes:
            lines += ["", note]
        if self.bars:
            rows = [[bar.what, bar.demand, bar.figure or "", bar.verdict] for bar in self.bars]
            lines += ["", *table(["bar", "demanded", "measured", "verdict"], rows)]
        return "\n".join(lines) + "\n"

    def data(self):
        """The same for a program."""
        return asdict(self)


def table(header, rows):
    """A table whose first column is text and whose others are figures."""
    columns = ["---"] + ["---:"] * (len(header) - 1)
    return [line(header), "|" + "|".join(columns) + "|", *[line(row) for row in rows]]


def line(cells):
    """One line of it."""
    return "| " + " | ".join(str(cell).replace("|", "/") for cell in cells) + " |"


def number(value, digits=3):
    """So many digits count; whole numbers stay whole."""
    if value == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{places}f}"


def in_turns(rounds):
    """How the figures of a table came to be."""
    turns = "one round" if rounds == 1 else f"{rounds} rounds in turns"
    return f"{turns}, median (least-most)"


def spread(samples, digits=3):
    """The median, and from where to where the samples went."""
    if not samples:
        return ""
    median = number(statistics.median(samples), digits)
    if len(samples) == 1:
        return median
    return f"{median} ({number(min(samples), digits)}-{number(max(samples), digits)})"


def percentile(samples, percent):
    """The smallest sample that so many per cent do not exceed."""
    ordered = sorted(samples)
    rank = max(1, math.ceil(percent / 100 * len(ordered)))
    return ordered[rank - 1]


def ratios(over, under):
    """One ratio for each round: a round is compared with itself."""
    return [a / b for a, b in zip(over or [], under or []) if b]
