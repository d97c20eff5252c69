"""Servers under a CPU limit that the kernel keeps: who is frozen, who answers, in which order."""

import pathlib
import re
import statistics
import time
from dataclasses import replace

import tools as tool_box
from clients import HEAVY, PING, Arrival, Client
from report import Result, number, percentile
from servers import Field, Server, granian, gunicorn

GUNICORN = gunicorn("as it comes", "")
GRANIAN = granian("as it comes")


def scheduled(policy):
    """The model `scheduled` under a policy, which takes cores and CPU time from its limit."""
    command = "{millicore} serve --bind 127.0.0.1:{port} --log-level error --model scheduled "
    return Server(f"millicore scheduled {policy}", command + f"--policy {policy}", is_ours=True)


def under(limit, server):
    """A server in a group with a quota."""
    run = "{millicore} quota run --cpu " + limit + " --output /dev/null -- "
    return replace(server, command=run + server.command)


class Group:
    """The group that `quota run` made for a server: its name has the number of that process."""

    def __init__(self, server):
        pattern = f"millicore-*-{server.process.pid}-*-run-*"
        mounts = [line.split() for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
        points = [
            pathlib.Path(point)
            for _, point, kind, options, *_ in mounts
            if kind == "cgroup2" or (kind == "cgroup" and re.search(r"\bcpu(acct)?\b", options))
        ]
        found = [path for point in points for path in point.rglob(pattern)]
        self.files = [path / name for path in found for name in ("cpu.stat", "cpuacct.usage")]

    def read(self):
        """Periods, throttled periods and CPU seconds so far."""
        counted, cpu_s = {}, 0.0
        for file in filter(pathlib.Path.exists, self.files):
            text = file.read_text()
            if file.name == "cpuacct.usage":
                cpu_s = int(text) / 1e9
                continue
            counted.update({name: int(value) for name, value in map(str.split, text.splitlines())})
        cpu_s = cpu_s or counted.get("usage_usec", 0) / 1e6
        return counted.get("nr_periods", 0), counted.get("nr_throttled", 0), cpu_s


def measure_freezing(tools, quick):
    """A container that is always busy: is it frozen, and does it get what it may have?"""
    busy_s, limit_m = (4 if quick else 20), 500
    says = (
        f"Each server in a group of {limit_m}m. Four clients ask for `/spin?ms=200` again and again "
        f"for {busy_s} s, and `/healthz` is asked for 20 times a second, on a new connection each "
        "time; latency counts from when a ping should have started. Throttled periods and CPU time "
        "are the kernel's, from one second after the start to the end."
    )
    header = ["server", "throttled periods %", "delivered %", "healthz p50 ms", "p99 ms", "max ms"]
    result = Result("No freezing under a limit: `compare.py freezing`", says, header)
    ours = [scheduled("fair"), scheduled("focus")]
    for server in [*ours, GUNICORN, GRANIAN]:
        with Field([under(f"{limit_m}m", server)], tools) as field:
            result.missing.update(field.missing)
            for running in field.running:
                tool_box.progress(f"freezing of {running.name}")
                throttled, delivered, pings = freezing(running, busy_s, limit_m)
                latencies = [1000 * ping.latency_s for ping in pings]
                shown = [number(percentile(latencies, percent)) for percent in (50, 99, 100)]
                result.rows.append([running.name, number(throttled), number(delivered), *shown])
                result.measured[running.name] = [throttled, delivered, percentile(latencies, 99)]
    for server in ours:
        measured = result.measured.get(server.name)
        throttled, delivered, p99 = [[figure] for figure in measured] if measured else ([], [], [])
        result.at_most(f"{server.name}: throttled periods, %", throttled, 2)
        result.at_least(f"{server.name}: delivered, %", delivered, 95)
        result.at_most(f"{server.name}: healthz p99, ms", p99, 50)
    return result


def freezing(server, busy_s, limit_m):
    """Throttled periods and delivered CPU time in per cent, and the pings."""
    group, seen = Group(server), []

    def look():
        seen.append((time.perf_counter(), *group.read()))

    def again(answer):
        if not seen and answer.ended_s > 1:
            look()
        is_on = answer.arrival.kind == HEAVY and answer.ended_s < busy_s
        if not is_on and len(seen) == 1 and answer.ended_s > busy_s - 1:
            look()
        return Arrival(answer.ended_s, answer.arrival.path) if is_on else None

    heavy = [Arrival(0.0, "/spin?ms=200") for _ in range(4)]
    pings = [Arrival(count / 20, "/healthz", PING) for count in range(busy_s * 20)]
    answers = Client(server.port).run([*heavy, *pings], again=again)
    (from_s, *before), (to_s, *after) = seen[0], seen[-1]
    periods, throttled, cpu_s = [now - then for now, then in zip(after, before)]
    delivered = 100_000 * cpu_s / (to_s - from_s) / limit_m
    return (
        100 * throttled / max(1, periods),
        delivered,
        [answer for answer in answers if answer.arrival.kind == PING],
    )


def measure_ping(tools, quick):
    """Eight requests at once and a ping beside them: the mean of FIFO, and every ping answered?"""
    rounds, limit = (1 if quick else 5), "500m"
    says = (
        f"Each server in a group of {limit}, all of them one after the other in each of {rounds} "
        "rounds: eight requests for `/spin?ms=200` at once, and `/healthz` every 100 ms while one is "
        "under way. Theory for FIFO: 1.80 s; for a fair share: 3.20 s. Medians over the rounds, and "
        "the longest ping of all."
    )
    header = ["server", "mean s", "last s", "ping p50 ms", "longest ping ms", "pings"]
    result = Result("Mean and ping at once: `compare.py ping`", says, header)
    ours = [scheduled("fifo"), scheduled("focus")]
    servers = [*ours, scheduled("fair"), GUNICORN, GRANIAN]
    measured = {server.name: [] for server in servers}
    for round_number in range(rounds):
        for server in servers:
            with Field([under(limit, server)], tools) as field:
                result.missing.update(field.missing)
                for running in field.running:
                    tool_box.progress(f"ping of {running.name}, round {round_number + 1}")
                    arrivals = [Arrival(0.0, "/spin?ms=200") for _ in range(8)]
                    answers = Client(running.port).run(arrivals, ping_every_s=0.1)
                    measured[running.name].append(answers)
    for name, of_rounds in measured.items():
        if of_rounds:
            means = [statistics.mean(latencies(answers, HEAVY)) for answers in of_rounds]
            last = statistics.median(max(latencies(answers, HEAVY)) for answers in of_rounds)
            pings = [1000 * ping for answers in of_rounds for ping in latencies(answers, PING)]
            shown = [number(percentile(pings, percent)) for percent in (50, 100)]
            mean = statistics.median(means)
            result.rows.append([name, number(mean), number(last), *shown, len(pings)])
            result.measured[name] = [means, pings]
    for server in ours:
        means, pings = result.measured.get(server.name, ([], []))
        result.at_most(f"{server.name}: mean, s", means, 1.90)
        result.at_most(f"{server.name}: longest ping, ms", [max(pings)] if pings else [], 100)
    return result


def measure_mixed(tools, quick):
    """A long request and short ones behind it: who waits for whom?"""
    rounds, limit = (1 if quick else 5), "1000m"
    says = (
        f"Each server in a group of {limit}, one after the other in each of {rounds} rounds: one "
        "request for `/spin?ms=1500`, then twelve for `/spin?ms=50`, one every 150 ms. The least mean "
        "that any order can have is 0.21 s. Medians over the rounds."
    )
    header = ["server", "mean of short s", "long s", "mean of all s"]
    result = Result("Mixed load under a limit: `compare.py mixed`", says, header)
    ours = [scheduled("srpt"), scheduled("las")]
    servers = [*ours, scheduled("fair"), scheduled("fifo"), GUNICORN, GRANIAN]
    measured = {server.name: [] for server in servers}
    arrivals = [Arrival(0.0, "/spin?ms=1500")]
    arrivals += [Arrival(0.15 * count, "/spin?ms=50") for count in range(1, 13)]
    for round_number in range(rounds):
        for server in servers:
            with Field([under(limit, server)], tools) as field:
                result.missing.update(field.missing)
                for running in field.running:
                    tool_box.progress(f"mixed load of {running.name}, round {round_number + 1}")
                    measured[running.name].append(Client(running.port).run(arrivals))
    for name, of_rounds in measured.items():
        if of_rounds:
            of_all = [statistics.mean(latencies(answers, HEAVY)) for answers in of_rounds]
            long = [max(latencies(answers, HEAVY)) for answers in of_rounds]
            short = [(13 * mean - last) / 12 for mean, last in zip(of_all, long)]
            shown = [number(statistics.median(samples)) for samples in (short, long, of_all)]
            result.rows.append([name, *shown])
            result.measured[name] = of_all
    for server in ours:
        of_all = result.measured.get(server.name, [])
        result.at_most(f"{server.name}: mean of all, s", of_all, 0.25)
    return result


def latencies(answers, kind):
    """In seconds, of the answers of a kind; what was not answered took for ever."""
    chosen = [answer for answer in answers if answer.arrival.kind == kind]
    return [answer.latency_s if answer.is_ok else float("inf") for answer in chosen]
