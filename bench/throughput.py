"""Requests per second and CPU time a request, of a trivial request, by wrk."""

import re
import statistics
from dataclasses import dataclass, field

import tools as tool_box
from processes import run
from report import Result, in_turns, number, ratios, spread
from servers import BARE, BLOCKING, GUNICORN_SYNC, PEERS, Field, scheduled

# One of the policies: they have nothing to decide about a request that computes nothing.
OURS = scheduled("fair")
PREFORK = BLOCKING[3]
HEADER = [
    "`/healthz`",
    "1: requests/s",
    "CPU us each",
    "2: requests/s",
    "CPU us each",
    "3: requests/s",
    "CPU us each",
]


@dataclass(frozen=True)
class Shape:
    """How wrk asks."""

    connections: int
    closes: bool = False


@dataclass
class Samples:
    """What one server did in one shape, a sample each round."""

    per_s: list = field(default_factory=list)
    cpu_us: list = field(default_factory=list)
    errors: list = field(default_factory=list)


def measure(tools, quick):
    """Every server in every shape, in turns."""
    rounds = 1 if quick else 5
    shapes = [Shape(tools.cores), Shape(16), Shape(tools.cores, closes=True)]
    result = Result("HTTP throughput: `compare.py throughput`", says(tools, rounds), HEADER)
    if not tools.wrk:
        result.missing["every server"] = "wrk is not installed"
        return result
    measured = {}
    with Field([BARE, OURS, *BLOCKING, *PEERS], tools) as contest:
        result.missing.update(contest.missing)
        for server in contest.running:
            # Thrown away: everybody is warm from here on.
            take(tools, server, shapes[0], Samples())
        for number_of_round in range(1, rounds + 1):
            tool_box.progress(f"throughput, round {number_of_round} of {rounds}")
            for shape in shapes:
                for server in contest.running:
                    take(tools, server, shape, measured.setdefault((server.name, shape), Samples()))
    fill(result, measured, shapes)
    note_cpu(result, measured, shapes)
    return result


def says(tools, rounds):
    """How it was measured."""
    return (
        f"`wrk -t1`, 1 s, {in_turns(rounds)}; the generator runs on "
        f"the same cores. 1: {tools.cores} connections; 2: 16 connections; 3: {tools.cores} "
        "connections and `Connection: close`, a new connection for each request. gunicorn's "
        "sync worker, Werkzeug and socketserver close in 1 and 2 as well. CPU time of all the "
        "processes of a server, median."
    )


def take(tools, server, shape, samples):
    """One run of wrk, a second long."""
    command = [tools.wrk, "-t1", f"-c{shape.connections}", "-d1s", "--timeout", "10s"]
    if shape.closes:
        command += ["-H", "Connection: close"]
    before = server.cpu_s()
    text, _ = run([*command, f"http://127.0.0.1:{server.port}/healthz"])
    used_s = server.cpu_s() - before
    requests, per_s, errors = parse(text)
    samples.per_s.append(per_s)
    samples.cpu_us.append(1e6 * used_s / requests if requests else float("nan"))
    samples.errors.append(errors)


def parse(text):
    """How many requests, how many a second, and how many of them failed, as wrk says it."""
    requests = int(re.search(r"(\d+) requests in", text)[1])
    per_s = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    errors = re.search(r"Socket errors: (.*)", text)
    counted = [int(count) for count in re.findall(r"\d+", errors[1])] if errors else []
    return requests, per_s, sum(counted) + (int(failed[1]) if failed else 0)


def note_cpu(result, measured, shapes):
    """What a request costs beside the least it can cost: a busy machine moves that little."""
    for server in (OURS, PREFORK):
        times = []
        for shape in shapes:
            ours, bare = (measured.get((name, shape)) for name in (server.name, BARE.name))
            if ours and bare:
                times.append(spread(ratios(ours.cpu_us, bare.cpu_us)))
        if times:
            result.notes.append(
                f"{server.name}, CPU time of a request, times that of {BARE.name}: "
                f"{', '.join(times)} in 1, 2, 3."
            )


def named(shape):
    """A shape in words."""
    return f"{shape.connections} connections{', closing' * shape.closes}"


def fill(result, measured, shapes):
    """The table and the bars."""
    names = dict.fromkeys(name for name, _ in measured)
    for name in names:
        row = [name]
        for shape in shapes:
            samples = measured[name, shape]
            row += [spread(samples.per_s), number(statistics.median(samples.cpu_us))]
        result.rows.append(row)
        failed = sum(sum(measured[name, shape].errors) for shape in shapes)
        if failed:
            result.notes.append(f"{name}: wrk counted {failed} errors in all rounds together.")
    result.measured = {
        f"{name}, {named(shape)}": vars(samples)
        for (name, shape), samples in measured.items()
    }
    few, many, _ = shapes

    def per_s(server, shape):
        samples = measured.get((server.name, shape))
        return samples.per_s if samples else []

    of_bare = f"of {BARE.name}'s requests/s"
    compare = lambda over, under, shape: ratios(per_s(over, shape), per_s(under, shape))
    result.at_least(f"`scheduled`, 16 connections, {of_bare}", compare(OURS, BARE, many), 0.9)
    what = f"`prefork`, {few.connections} workers and connections"
    result.at_least(f"{what}, {of_bare}", compare(PREFORK, BARE, few), 0.8)
    times = f"{what}, times gunicorn's sync worker"
    result.at_least(times, compare(PREFORK, GUNICORN_SYNC, few), 3)
