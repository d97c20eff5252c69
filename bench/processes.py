"""Processes that are compared: started in a group, their CPU time counted, ended for certain."""

import os
import pathlib
import resource
import shlex
import signal
import subprocess
import time

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# Joins the group before the program starts, so that nothing it does goes uncounted.
JOIN = 'for file in $1; do echo 0 > "$file" || exit 125; done; shift; exec "$@"'

_running = []
# CPU seconds of programs that have ended.
_ended_s = 0.0


class Process:
    """A program with all its descendants."""

    def __init__(self, command, log, environment=None):
        self.group = Group.new()
        command = ["sh", "-c", JOIN, "sh", self.group.procs(), *own_priority(), *command]
        with open(log, "wb") as out:
            self.popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                # Ctrl-C is for the comparison, which ends what it started itself.
                start_new_session=True,
            )
        self.log = pathlib.Path(log)
        self.pid = self.popen.pid
        _running.append(self)

    def cpu_s(self):
        """CPU seconds of the program and its descendants, those that have ended included."""
        return self.group.cpu_s(self.pid)

    def end(self, patience_s=2.0):
        """Ends the program as its user would, and kills what is left of it."""
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(patience_s)
            except subprocess.TimeoutExpired:
                pass
        self.kill()

    def kill(self):
        """Kills what lives of the program; its group goes with the last of it."""
        global _ended_s
        _ended_s += self.cpu_s()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            pids = self.group.pids(self.pid)
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.popen.poll()
            if not pids:
                break
            time.sleep(0.01)
        self.popen.wait()
        self.group.remove()
        if self in _running:
            _running.remove(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def all_cpu_s():
    """CPU seconds of everything that belongs to the comparison, itself included."""
    return time.process_time() + _ended_s + sum(process.cpu_s() for process in _running)


def end_all():
    """Kills every process that is still there."""
    for process in list(_running):
        process.kill()


class Group:
    """A control group that only counts; where none can be made, the tree of processes does."""

    made = 0

    def __init__(self, path=None, file=None):
        self.path = path
        self.file = file

    @classmethod
    def new(cls):
        """A group below this process's own, of cgroup v1 or v2, or none."""
        for parent, file in hierarchies():
            Group.made += 1
            path = parent / f"millicore-bench-{os.getpid()}-{Group.made}"
            try:
                path.mkdir()
            except OSError:
                continue
            if (path / file).exists() and os.access(path / "cgroup.procs", os.W_OK):
                return cls(path, file)
            path.rmdir()
        return cls()

    def procs(self):
        """The file to write to in order to join, or nothing."""
        return str(self.path / "cgroup.procs") if self.path else ""

    def kind(self):
        """How CPU time is counted, in words."""
        return f"cgroup {self.file}" if self.path else "/proc/PID/stat of the process tree"

    def cpu_s(self, root):
        """CPU seconds so far."""
        if not self.path:
            return sum(own_cpu_s(pid) for pid in tree(root))
        text = (self.path / self.file).read_text()
        if self.file == "cpuacct.usage":
            return int(text) / 1e9
        usage = dict(line.split() for line in text.splitlines())
        return int(usage["usage_usec"]) / 1e6

    def pids(self, root):
        """Whoever lives in it."""
        if not self.path:
            return [pid for pid in tree(root) if (stat(pid) or "Z")[0] != "Z"]
        return [int(pid) for pid in (self.path / "cgroup.procs").read_text().split()]

    def remove(self):
        """Removes it; the kernel may need a moment after the last process."""
        for _ in range(100):
            try:
                if self.path:
                    self.path.rmdir()
                return
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(0.01)


def hierarchies():
    """Directories in which a group of ours may be made, and the file in it that counts."""
    own = {}
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        own.update({name: path for name in controllers.split(",")})
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, mount, kind, options = line.split()[:4]
        mount = pathlib.Path(mount)
        if kind == "cgroup" and "cpuacct" in options.split(","):
            yield mount / own.get("cpuacct", "/").lstrip("/"), "cpuacct.usage"
        elif kind == "cgroup2" and "" in own:
            yield mount / own[""].lstrip("/"), "cpu.stat"


def tree(root):
    """A process and its descendants, also those that ended and were not yet waited for."""
    children = {}
    for entry in pathlib.Path("/proc").iterdir():
        fields = stat(entry.name) if entry.name.isdigit() else None
        if fields:
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def own_cpu_s(pid):
    """CPU seconds of a process and of those of its children that were waited for."""
    fields = stat(pid)
    return sum(int(ticks) for ticks in fields[11:15]) / TICKS_PER_S if fields else 0.0


def stat(pid):
    """The fields of /proc/PID/stat from the state on."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


_usual_priority = os.getpriority(os.PRIO_PROCESS, 0)


def go_first():
    """Lets this process, the client, run before what it measures; says whether it may."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -10)
    except PermissionError:
        return False
    return True


def own_priority():
    """What brings a program back to the usual priority."""
    behind = _usual_priority - os.getpriority(os.PRIO_PROCESS, 0)
    return ["nice", "-n", str(behind)] if behind else []


def run(command, environment=None, timeout_s=120):
    """Runs a program to its end: what it printed, and the CPU seconds that it used."""
    popen = subprocess.Popen(
        [*own_priority(), *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    before = children_cpu_s()
    try:
        out, error = popen.communicate(timeout=timeout_s)
    except BaseException:
        popen.kill()
        popen.wait()
        raise
    global _ended_s
    used = children_cpu_s() - before
    _ended_s += used
    if popen.returncode not in (0, 3):
        says = f"{shlex.join(command)} ended with {popen.returncode}: {error.strip()[-500:]}"
        raise RuntimeError(says)
    return out, used


def children_cpu_s():
    """CPU seconds of every program that was run and waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
