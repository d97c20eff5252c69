"""CPU-heavy requests at once: how long they take in each order, and what pings wait meanwhile."""

import math
import statistics
from dataclasses import dataclass, field

import tools as tool_box
from clients import HEAVY, PING, Arrival, Client
from report import Result, in_turns, number, percentile, spread
from servers import BLOCKING, PEERS, SCHEDULED, Field, granian, gunicorn, scheduled, werkzeug

AT_ONCE = 8


def theory(order, size_s, cores, count=AT_ONCE):
    """The mean response of equal requests that come together."""
    if order == "fifo":
        return statistics.mean(size_s * math.ceil(place / cores) for place in range(1, count + 1))
    if order == "fair":
        return size_s * max(1, count / cores)
    return size_s / cores * (count + 1) / 2


@dataclass
class Samples:
    """What a server did with a burst, a sample each round; pings of all rounds together."""

    mean_s: list = field(default_factory=list)
    first_s: list = field(default_factory=list)
    last_s: list = field(default_factory=list)
    cpu_each_s: list = field(default_factory=list)
    pings_ms: list = field(default_factory=list)
    failures: list = field(default_factory=list)


def burst(server, size_ms, samples, ping_every_s=None):
    """Sends equal requests at once, with pings beside them."""
    before = server.cpu_s()
    arrivals = [Arrival(0.0, f"/spin?ms={size_ms}") for _ in range(AT_ONCE)]
    answers = Client(server.port).run(arrivals, ping_every_s)
    answered = [answer for answer in answers if answer.is_ok]
    heavy = [answer.latency_s for answer in answered if answer.arrival.kind == HEAVY]
    pings = [answer for answer in answers if answer.arrival.kind == PING]
    samples.failures += [str(answer.outcome) for answer in answers if not answer.is_ok]
    # One that got no answer waited at least so long.
    samples.pings_ms += [1000 * ping.latency_s for ping in pings]
    if len(heavy) == AT_ONCE:
        samples.mean_s.append(statistics.mean(heavy))
        samples.first_s.append(min(heavy))
        samples.last_s.append(max(heavy))
        samples.cpu_each_s.append((server.cpu_s() - before) / AT_ONCE)


def measure_cpu(tools, quick):
    """The table of serving CPU-heavy requests: every server, in turns."""
    rounds, size_ms = (1, 50) if quick else (5, 200)
    header = ["server", "mean s", "first s", "last s"]
    header += ["ping p50 ms", "ping max ms", "pings", "CPU s each"]
    heading = f"{AT_ONCE} requests of {size_ms} CPU-ms at once: `compare.py cpu`"
    says = (
        f"`/spin?ms={size_ms}`, and `/healthz` every 100 ms while they are served, each on a new "
        f"connection; {in_turns(rounds)} of the mean; pings of all "
        "rounds together, counted from when they should have started."
    )
    result = Result(heading, says, header)
    for order in ("fifo", "fair", "focus"):
        result.rows.append(theory_row(order, size_ms / 1000, tools.cores))
    measured = {}
    with Field([*BLOCKING, *SCHEDULED, *PEERS], tools) as contest:
        result.missing.update(contest.missing)
        for number_of_round in range(1, rounds + 1):
            tool_box.progress(f"cpu, round {number_of_round} of {rounds}")
            for server in contest.running:
                burst(server, size_ms, measured.setdefault(server.name, Samples()), 0.1)
    result.rows += [row(name, samples) for name, samples in measured.items()]
    note_failures(result, measured)
    return result


def theory_row(order, size_s, cores):
    """What an order gives where nothing else costs anything."""
    mean_s = theory(order, size_s, cores)
    last_s = size_s * AT_ONCE / cores
    return [f"theory: {order}", number(mean_s), "", number(last_s), "", "", "", ""]


def row(name, samples):
    """A server's line of the table."""
    pings = samples.pings_ms
    return [
        name,
        spread(samples.mean_s),
        middle(samples.first_s),
        middle(samples.last_s),
        number(percentile(pings, 50)) if pings else "",
        number(max(pings)) if pings else "",
        len(pings),
        middle(samples.cpu_each_s),
    ]


def middle(samples):
    """The median, if there is one."""
    return number(statistics.median(samples)) if samples else ""


def note_failures(result, measured):
    """Says what was not answered, and keeps every sample."""
    for name, samples in measured.items():
        if samples.failures:
            kinds = {kind: samples.failures.count(kind) for kind in samples.failures}
            result.notes.append(f"{name}: not answered with 200: {kinds}.")
    result.measured = {name: vars(samples) for name, samples in measured.items()}


def measure_policy(tools, quick):
    """Whether the policy that was chosen is the one that clients see."""
    rounds, size_ms = (1, 200) if quick else (5, 1000)
    says = (
        f"`/spin?ms={size_ms}`, {AT_ONCE} at once, on {tools.cores} cores; "
        f"{in_turns(rounds)}."
    )
    header = ["policy", "mean s", "theory s", "differs", "CPU s each"]
    result = Result("The policy over HTTP: `compare.py policy`", says, header)
    policies = ["fifo", "fair", "focus"]
    measured = {policy: Samples() for policy in policies}
    with Field([scheduled(policy) for policy in policies], tools) as contest:
        result.missing.update(contest.missing)
        for number_of_round in range(1, rounds + 1):
            tool_box.progress(f"policy, round {number_of_round} of {rounds}")
            for server in contest.running:
                burst(server, size_ms, measured[server.name.rpartition(" ")[2]])
    for policy, samples in measured.items():
        expected_s = theory(policy, size_ms / 1000, tools.cores)
        off = [100 * (mean_s / expected_s - 1) for mean_s in samples.mean_s]
        differs = f"{statistics.median(off):+.1f} %" if off else ""
        mean = spread(samples.mean_s, 4)
        each = middle(samples.cpu_each_s)
        result.rows.append([policy, mean, number(expected_s, 4), differs, each])
        away = [abs(statistics.median(off))] if off else []
        result.at_most(f"`{policy}`: away from theory, %", away, 5)
    note_failures(result, measured)
    return result


def measure_health(tools, quick):
    """Pings, in an open loop, while every core is busy for a while."""
    busy_s, size_ms, per_s = (2 if quick else 10), 500, 50
    clients = 2 * tools.cores
    says = (
        f"{clients} clients each ask for `/spin?ms={size_ms}` again and again for {busy_s} s, and "
        f"`/healthz` is asked for {per_s} times a second, on a new connection each time, whatever "
        "becomes of the answers; latency counts from when a ping should have started."
    )
    header = ["server", "p50 ms", "p99 ms", "max ms", "pings", "not 200"]
    result = Result("Health while the cores are busy: `compare.py health`", says, header)
    contestants = [
        scheduled("fair"),
        scheduled("focus"),
        BLOCKING[1],
        BLOCKING[2],
        BLOCKING[3],
        gunicorn("gthread, 8 threads", "-k gthread --threads 8"),
        granian("as it comes"),
        werkzeug("threaded"),
    ]
    with Field(contestants, tools) as contest:
        result.missing.update(contest.missing)
        for server in contest.running:
            tool_box.progress(f"health of {server.name}")
            pings = health(server, clients, busy_s, size_ms, per_s)
            latencies = [1000 * ping.latency_s for ping in pings]
            result.measured[server.name] = latencies
            shown = [number(percentile(latencies, percent)) for percent in (50, 99, 100)]
            bad = sum(not ping.is_ok for ping in pings)
            result.rows.append([server.name, *shown, len(pings), bad])
    for server in contestants[:2]:
        latencies = result.measured.get(server.name)
        p99 = [percentile(latencies, 99)] if latencies else []
        result.at_most(f"{server.name}: p99, ms", p99, 10)
    return result


def health(server, clients, busy_s, size_ms, per_s):
    """The pings of one server while it is kept busy."""

    def again(answer):
        is_on = answer.arrival.kind == HEAVY and answer.ended_s < busy_s
        return Arrival(answer.ended_s, answer.arrival.path) if is_on else None

    heavy = [Arrival(0.0, f"/spin?ms={size_ms}") for _ in range(clients)]
    pings = [Arrival(number / per_s, "/healthz", PING) for number in range(busy_s * per_s)]
    answers = Client(server.port).run([*heavy, *pings], again=again)
    return [answer for answer in answers if answer.arrival.kind == PING]
