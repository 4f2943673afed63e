"""The hostile class in a container without namespaces: what each submission deserves there, and what it gets.

`python -m tests.support.gradescope_class [NAME ...]` lays out containers and judges in them the submissions whose names
begin so, else all; it prints a row of Markdown each, and how many got what they deserve. With `--inside` it is what
runs there, and prints JSON.
"""

import json
import re
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec

from course_grading.gradescope.archive import archive
from course_grading.gradescope.autograde import judged
from course_grading.intake.submission import Submission
from course_grading.judge import close_sandbox
from course_grading.labs import ROOT, read_lab
from tests.support import container, honest
from tests.support.attacks import ATTACKS, EARLY, LAB, LIMITS, submission
from tests.support.honest_class import CLASS, RIGHT, SIGNATURE, Sheet, notebook
from tests.support.hostile import IN_PLACE, TELLS, TRIES

SEARCH = """
import os
for place in ("/autograder", "/autograder/source", "/autograder/source/course_utils/checks/lab1/heun_step.py",
              "/autograder/results/results.json", "/autograder/submission", "/autograder/submission_metadata.json"):
    for look in (os.listdir, open, os.chdir, lambda p: open(p + "/mine", "w"), lambda p: os.rename(p, p + "-old"),
                 lambda p: os.chmod(p, 0o777),
                 lambda p: os.symlink(p, f"/tmp/way{len(p)}") or os.listdir(f"/tmp/way{len(p)}")):
        try:
            look(place)
            print("ALLOWED", place)
        except OSError:
            print("refused")
"""

MEMORY_OF_OTHERS = """
import ctypes, os, signal
libc = ctypes.CDLL(None, use_errno=True)
mine = set(filter(None, [os.getpid()]))
for name in filter(str.isdigit, os.listdir("/proc")):
    if int(name) in mine:
        continue
    told = dict(line.split(":", 1) for line in open(f"/proc/{name}/status").read().splitlines() if ":" in line)
    if int(told["Uid"].split()[0]) == os.getuid():
        continue
    for what in ("mem", "maps", "environ", "fd", "fd/3", "root", "cwd", "map_files", "stack"):
        try:
            os.listdir(f"/proc/{name}/{what}") if what in ("fd", "map_files", "root", "cwd") else open(
                f"/proc/{name}/{what}", "rb").read(1)
            print("ALLOWED", what)
        except OSError:
            pass
    for number in (signal.SIGSTOP, signal.SIGKILL):
        try:
            os.kill(int(name), number)
            print("ALLOWED", number)
        except PermissionError:
            pass
    for call in (lambda: libc.ptrace(16, int(name), 0, 0), lambda: libc.syscall(438, 3, 3, 0),
                 lambda: libc.process_vm_readv(int(name), 0, 0, 0, 0, 0)):
        if call() != -1:
            print("ALLOWED a call")
    words = open(f"/proc/{name}/cmdline").read().split(chr(0))
    print("numbers", [word for word in words if word.isdigit() and len(word) > 6])
"""

LEFTOVERS = """
import os, signal, time
for i in range(8):
    if os.fork() == 0:
        os.setsid()
        for number in range(1, 32):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        end = time.monotonic() + 300
        while time.monotonic() < end:
            try:
                open(f"/tmp/left-{i}", "a").write("here")
                os.kill(-1, signal.SIGSTOP) if os.fork() else os._exit(0)
            except OSError:
                pass
        os._exit(0)
os._exit(0)
"""

DEEP = """
import os
os.makedirs("/tmp/matplotlib", exist_ok=True)
os.makedirs("/tmp/ipython", exist_ok=True)
for file in ("/tmp/matplotlib/matplotlibrc", "/dev/shm/left", "/var/tmp/left", "/run/lock/left", "/tmp/.hidden"):
    try:
        open(file, "w").write("backend: module://left")
    except OSError as error:
        print(file, error.strerror)
os.symlink("/etc/passwd", "/tmp/link")
try:
    os.link("/etc/passwd", "/tmp/hard")
    print("ALLOWED")
except OSError as error:
    print("refused")
os.chdir("/tmp")
for _ in range(3000):
    os.mkdir("d")
    os.chdir("d")
os.chmod(".", 0)
os._exit(0)
"""

NOTHING_LEFT = """
import os
places = ("/tmp", "/dev/shm", "/var/tmp", "/run/lock")
print(sorted(name for place in places for name in os.listdir(place) if not name.startswith(("course-grader", "pymp"))))
me = f"Uid:{chr(9)}{os.getuid()}"
own = [name for name in os.listdir("/proc") if name.isdigit() and me in open(f"/proc/{name}/status").read()]
print(own == [str(os.getpid())])
"""

REACH = """
import socket
for address in (("127.0.0.1", PORT), ("1.1.1.1", 53)):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            socket.socket(socket.AF_INET, kind).connect(address)
            print("ALLOWED")
        except PermissionError:
            print("refused")
"""

TELLING = f"""
import sys
{SIGNATURE}print("told", x.sum().item())
    print("told", x.sum().item(), file=sys.__stderr__)
    open("/tmp/told", "a").write(str(x.tolist()))
    return {RIGHT}
"""

APART = {
    "the grader's folder": SEARCH,
    "other processes": MEMORY_OF_OTHERS,
    "processes that stay": LEFTOVERS,
    "files that stay": DEEP,
    "nothing of others": NOTHING_LEFT,
    "the network": REACH,
}
"""Attacks that namespaces would end before they begin, each in a cell at the start."""

TOGETHER = 10
"""So many are judged in one container: the longest take a minute each."""

Deserved = Callable[[list[float], list[str]], bool]
ALL = [2.0] * 6 + [1.0]
WITHOUT = [2.0, 0.0] + [2.0] * 4 + [1.0]


def _all(points: list[float], flags: list[str]) -> bool:
    return points == ALL


def _seen(points: list[float], flags: list[str]) -> bool:
    """Nothing for what is not deserved, or a flag that tells the instructor of it."""
    return points == WITHOUT or any(re.search("tampered|is right after|ended|disturbed|in time", f) for f in flags)


def _none(points: list[float], flags: list[str]) -> bool:
    """Nothing for what is not right for hidden inputs."""
    return sum(points) < sum(ALL)


def series() -> dict[str, tuple[bytes, Deserved]]:
    """By name, every submission with what it deserves."""
    found: dict[str, tuple[bytes, Deserved]] = {}
    for name, source in (APART | ATTACKS).items():
        found[f"attack: {name}"] = submission(EARLY, source), _all
    found["attack: printing hidden inputs"] = Sheet().write(TELLING).packed(), _all
    found |= {f"in place: {name}": (make(Sheet()).packed(), _seen) for name, make in IN_PLACE.items()}
    found |= {f"tells: {name}": (make(Sheet()).packed(), RULES.get(name, _none)) for name, make in TELLS.items()}
    found |= {f"tries: {name}": (make(Sheet()).packed(), RULES.get(name, _seen)) for name, make in TRIES.items()}
    found |= {f"honest: {name}": (notebook(name), _all) for name in CLASS}
    cells = {name: value for name, value in vars(honest).items() if name.isupper() and isinstance(value, str)}
    found |= {f"honest cell: {name}": (submission(EARLY, source), _all) for name, source in cells.items()}
    return found


RULES: dict[str, Deserved] = {
    "a check that notes something else": _all,
    "by cases that came too early": _all,
    "to another exercise": _seen,
}
"""Of those whose kind deserves another thing: what never happens costs nothing, and what is right later is flagged."""


def inside(names: list[str], port: str) -> None:
    """In the container: judge these, and print what came out as JSON, a line each."""
    lab, known = read_lab(LAB), series()
    for name in names:
        began = time.process_time()
        content = known[name][0].replace(b"PORT", port.encode())
        outcome = judged(lab, Submission(name, content), replace(LIMITS, apart=True))
        told = msgspec.to_builtins(outcome) | {"judge_seconds": time.process_time() - began}
        print(json.dumps(told), flush=True)
    close_sandbox()


def judge_all(names: list[str], folder: Path, port: int = 9, seconds: int = 900) -> dict[str, dict]:
    """The outcomes of submissions that are judged in a container, by name.

    Args:
        names: Of `series`.
        folder: An empty folder.
        port: Of a server that the network attack tries.
        seconds: After so many the container is killed.
    """
    place = container.lay_out(folder, archive(LAB), {})
    for file in (*sorted((ROOT / "tests" / "support").glob("*.py")), ROOT / "solutions" / LAB / f"{LAB}.ipynb"):
        copy = place / "source" / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    place.chmod(0o700)
    script = f'cd source && exec /opt/course/bin/python -B -m {__spec__.name} --inside {port} "$@"'
    done = container.run(place, "sh", "-c", script, "sh", *names, seconds=seconds)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(lines) == len(names), done.stdout[-3000:] + done.stderr[-3000:]
    return dict(zip(names, lines, strict=True))


def main(beginnings: list[str]) -> int:
    """Print what each gets; how many did not get what they deserve.

    Raises:
        ValueError: If no submission's name begins so.
    """
    known = series()
    names = [name for name in known if name.startswith(tuple(beginnings or [""]))]
    if not names:
        raise ValueError(f"expected beginnings of names such as {next(iter(known))!r}, got {beginnings}")
    unfair = 0
    for some in (names[i : i + TOGETHER] for i in range(0, len(names), TOGETHER)):
        with tempfile.TemporaryDirectory() as folder:
            found = judge_all(some, Path(folder))
        for name, told in found.items():
            points = [answer["points"] for answer in told["answers"]]
            fair = known[name][1](points, told["flags"])
            unfair += not fair
            flags = "; ".join(told["flags"]) or told["reason"] or ""
            print(
                f"| {name} | {'as deserved' if fair else 'NOT DESERVED'} | {sum(points):g} | {flags[:150]} |",
                flush=True,
            )
    print(f"{len(names) - unfair} of {len(names)} as deserved")
    return unfair


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        inside(sys.argv[3:], sys.argv[2])
    else:
        sys.exit(bool(main(sys.argv[1:])))
