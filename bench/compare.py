"""Compares Millicore's servers with their peers and prints tables for docs/benchmarks.md.

    python3 bench/compare.py all            # everything, about twenty minutes
    python3 bench/compare.py stop --quick   # whether one comparison works

Python's standard library is all that it needs itself. It builds the command, installs the peers
from PyPI into bench/.venv, and ends every process that it started. Exit status: 0 done, 1 failed,
3 a bar was missed or could not be measured.
"""

import argparse
import json
import shlex
import signal
import sys
import time

import bursts
import endings
import generators
import limits
import machine
import processes
import throughput
import tools as tool_box

EXPERIMENTS = {
    "throughput": throughput.measure,
    "cpu": bursts.measure_cpu,
    "health": bursts.measure_health,
    "policy": bursts.measure_policy,
    "stop": endings.measure_stop,
    "cancel": endings.measure_cancel,
    "load": generators.measure,
    "freezing": limits.measure_freezing,
    "ping": limits.measure_ping,
    "mixed": limits.measure_mixed,
}


def main():
    """The exit status."""
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return compare(options)
    except KeyboardInterrupt:
        return 130
    finally:
        processes.end_all()


def arguments():
    """What was typed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiment", nargs="+", choices=[*EXPERIMENTS, "all"])
    parser.add_argument("--quick", action="store_true", help="one short round: does it work?")
    parser.add_argument("--json", metavar="FILE", help="every sample, for a program")
    parser.add_argument("--oha", action="store_true", help="oha too; it is built if not there")
    parser.add_argument("--only", metavar="WORDS", help="servers whose name matches: 'hyper|fifo'")
    parser.add_argument("--cores", type=int, help="cores of our servers [default: all there are]")
    parser.add_argument("--no-build", action="store_true", help="take what was built before")
    parser.add_argument("--millicore", metavar="FILE", help="the command, built elsewhere")
    return parser.parse_args()


def compare(options):
    """Prepares, measures, and reports."""
    tools = tool_box.prepare(options)
    versions = tool_box.versions(tools)
    counted_by = counting()
    goes_first = processes.go_first()
    chosen = EXPERIMENTS if "all" in options.experiment else options.experiment
    watch, start, results = machine.Watch(), time.monotonic(), {}
    for name in chosen:
        results[name] = EXPERIMENTS[name](tools, options.quick)
        # Each is printed when it is there: the next may fail.
        print(results[name].markdown(), flush=True)
    seen = machine.sentence(watch.report(counted_by, goes_first), versions)
    took_s = round(time.monotonic() - start)
    command = f"`python3 bench/compare.py {shlex.join(sys.argv[1:])}`, {took_s} s."
    quick = " A quick run: one round, figures of no weight." if options.quick else ""
    print(f"{seen} {command}{quick}")
    if options.json:
        write_json(options.json, results, watch.report(counted_by, goes_first), versions)
    return exit_status(results)


def counting():
    """How CPU time is counted here."""
    group = processes.Group.new()
    kind = group.kind()
    group.remove()
    return kind


def write_json(path, results, seen, versions):
    """Everything that was measured."""
    experiments = {name: result.data() for name, result in results.items()}
    report = {"schema": 1, "machine": seen, "versions": versions, "experiments": experiments}
    with open(path, "w", encoding="utf-8") as out:
        json.dump(report, out, indent=1, default=str)
        out.write("\n")


def exit_status(results):
    """3 unless every bar holds, and says which does not."""
    missed = 0
    for name, result in results.items():
        for bar in result.bars:
            says = f"{bar.verdict}  {name}: {bar.what} {bar.demand}, measured {bar.figure}"
            print(says, file=sys.stderr)
            missed += bar.holds is not True
    return 3 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
