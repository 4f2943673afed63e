"""A class graded on a cluster of three hosts, one of which is cut off on the way and comes back.

`python -m benchmarks.cluster 300 --folder CLUSTER --like CLASS` makes the hosts of network namespaces (Linux, root):
scheduler and command on the first, workers on the others; all of it talks TLS. It prints what happened when, then
whether grades are those of `CLASS`, which one machine graded with the same seed.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.grading import LAB, ROOT
from benchmarks.thousands import SEED
from tests.support.class_of_thousands import class_of_thousands
from tests.support.hosts import Host, hosts
from tests.support.secured import secure

PORT = 8786
CUT, BACK = 0.3, 0.6
"""Shares of the class that are judged when the host is cut off, and when its cable is put back."""

LEAST_CUT = 60
"""Seconds that it is cut off, at least: Dask gives a silent connection up after 30."""

AGAIN = 'while :; do "$@"; sleep 1; done'
"""Starts a program again when it ends, as a service manager would."""


class Log:
    """Prints what happened, with the seconds since the start."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, said: str) -> None:
        print(f"{time.monotonic() - self._began:6.0f} s  {said}", flush=True)


class Outcomes:
    """The outcomes on disk as they come.

    Args:
        folder: The class's folder.
    """

    def __init__(self, folder: Path):
        self._folder = folder / "grading" / LAB / "outcomes"
        self._seen: dict[str, int] = {}
        self.again: set[str] = set()
        """Students whose outcome was written a second time."""

    def count(self) -> int:
        """How many there are now."""
        for file in self._folder.glob("*.json") if self._folder.is_dir() else ():
            written = file.stat().st_mtime_ns
            if self._seen.setdefault(file.stem, written) != written:
                self.again.add(file.stem)
        return len(self._seen)


@contextmanager
def running(host: Host, *command: object, log: Path, env: dict[str, str]) -> Iterator[subprocess.Popen]:
    """A program on a host, which ends at the end with all that it started."""
    with log.open("wb") as said:
        program = host.start(*command, cwd=ROOT, env=env, stdout=said, stderr=said, start_new_session=True)
        try:
            yield program
        finally:
            os.killpg(program.pid, signal.SIGTERM)
            program.wait()


def grade(folder: Path, count: int, command: Callable[[str], list], say: Log) -> None:
    """Grade the class in a folder on a cluster, whose last host is cut off in the middle.

    Args:
        folder: The class's folder, and the logs'.
        count: Submissions.
        command: The command that grades, with the address of the scheduler.
        say: Told what happens.
    """
    env = {**os.environ, "PYTHONPATH": str(ROOT), **secure(folder)}
    dask = [sys.executable, "-m", "dask"]
    with hosts(3) as (first, second, third):
        address = f"tls://{first.address}:{PORT}"
        scheduler = [*dask, "scheduler", "--host", first.address, "--port", PORT, "--protocol", "tls", "--no-dashboard"]
        worker = [*dask, "worker", address, "--nthreads", 1, "--no-dashboard", "--local-directory", folder / "dask"]

        def working(host: Host):
            line = ["sh", "-c", AGAIN, "worker", *worker, "--host", host.address]
            return running(host, *line, log=folder / f"worker-{host.address}.log", env=env)

        with (
            running(first, *scheduler, log=folder / "scheduler.log", env=env),
            working(second),
            working(third),
            running(first, *command(address), log=folder / "grade.log", env=env) as graded,
        ):
            say(f"scheduler and command on {first.address}, workers on {second.address} and {third.address}, TLS")
            outcomes = Outcomes(folder)
            wait_for(outcomes, CUT * count, graded)
            third.cut()
            cut = time.monotonic()
            say(f"{outcomes.count()} outcomes: {third.address} is cut off")
            wait_for(outcomes, BACK * count, graded)
            time.sleep(max(LEAST_CUT - (time.monotonic() - cut), 0))
            third.mend()
            say(f"{outcomes.count()} outcomes: {third.address} is back")
            wait_for(outcomes, count + 1, graded)
            say(f"{outcomes.count()} outcomes, the command ended with {graded.wait()}")
    say(f"outcomes written a second time: {len(outcomes.again)}")
    for line in (folder / "scheduler.log").read_text().splitlines():
        if "Register worker" in line or "Remove worker" in line:
            say(f"scheduler.log: {line}")


def wait_for(outcomes: Outcomes, count: float, graded: subprocess.Popen) -> None:
    """Wait until there are so many outcomes, or the command has ended."""
    while outcomes.count() < count and graded.poll() is None:
        time.sleep(0.5)


def answers(folder: Path) -> dict[str, tuple]:
    """By student, what was found: points, sentences and mistakes of every exercise, and why nothing could be graded."""
    files = (folder / "grading" / LAB / "outcomes").glob("*.json")
    outcomes = [json.loads(file.read_text("utf-8"))["outcome"] for file in files]
    return {one["student"]: (one["answers"], one["reason"]) for one in outcomes}


def main() -> None:
    """Grade, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--like", type=Path)
    args = parser.parse_args()
    folder, say = args.folder.resolve(), Log()
    class_of_thousands(folder / "in", args.count)
    line = [sys.executable, "-m", "course_grading", "grade", LAB, "--from", folder / "in", "--folder", folder]
    grade(folder, args.count, lambda address: [*line, "--seed", SEED, "--scheduler", address], say)
    found = answers(folder)
    with (folder / "grades.csv").open(encoding="utf-8") as table:
        say(f"{args.count} submissions, {len(found)} outcomes, {sum(1 for _ in table) - 1} lines in grades.csv")
    if args.like:
        alone = answers(args.like)
        both = found.keys() & alone.keys()
        other = sum(found[student] != alone[student] for student in both)
        say(f"{len(both)} students compared with one machine's, other answers of {other}")


if __name__ == "__main__":
    main()
