"""The servers that are compared, each with its command, and how one is started."""

import pathlib
import re
import socket
import tempfile
import time
from dataclasses import dataclass

import clients
import tools as tool_box
from processes import Process

READY_S = 20.0


@dataclass(frozen=True)
class Server:
    """A contestant: its name in the tables and its command, in which {names} are filled in."""

    name: str
    command: str
    is_ours: bool = False


def ours(name, options):
    """Millicore's own server with options."""
    command = "{millicore} serve --bind 127.0.0.1:{port} --log-level error --model " + options
    return Server(f"millicore {name}", command, is_ours=True)


def scheduled(policy):
    """The model `scheduled` under a policy, on all cores."""
    return ours(f"scheduled {policy}", f"scheduled --policy {policy} --cores {{cores}}")


def gunicorn(name, options):
    """gunicorn without the extras that the others do not have."""
    command = "{bin}/gunicorn -b 127.0.0.1:{port} --no-control-socket --log-level error "
    return Server(f"gunicorn {name}", command + options + " app:app")


def granian(name, options=""):
    """granian as a WSGI server of HTTP/1.1."""
    command = "{bin}/granian --interface wsgi --http 1 --log-level error --host 127.0.0.1 "
    return Server(f"granian {name}", command + "--port {port} " + options + " app:app")


def waitress(threads):
    """waitress with so many threads."""
    command = "{bin}/waitress-serve --listen=127.0.0.1:{port} "
    return Server(f"waitress, {threads} threads", command + f"--threads={threads} app:app")


def werkzeug(model):
    """Werkzeug's development server, which is what `flask run` starts."""
    return Server(f"Werkzeug {model}", "{python} {peers}/werkzeug_server.py {port} " + model)


def socketserver(model):
    """CPython's socketserver with the least HTTP that answers."""
    return Server(f"socketserver {model}", "{python} {peers}/socket_server.py {port} " + model)


BARE = Server("bare hyper", "{bare_hyper} 127.0.0.1:{port} {cores}")

BLOCKING = [
    ours("sync", "sync"),
    ours("threads", "threads"),
    ours("forks", "forks"),
    ours("prefork", "prefork --workers {cores}"),
]
SCHEDULED = [scheduled(policy) for policy in ("fifo", "fair", "focus", "srpt")]
GUNICORN_SYNC = gunicorn("sync, 1 worker", "-w 1")
PEERS = [
    GUNICORN_SYNC,
    gunicorn("sync, 2 workers", "-w 2"),
    gunicorn("gthread, 8 threads", "-k gthread --threads 8"),
    granian("as it comes"),
    granian("1 blocking thread", "--blocking-threads 1"),
    waitress(4),
    werkzeug("sync"),
    werkzeug("threaded"),
    werkzeug("processes=40"),
    socketserver("threads"),
    socketserver("forks"),
]

# Each with one place for a request to run in.
ONE_SLOT = [
    ours("sync", "sync"),
    ours("threads", "threads --max-threads 1"),
    ours("forks", "forks --max-children 1"),
    ours("prefork", "prefork --workers 1"),
    ours("scheduled", "scheduled --policy fifo --cores 1"),
    GUNICORN_SYNC,
    gunicorn("gthread, 1 thread", "-k gthread --threads 1"),
    granian("1 blocking thread", "--blocking-threads 1"),
    waitress(1),
    werkzeug("sync"),
    socketserver("threads"),
    socketserver("forks"),
]


class Running:
    """A server that answers, on a port of its own."""

    def __init__(self, server, tools):
        self.server = server
        self.name = server.name
        self.port = free_port()
        with tempfile.NamedTemporaryFile(prefix="millicore-bench-", delete=False) as log:
            self.log = pathlib.Path(log.name)
        environment = {"PYTHONPATH": str(tool_box.HERE / "peers"), "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            command = tools.fill_in(server.command, self.port)
            self.process = Process(command, self.log, environment)
            self.wait_until_ready()
        except BaseException:
            self.end()
            raise

    def wait_until_ready(self):
        """Returns once /healthz is answered."""
        deadline = time.monotonic() + READY_S
        outcome = None
        while time.monotonic() < deadline and self.process.popen.poll() is None:
            outcome = clients.ask(self.port, "/healthz", timeout_s=2.0).outcome
            if outcome == 200:
                return
            time.sleep(0.05)
        status = self.process.popen.poll()
        lines = self.log.read_text(errors="replace").split("\n")
        says = " ".join(line.strip() for line in lines[-8:] if line.strip())[-300:]
        raise RuntimeError(f"exit status {status}, /healthz {outcome}: {says or 'no word'}")

    def cpu_s(self):
        """CPU seconds so far, of all its processes."""
        return self.process.cpu_s()

    def settle(self, quiet_s, longest_s):
        """Waits until it has used no CPU for a while: the CPU seconds it has used by then."""
        deadline = time.monotonic() + longest_s
        quiet_since, last = time.monotonic(), self.cpu_s()
        while time.monotonic() < min(quiet_since + quiet_s, deadline):
            time.sleep(0.05)
            now = self.cpu_s()
            # A fiftieth of a core is what a server uses that only looks after itself.
            if now - last > 0.001:
                quiet_since = time.monotonic()
            last = now
        return last

    def end(self):
        """Ends it, and removes what it wrote."""
        if hasattr(self, "process"):
            self.process.end()
        self.log.unlink(missing_ok=True)


class Field:
    """Servers that run at once; what does not start is named, not measured."""

    def __init__(self, servers, tools):
        # The one server that generators ask is no contestant.
        is_alone = len(servers) == 1
        self.servers = [s for s in servers if is_alone or re.search(tools.only, s.name)]
        self.tools = tools
        self.running = []
        self.missing = {}

    def __enter__(self):
        for server in self.servers:
            try:
                self.running.append(Running(server, self.tools))
            except (RuntimeError, OSError) as error:
                self.missing[server.name] = str(error)
                tool_box.progress(f"{server.name} does not start: {error}")
            except BaseException:
                self.__exit__()
                raise
        return self

    def __exit__(self, *_):
        for running in self.running:
            running.end()


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
