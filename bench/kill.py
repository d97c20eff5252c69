"""Kills every experiment in the middle, starts the next, and looks for what is left of the first.

    python3 bench/kill.py              # 20 times each, about five minutes
    python3 bench/kill.py --times 2    # whether it works

Python's standard library is all that it needs. Containers are asked for at the engine of DOCKER_HOST,
which has to be a Unix socket. Exit status: 0 done, 1 failed, 3 something was left.
"""

import argparse
import http.client
import json
import os
import pathlib
import random
import socket
import subprocess
import sys
import time

import machine
import tools as tool_box
from report import Result

QUOTA_RUN = "quota run --cpu 500m -- setsid --fork --wait sleep 600"
EXPERIMENTS = {
    "lab divide": "lab divide --size 10s --cpu 500m --in ",
    "lab concurrency": "lab concurrency --only spin --models threads --size 10s --cpu 500m --in ",
    "lab saturate": "lab saturate --count 4 --cpu 20m --for 600s --in ",
}
# What is started next: something short in the same place.
NEXT = {
    "cgroup": "quota run --cpu 1 --output /dev/null -- true",
    "docker": "lab saturate --in docker --count 1 --cpu 100m --for 100ms",
}
# A run that has not begun by then has failed.
PATIENCE_S = 60


class Engine(http.client.HTTPConnection):
    """One question to the Docker engine."""

    def __init__(self):
        super().__init__("localhost")

    def connect(self):
        """To its socket."""
        path = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)

    def containers(self):
        """All of them, whether they run or not."""
        self.request("GET", "/containers/json?all=1")
        return json.load(self.getresponse())

    def process(self, container):
        """The number of a container's first process, or 0."""
        self.request("GET", f"/containers/{container}/json")
        return json.load(self.getresponse()).get("State", {}).get("Pid", 0)


def main():
    """The exit status."""
    options = arguments()
    tool_box.progress("building")
    if not options.no_build:
        tool_box.build()
    default = tool_box.ROOT / "target/release/millicore"
    command, watch = options.millicore or str(default), machine.Watch()
    start, chance = time.monotonic(), random.Random(options.seed)
    result = measure(command, options, chance)
    print(result.markdown())
    found = {"millicore": f"{tool_box.version(command, '--version')} at {tool_box.commit()}"}
    print(machine.sentence(watch.report("nothing", False), found))
    typed = " ".join(["python3", "bench/kill.py", *sys.argv[1:]])
    print(f"`{typed}`, {time.monotonic() - start:.0f} s.")
    return 0 if all(bar.holds for bar in result.bars) else 3


def arguments():
    """What was typed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=20, help="how often each is killed")
    parser.add_argument("--seed", type=int, default=1, help="of the moments at which it is killed")
    parser.add_argument("--no-build", action="store_true", help="take what was built before")
    parser.add_argument("--millicore", metavar="FILE", help="the command, built elsewhere")
    parser.add_argument("--in", dest="places", nargs="+", default=["cgroup", "docker"])
    return parser.parse_args()


def measure(command, options, chance):
    """Every experiment in every place."""
    says = (
        f"Each is killed with SIGKILL {options.times} times, from the moment at which its first group or "
        "container exists to a second later, at random. Then the next is started, a short one in "
        "the same place. What is there is counted before and after: of all kills together."
    )
    header = ["killed", "times", "left by it: groups", "containers", "processes", "after the next start"]
    result = Result("Killed in the middle: `bench/kill.py`", says, header)
    runs = [("quota run", QUOTA_RUN, "cgroup")] if "cgroup" in options.places else []
    runs += [
        (f"{name} --in {place}", typed + place, place)
        for place in options.places
        for name, typed in EXPERIMENTS.items()
    ]
    for name, typed, place in runs:
        tool_box.progress(name)
        before, after = Left(), Left()
        for _ in range(options.times):
            then, now = kill(command, typed, place, chance.random())
            before.add(then)
            after.add(now)
        result.rows.append([name, options.times, *before.counts(), after.total()])
        result.at_most(f"{name}: left after the next start", [after.total()], 0)
    return result


class Left:
    """What there is of a run."""

    def __init__(self, groups=0, containers=0, processes=0):
        self.groups, self.containers, self.processes = groups, containers, processes

    def add(self, other):
        """More of it."""
        self.groups += other.groups
        self.containers += other.containers
        self.processes += other.processes

    def counts(self):
        """Each."""
        return [self.groups, self.containers, self.processes]

    def total(self):
        """All together."""
        return sum(self.counts())


def kill(command, typed, place, after_s):
    """What was left of a run that was killed, and what after the next start."""
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    run = subprocess.Popen([command, *typed.split()], **quiet)
    try:
        wait_for(run, typed, place)
        time.sleep(after_s)
        processes = members(run.pid, place)
    finally:
        run.kill()
        run.wait()
        run.stderr.close()
    before = look(run.pid, place, processes)
    following = subprocess.run([command, *NEXT[place].split()], **quiet)
    if following.returncode:
        sys.exit(f"{NEXT[place]}: {following.stderr.decode()}")
    return before, look(run.pid, place, processes)


def wait_for(run, typed, place):
    """Until there is something of it."""
    deadline = time.monotonic() + PATIENCE_S
    while not groups(run.pid) and not (place == "docker" and containers(run.pid)):
        if run.poll() is not None or time.monotonic() > deadline:
            run.kill()
            sys.exit(f"{typed}: {run.communicate()[1].decode()}")


def look(pid, place, processes):
    """What there is of the run of this process."""
    there = containers(pid) if place == "docker" else []
    alive = [process for process in processes if started(process[0]) == process[1]]
    return Left(len(groups(pid)), len(there), len(alive))


def groups(pid):
    """The directories of its groups, in every hierarchy."""
    points = [line.split() for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
    points = [pathlib.Path(point) for _, point, kind, *_ in points if kind.startswith("cgroup")]
    # Groups come and go meanwhile, which a walk does not mind.
    directories = [pathlib.Path(at) for point in points for at, _, _ in os.walk(point)]
    return [path for path in directories if is_made_by(path.name, pid)]


def containers(pid):
    """The names of its containers."""
    names = [name.lstrip("/") for it in Engine().containers() for name in it["Names"]]
    return [name for name in names if is_made_by(name, pid)]


def is_made_by(name, pid):
    """Whether it has a name that this process gave."""
    return name.startswith("millicore-") and name.split("-")[2:3] == [str(pid)]


def members(pid, place):
    """What runs in its groups and containers: numbers, and when each started."""
    found = set()
    for directory in groups(pid):
        try:
            found.update(map(int, (directory / "cgroup.procs").read_text().split()))
        except OSError:
            # Gone meanwhile.
            pass
    if place == "docker":
        found.update(Engine().process(name) for name in containers(pid))
    return [(process, started(process)) for process in found if started(process)]


def started(pid):
    """When a process started; nothing if it has ended."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


if __name__ == "__main__":
    sys.exit(main())
