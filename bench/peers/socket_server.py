"""CPython's socketserver with the least HTTP that answers: `socket_server.py PORT threads|forks`."""

import socketserver
import sys

from app import answer

LARGEST_HEAD = 65536


class Handler(socketserver.BaseRequestHandler):
    """One request for each connection."""

    def handle(self):
        head = b""
        while b"\r\n\r\n" not in head and len(head) < LARGEST_HEAD:
            received = self.request.recv(LARGEST_HEAD)
            if not received:
                return
            head += received
        path, _, query = head.split(b" ", 2)[1].decode().partition("?")
        status, kind, body = answer(path, query)
        self.request.sendall(
            f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n".encode() + body
        )


class Threads(socketserver.ThreadingTCPServer):
    """A thread for each connection."""

    allow_reuse_address = True
    request_queue_size = 128


class Forks(socketserver.ForkingTCPServer):
    """A process for each connection."""

    allow_reuse_address = True
    request_queue_size = 128


if __name__ == "__main__":
    model = {"threads": Threads, "forks": Forks}[sys.argv[2]]
    with model(("127.0.0.1", int(sys.argv[1])), Handler) as server:
        server.serve_forever()
