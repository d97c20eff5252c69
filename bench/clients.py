"""A client on one thread: requests that start at their times, whatever becomes of the others."""

import heapq
import selectors
import socket
import time
from dataclasses import dataclass, field

HEAVY = "heavy"
PING = "ping"


@dataclass(order=True)
class Arrival:
    """A request, and when it starts, in seconds."""

    at_s: float
    path: str = field(compare=False)
    kind: str = field(default=HEAVY, compare=False)


@dataclass
class Answer:
    """What became of a request: a status, or in a word what went wrong."""

    arrival: Arrival
    outcome: object
    ended_s: float

    @property
    def latency_s(self):
        """Counts from when the request should have started, so that a late start is no gain."""
        return self.ended_s - self.arrival.at_s

    @property
    def is_ok(self):
        """Whether the answer was 200."""
        return self.outcome == 200


class Client:
    """Sends requests to one port and collects the answers."""

    def __init__(self, port, timeout_s=60.0):
        self.port = port
        self.timeout_s = timeout_s
        # Unlike epoll, select(2) waits for less than a millisecond when told so.
        self.selector = selectors.SelectSelector()
        self.flights = {}
        self.answers = []

    def run(self, arrivals, ping_every_s=None, again=None):
        """Sends `arrivals`, pings while a heavy one is under way, and what `again` asks for."""
        self.start = time.perf_counter()
        self.queue = list(arrivals)
        heapq.heapify(self.queue)
        self.ping_every_s = ping_every_s
        self.again = again or (lambda answer: None)
        ping = Arrival(ping_every_s or 0, "/healthz", PING)
        while self.queue or self.flights:
            now = self.now()
            while self.queue and self.queue[0].at_s <= now:
                self.depart(heapq.heappop(self.queue))
            while ping_every_s and ping.at_s <= now and self.is_busy():
                self.depart(ping)
                ping = Arrival(ping.at_s + ping_every_s, ping.path, PING)
            next_s = [arrival.at_s for arrival in self.queue[:1]]
            next_s += [ping.at_s] if ping_every_s and self.is_busy() else []
            wait_s = max(0.0, min([*next_s, now + 0.5]) - self.now())
            self.wait(wait_s)
        self.selector.close()
        return self.answers

    def now(self):
        """Seconds since the start."""
        return time.perf_counter() - self.start

    def is_busy(self):
        """Whether a heavy request is under way."""
        return any(arrival.kind == HEAVY for arrival, _ in self.flights.values())

    def wait(self, wait_s):
        """Waits for a connection to have something, or for the next departure."""
        if not self.flights:
            time.sleep(wait_s)
            return
        for key, events in self.selector.select(wait_s):
            if events & selectors.EVENT_WRITE:
                self.send(key.fileobj)
            else:
                self.receive(key.fileobj)
        now = self.now()
        for connection, (arrival, _) in list(self.flights.items()):
            if now - arrival.at_s > self.timeout_s:
                self.land(connection, "timeout")

    def depart(self, arrival):
        connection = socket.socket()
        connection.setblocking(False)
        connection.connect_ex(("127.0.0.1", self.port))
        self.flights[connection] = (arrival, bytearray())
        self.selector.register(connection, selectors.EVENT_WRITE)

    def send(self, connection):
        path = self.flights[connection][0].path
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nConnection: close\r\n\r\n"
        try:
            connection.send(head.encode())
        except OSError as error:
            self.land(connection, kind_of(error))
            return
        self.selector.modify(connection, selectors.EVENT_READ)

    def receive(self, connection):
        received = self.flights[connection][1]
        try:
            piece = connection.recv(65536)
        except OSError as error:
            self.land(connection, kind_of(error))
            return
        received += piece
        if is_whole(received):
            self.land(connection, int(received.split(b" ", 2)[1]))
        elif not piece:
            self.land(connection, "cut short" if received else "empty")

    def land(self, connection, outcome):
        arrival, _ = self.flights.pop(connection)
        self.selector.unregister(connection)
        connection.close()
        answer = Answer(arrival, outcome, self.now())
        self.answers.append(answer)
        arrival = self.again(answer)
        if arrival:
            heapq.heappush(self.queue, arrival)


def is_whole(received):
    """Whether a response is there to its last byte; every server here says how long it is."""
    head, blank, body = bytes(received).partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if blank and name == b"content-length":
            return len(body) >= int(value)
    return bool(blank) and body.endswith(b"0\r\n\r\n")


def kind_of(error):
    """An error of a socket in a word."""
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, (ConnectionResetError, BrokenPipeError)):
        return "reset"
    return error.strerror or type(error).__name__


def ask(port, path, timeout_s=60.0):
    """One request."""
    return Client(port, timeout_s).run([Arrival(0.0, path)])[0]


def leave(port, path, after_s):
    """Sends a request and leaves without its answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        time.sleep(after_s)
