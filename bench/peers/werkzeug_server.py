"""Werkzeug's development server on a port: `werkzeug_server.py PORT sync|threaded|processes=N`."""

import logging
import sys

from app import app
from werkzeug.serving import run_simple

OPTIONS = {"sync": {}, "threaded": {"threaded": True}}


def options(model):
    """The arguments of `run_simple` that choose a model."""
    name, _, count = model.partition("=")
    return {"processes": int(count)} if name == "processes" else OPTIONS[model]


if __name__ == "__main__":
    # A line for each request would be measured too; the others write none.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    run_simple("127.0.0.1", int(sys.argv[1]), app, **options(sys.argv[2]))
