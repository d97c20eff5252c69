"""What machine it was, and how busy with other things."""

import datetime
import os
import pathlib
import platform

import processes

IDLE, IOWAIT, STEAL = 3, 4, 7


class Watch:
    """The machine from now on."""

    def __init__(self):
        self.load_before = os.getloadavg()
        self.ticks = cpu_ticks()
        self.own_s = processes.all_cpu_s()

    def report(self, counted_by, goes_first):
        """The machine, and what became of its cores since the start."""
        ticks = [now - then for now, then in zip(cpu_ticks(), self.ticks)]
        total = max(1, sum(ticks))
        busy = total - ticks[IDLE] - ticks[IOWAIT] - ticks[STEAL]
        own = (processes.all_cpu_s() - self.own_s) * processes.TICKS_PER_S
        return {
            "processor": processor(),
            "cores": len(os.sched_getaffinity(0)),
            "kernel": platform.release(),
            "date": datetime.date.today().isoformat(),
            "load_before": round(self.load_before[0], 2),
            "load_after": round(os.getloadavg()[0], 2),
            "others_percent": round(max(0.0, 100 * (busy - own) / total), 1),
            "steal_percent": round(100 * ticks[STEAL] / total, 2),
            "cpu_counted_by": counted_by,
            "client_goes_first": goes_first,
        }


def cpu_ticks():
    """User, nice, system, idle, iowait, irq, softirq and steal, of all cores."""
    first = pathlib.Path("/proc/stat").read_text().splitlines()[0]
    return [int(word) for word in first.split()[1:9]]


def processor():
    """The name of the processor, and its family where the name says little."""
    fields = {}
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    name = fields.get("model name", platform.machine())
    return f"{name} (family {fields['cpu family']})" if "cpu family" in fields else name


def sentence(machine, versions):
    """Machine and versions, as they stand below the heading of a table."""
    listed = "; ".join(f"{name} {version}" for name, version in versions.items())
    first = "the client goes before the servers" if machine["client_goes_first"] else (
        "the client has no priority over the servers"
    )
    return (
        f"{machine['processor']}, {machine['cores']} cores; Linux {machine['kernel']}; "
        f"{machine['date']}; {listed}. CPU time: {machine['cpu_counted_by']}; {first}. "
        f"Busy: load {machine['load_before']} before, {machine['load_after']} after, "
        f"other processes {machine['others_percent']} % of the cores, "
        f"steal {machine['steal_percent']} %."
    )
