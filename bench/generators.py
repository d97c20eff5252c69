"""Load generators against the same server: how many requests they send for a second of CPU."""

import json

import tools as tool_box
from processes import run
from report import Result, in_turns, ratios, spread
from servers import BARE, Field
from throughput import parse

CONNECTIONS = 16


def measure(tools, quick):
    """`millicore load` beside wrk and, where asked for, oha."""
    rounds, seconds = (1, 1) if quick else (5, 2)
    says = (
        f"{CONNECTIONS} connections for {seconds} s to {BARE.name}; {in_turns(rounds)}; "
        "CPU time of the generator, its start included."
    )
    header = ["generator", "requests for a CPU second", "requests/s"]
    result = Result("Load generators: `compare.py load`", says, header)
    generators = {"millicore load": millicore_load}
    if tools.wrk:
        generators["wrk"] = wrk
    if tools.oha:
        generators["oha"] = oha
    measured = {}
    with Field([BARE], tools) as contest:
        result.missing.update(contest.missing)
        for number_of_round in range(1, rounds + 1):
            tool_box.progress(f"load, round {number_of_round} of {rounds}")
            for server in contest.running:
                take_turns(generators, tools, server, seconds, measured, result.missing)
    for name, samples in measured.items():
        result.rows.append([name, spread(samples["per_cpu_s"]), spread(samples["per_s"])])
    result.measured = measured
    bars(result, measured, tools)
    if not tools.oha:
        result.notes.append("oha is not compared: `--oha` builds it, which takes minutes.")
    return result


def take_turns(generators, tools, server, seconds, measured, missing):
    """One round: every generator once."""
    url = f"http://127.0.0.1:{server.port}/healthz"
    for name, generate in generators.items():
        try:
            requests, per_s, cpu_s = generate(tools, url, seconds)
        except (RuntimeError, ValueError, KeyError, OSError) as error:
            missing[name] = str(error)
            continue
        samples = measured.setdefault(name, {"per_cpu_s": [], "per_s": []})
        samples["per_cpu_s"].append(requests / cpu_s)
        samples["per_s"].append(per_s)


def bars(result, measured, tools):
    """What must hold of ours beside the others."""
    per_cpu_s = {name: samples["per_cpu_s"] for name, samples in measured.items()}
    ours = per_cpu_s.get("millicore load")
    others = {"wrk": 0.5, "oha": 1.0} if tools.oha else {"wrk": 0.5}
    for other, bar in others.items():
        what = f"`millicore load`, of {other}'s requests for a CPU second"
        result.at_least(what, ratios(ours, per_cpu_s.get(other)), bar)


def wrk(tools, url, seconds):
    """The closed loop of wrk."""
    text, cpu_s = run([tools.wrk, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", url])
    requests, per_s, _ = parse(text)
    return requests, per_s, cpu_s


def millicore_load(tools, url, seconds):
    """Our own closed loop."""
    command = [tools.millicore, "load", url, "-c", str(CONNECTIONS), "--duration", f"{seconds}s"]
    text, cpu_s = run([*command, "--format", "json"])
    report = json.loads(text)
    return report["ok"], report["rate_per_s"], cpu_s


def oha(tools, url, seconds):
    """The closed loop of oha."""
    command = [tools.oha, "-c", str(CONNECTIONS), "-z", f"{seconds}s", "--no-tui"]
    text, cpu_s = run([*command, "--output-format", "json", url])
    report = json.loads(text)
    requests = sum(report["statusCodeDistribution"].values())
    return requests, report["summary"]["requestsPerSec"], cpu_s
