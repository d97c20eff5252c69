"""What is left undone: requests of a client that leaves, and of a server that is told to stop."""

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import clients
import tools as tool_box
from clients import Arrival, Client
from report import Bar, Result, in_turns, number, spread
from servers import BLOCKING, ONE_SLOT, PEERS, SCHEDULED, Field

TERM_AFTER_S = 0.75
LATE_AFTER_S = 0.3
STOP_TIMEOUT_S = 20.0


def measure_cancel(tools, quick):
    """The CPU time that a request uses after its client has left."""
    rounds, size_ms, stays_s = (1, 500, 0.1) if quick else (3, 1000, 0.2)
    says = (
        f"A client asks for `/spin?ms={size_ms}` and closes its connection after "
        f"{1000 * stays_s:.0f} ms; CPU time that the server uses until then and from then on, as "
        f"a share of the request's size; {in_turns(rounds)}."
    )
    header = ["server", "CPU before leaving, %", "after leaving, %"]
    result = Result("A client that leaves: `compare.py cancel`", says, header)
    measured = {}
    with Field([*BLOCKING, *SCHEDULED, *PEERS], tools) as contest:
        result.missing.update(contest.missing)
        for number_of_round in range(1, rounds + 1):
            tool_box.progress(f"cancel, round {number_of_round} of {rounds}")
            for server in contest.running:
                before, after = shares(server, size_ms, stays_s)
                samples = measured.setdefault(server.name, {"before": [], "after": []})
                samples["before"].append(before)
                samples["after"].append(after)
    result.measured = measured
    for name, samples in measured.items():
        result.rows.append([name, spread(samples["before"]), spread(samples["after"])])
    for server in [*BLOCKING, *SCHEDULED]:
        what = f"{server.name}: CPU after leaving, %"
        result.at_most(what, measured.get(server.name, {}).get("after"), 5)
    return result


def shares(server, size_ms, stays_s):
    """Per cent of a request's CPU time that are spent on its client, and on nobody."""
    started_at = server.settle(quiet_s=0.1, longest_s=5.0)
    clients.leave(server.port, f"/spin?ms={size_ms}", stays_s)
    left_at = server.cpu_s()
    # Longer than a busy machine keeps the server from its request.
    ended_at = server.settle(quiet_s=0.4, longest_s=5 * size_ms / 1000)
    of_size = 100 / (size_ms / 1000)
    return of_size * (left_at - started_at), of_size * (ended_at - left_at)


def measure_stop(tools, quick):
    """TERM while one request runs and two have been accepted."""
    wait_ms = 1500 if quick else 2000
    says = (
        f"Three requests of {wait_ms} ms at once to a server with one slot, TERM to its first "
        f"process after {TERM_AFTER_S} s, and a late connection {LATE_AFTER_S} s after that. "
        "`scheduled` computes for so long, the others sleep."
    )
    header = ["server", "answers", "at s", "late connection", "exit status", "gone after s"]
    result = Result("Told to stop: `compare.py stop`", says, header)
    tool_box.progress("stop, all servers at once")
    with Field(ONE_SLOT, tools) as contest:
        result.missing.update(contest.missing)
        with ThreadPoolExecutor(len(ONE_SLOT)) as pool:
            stopped = list(pool.map(lambda server: stop(server, wait_ms), contest.running))
    for server, found in zip(contest.running, stopped):
        result.measured[server.name] = found
        at_s = ", ".join(number(when) for when in found["at_s"])
        answers = ", ".join(str(outcome) for outcome in found["answers"])
        gone = number(found["gone_s"]) if found["gone_s"] else f"> {STOP_TIMEOUT_S:g}"
        result.rows.append([server.name, answers, at_s, found["late"], found["status"], gone])
    for server in ONE_SLOT:
        if server.is_ours:
            found = result.measured.get(server.name)
            result.bars.append(stop_bar(server.name, found))
    return result


def stop_bar(name, found):
    """Everybody accepted is answered, the end is a good one, and nobody else is let in."""
    demand = "200, 200, 200; exit 0; late refused"
    if not found:
        return Bar(name, demand, None, None)
    holds = found["answers"] == [200, 200, 200] and found["status"] == 0
    answers = ", ".join(map(str, found["answers"]))
    figure = f"{answers}; exit {found['status']}; late {found['late']}"
    return Bar(name, demand, figure, holds and found["late"] == "refused")


def stop(server, wait_ms):
    """Stops a server that is at work: what its clients saw, and how it ended."""
    path = "/spin" if "scheduled" in server.name else "/sleep"
    heavy = [Arrival(0.0, f"{path}?ms={wait_ms}") for _ in range(3)]
    late = Arrival(TERM_AFTER_S + LATE_AFTER_S, "/healthz", clients.PING)
    popen = server.process.popen
    told = threading.Timer(TERM_AFTER_S, popen.send_signal, [signal.SIGTERM])
    start = time.monotonic()
    told.start()
    answers = Client(server.port, STOP_TIMEOUT_S).run([*heavy, late])
    status, gone_s = None, None
    try:
        status = popen.wait(max(0.1, start + STOP_TIMEOUT_S - time.monotonic()))
        gone_s = time.monotonic() - start - TERM_AFTER_S
    except Exception as error:
        status = f"none: {type(error).__name__}"
    accepted = [answer for answer in answers if answer.arrival.kind == clients.HEAVY]
    return {
        "answers": [answer.outcome for answer in accepted],
        "at_s": [answer.ended_s for answer in accepted],
        "late": next(a.outcome for a in answers if a.arrival.kind == clients.PING),
        "status": status,
        "gone_s": gone_s,
    }
