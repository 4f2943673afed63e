"""A class of thousands on one machine: processor time, memory of the command, growth, and the report in a browser.

`python -m benchmarks.thousands 300 3000` grades classes of these sizes in the course's own environment, and prints what
each cost; `--folder` keeps the classes. One submission in fifty is hostile.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.grading import LAB, ROOT, adopt, bury, own_python
from benchmarks.growth import grown
from benchmarks.plots import Plot
from benchmarks.rows import Row, alone

SEED = 20
OPENED = """() => { const [n] = performance.getEntriesByType("navigation"); return n.loadEventEnd - n.startTime; }"""


@dataclass(frozen=True)
class Cost:
    """What a class cost.

    Attributes:
        count: Submissions.
        right: Those that got the points for exercises which they deserve.
        seconds: Processor time of all processes.
        hostile: Of these, what judging the hostile ones took.
        parent: The most MB that the command itself held.
        kilobytes: Of the report.
        opens: Milliseconds until Chromium has loaded the report, median of five; None without Chromium.
    """

    count: int
    right: int
    seconds: float
    hostile: float
    parent: float
    kilobytes: float
    opens: float | None


def run(folder: Path, count: int, workers: int) -> Cost:
    """Grade a class with the command."""
    from tests.support.class_of_thousands import class_of_thousands

    deserved = class_of_thousands(folder / "in", count)
    adopt()
    before = bury()
    line = [sys.executable, "-m", "course_grading", "grade", LAB, "--from", folder / "in", "--folder", folder]
    line += ["--workers", str(workers), "--seed", str(SEED)]
    command = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.DEVNULL)
    peak = peak_of(command)
    if command.returncode:
        raise subprocess.CalledProcessError(command.returncode, line)
    seconds = bury() - before
    report = folder / f"report-{LAB}.html"
    return Cost(count, right(folder, deserved), seconds, hostile_seconds(folder), peak,
                report.stat().st_size / 1e3, opening(report))  # fmt: skip


def peak_of(command: subprocess.Popen) -> float:
    """Wait for a process: the most MB that it held."""
    status, found, ended = Path(f"/proc/{command.pid}/status"), [0.0], threading.Event()

    def look() -> None:
        while not ended.wait(0.2):
            held = status.read_text() if status.exists() else ""
            if "VmHWM:" in held:
                found[0] = int(held.split("VmHWM:")[1].split()[0]) / 1024

    watcher = threading.Thread(target=look)
    watcher.start()
    command.wait()
    ended.set()
    watcher.join()
    return found[0]


def right(folder: Path, deserved: dict[str, float]) -> int:
    """Students whose points for exercises are those that they deserve."""
    with (folder / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = {line["student"]: line for line in csv.DictReader(file)}
    given = {student: float(line["total"]) for student, line in lines.items()}
    return sum(abs(given.get(student, -1.0) - points) < 1e-9 for student, points in deserved.items())


def hostile_seconds(folder: Path) -> float:
    """Processor time that judging hostile submissions took."""
    from tests.support.class_of_thousands import is_hostile

    files = (folder / "grading" / LAB / "outcomes").glob("*.json")
    outcomes = [json.loads(file.read_text("utf-8"))["outcome"] for file in files]
    return sum(one["cpu_seconds"] for one in outcomes if is_hostile(int(one["student"][1:])))


def opening(report: Path, times: int = 5) -> float | None:
    """Milliseconds from the address to the loaded page, in a browser that has seen no page of ours before."""
    from tests.support import browser

    if browser.chromium() is None:
        return None
    taken = []
    with browser.started() as chromium:
        for _ in range(times):
            page = chromium.new_page()
            page.goto(report.resolve().as_uri())
            taken.append(page.evaluate(OPENED))
            page.close()
    return statistics.median(taken)


def thousands(quick: bool) -> Iterator[Row | Plot]:
    """The rows, measured in a process of the environment that holds torch, and the plot."""
    sizes = ["20", "40", "80"] if quick else ["100", "300", "1000", "3000"]
    line = [own_python(), "-m", "benchmarks.thousands", *sizes]
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(line, cwd=ROOT, env=variables, stdout=subprocess.PIPE, check=True, text=True)
    costs = [Cost(**json.loads(one)) for one in done.stdout.splitlines()]
    yield from rows(costs[-2], costs[-1])
    yield from grown("thousands", "a class's submissions", [one.count for one in costs], [one.seconds for one in costs])


def rows(small: Cost, large: Cost) -> Iterator[Row]:
    """What the issue asks for, of a class and of one that is several times as large."""
    what = f"grading {large.count:,} submissions of Lab 1, one in fifty hostile"
    honest = (large.seconds - large.hostile) - (small.seconds - small.hostile)
    each = honest / (large.count - small.count)
    held = f"memory of the command itself, {small.count:,} to {large.count:,}"
    held += f": {small.parent:.0f} to {large.parent:.0f} MB; ratio"
    yield alone("thousands", f"{what}: graded right", large.right, "submissions", least=large.count)
    yield alone("thousands", f"{what}: an honest one, without the start", each, "CPU-s", most=0.4)
    yield alone("thousands", f"{what}: all of the command, each", large.seconds / large.count, "CPU-s")
    yield alone("thousands", held, large.parent / small.parent, "", most=1.2)
    yield alone("thousands", f"the report of {large.count:,}", large.kilobytes, "kB")
    if large.opens is not None:
        yield alone("thousands", f"the report of {large.count:,} opens in Chromium", large.opens, "ms", most=1000)


def main() -> None:
    """Grade the classes, and print what each cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="+", type=int)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    for count in args.sizes:
        with tempfile.TemporaryDirectory() as place:
            cost = run(args.folder / str(count) if args.folder else Path(place), count, args.workers)
        print(json.dumps(asdict(cost)), flush=True)


if __name__ == "__main__":
    main()
