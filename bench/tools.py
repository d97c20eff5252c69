"""What is there before anything is measured: the builds and the peers, with their versions."""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
VENV = HERE / ".venv"
CACHE = HERE / ".cache"
OHA_VERSION = "1.16.0"


@dataclass
class Tools:
    """Where the programs are, and on how many cores they run."""

    millicore: str
    bare_hyper: str
    python: str
    wrk: str
    oha: str
    cores: int
    only: str

    def fill_in(self, command, port):
        """A command of the table of servers, as the words to run."""
        bin_directory = pathlib.Path(self.python).parent
        places = {**vars(self), "port": port, "bin": bin_directory, "peers": HERE / "peers"}
        return [word.format(**places) for word in command.split()]


def prepare(options):
    """Builds and installs what is missing."""
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    if not options.no_build:
        build()
    install_peers()
    return Tools(
        millicore=options.millicore or str(target / "release/millicore"),
        bare_hyper=str(target / "release/examples/bare_hyper"),
        python=str(VENV / "bin/python"),
        wrk=shutil.which("wrk") or "",
        oha=oha() if options.oha else "",
        cores=options.cores or len(os.sched_getaffinity(0)),
        only=options.only or "",
    )


def build():
    """Builds the command, and the server that its HTTP is measured against."""
    progress("building")
    build_of = ["cargo", "build", "--release", "--quiet"]
    subprocess.run([*build_of, "-p", "millicore-cli"], cwd=ROOT, check=True)
    example = ["-p", "millicore-server", "--example", "bare_hyper"]
    subprocess.run([*build_of, *example], cwd=ROOT, check=True)


def install_peers():
    """A virtual environment with the versions of requirements.txt, made anew when they change."""
    requirements = HERE / "requirements.txt"
    stamp = VENV / "installed"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    progress("installing the peers")
    venv.create(VENV, with_pip=True, clear=True)
    install = [VENV / "bin/python", "-m", "pip", "install", "--quiet", "--no-deps"]
    install += ["--disable-pip-version-check", "-r", requirements]
    subprocess.run(install, check=True)
    stamp.write_text(wanted)


def oha():
    """The load generator oha, from the path or built once into the cache."""
    found = shutil.which("oha") or shutil.which("oha", path=str(CACHE / "bin"))
    if not found:
        progress("building oha, which takes minutes")
        install = ["cargo", "install", "oha", "--version", OHA_VERSION, "--locked", "--quiet"]
        subprocess.run([*install, "--root", CACHE], check=True)
        found = str(CACHE / "bin/oha")
    return found


def versions(tools):
    """What was compared with what."""
    pinned = (HERE / "requirements.txt").read_text().splitlines()
    found = dict(line.split("==") for line in pinned if "==" in line)
    found.update(
        millicore=f"{version(tools.millicore, '--version')} at {commit()}",
        python=version(tools.python, "--version"),
        rustc=version("rustc", "--version"),
    )
    if tools.wrk:
        found["wrk"] = version(tools.wrk, "-v")
    if tools.oha:
        found["oha"] = version(tools.oha, "--version")
    return found


def commit():
    """The commit that is measured, and whether more than that is."""
    git = ["git", "-C", str(ROOT)]
    short = first_line(*git, "rev-parse", "--short=12", "HEAD")
    return f"{short} with changes" if first_line(*git, "status", "--porcelain") else short


def first_line(*command):
    """The first line that a program prints."""
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        return str(error)
    lines = (done.stdout + done.stderr).splitlines()
    return lines[0].strip() if lines else ""


def version(*command):
    """The version that a program says it is, without its own name."""
    words = first_line(*command).partition(" Copyright")[0].partition(" [")[0].partition(" (")[0]
    return words.split(" ", 1)[-1]


def progress(says):
    """Says on standard error how far the comparison is."""
    print(f"{says} ...", file=sys.stderr, flush=True)
