"""The WSGI application that every peer serves: the endpoints of `millicore serve` that are compared."""

import json
import os
import threading
import time
from urllib.parse import parse_qs


def app(environ, start_response):
    """WSGI's entry: answers /healthz, /spin?ms= and /sleep?ms=."""
    status, kind, body = answer(environ["PATH_INFO"], environ.get("QUERY_STRING", ""))
    headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    start_response(status, headers)
    return [body]


def answer(path, query):
    """Status line, media type and body of a request: the same whatever server asks."""
    if path == "/healthz":
        return "200 OK", "text/plain; charset=utf-8", b"ok\n"
    work = {"/spin": spin, "/sleep": time.sleep}.get(path)
    if work is None:
        return "404 Not Found", "text/plain; charset=utf-8", b"not found\n"
    work(int(parse_qs(query)["ms"][0]) / 1000)
    here = {"pid": os.getpid(), "thread_id": threading.get_native_id()}
    return "200 OK", "application/json", json.dumps(here).encode()


def spin(cpu_s):
    """Uses so much CPU time of this thread, however long that takes on the clock."""
    start = time.thread_time()
    while time.thread_time() - start < cpu_s:
        pass
