"""The grader on a class that hands in Lab 1 with random recognised mistakes: verdicts, processor time, memory, growth.

It runs in the course's own environment, which the grader's sandbox shows to submissions, and not in the peers'.
`python -m benchmarks.grading class 300` grades one class of that size, and says what it cost.
"""

import base64
import ctypes
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import threading
import zlib
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from benchmarks.growth import grown
from benchmarks.plots import Plot
from benchmarks.rows import Row, alone, compare
from course_utils import checks

ROOT = Path(__file__).parents[1]
LAB = "lab1_simulation"
WORKERS = 2
FEW = 2
"""Submissions of a class that costs little more than to start."""

ADOPT = 36
"""For prctl(2): processes whose parents have ended become ours."""

CARRY = """import base64
import json
import tempfile
import zlib
from pathlib import Path

import course_utils.checks

folder = Path(tempfile.mkdtemp())
for name, text in json.loads(zlib.decompress(base64.b64decode({files!r}))).items():
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text, "utf-8")
course_utils.checks.__path__.insert(0, str(folder))
import course_utils.checks.{lab} as carried
del course_utils.checks.{lab}  # the notebook's own checks stay what they were
"""


def exercises(lab: str) -> dict:
    """The exercises of a lab."""
    return checks.exercises(lab.split("_")[0])


def mistaken(lab: str, chosen: dict[str, int]) -> bytes:
    """The solution with listed mistakes as answers, by the name of the function; a cell brings the lab's checks along.

    Where submissions run there are no checks: what stands there in their place knows no mistakes.
    """
    short, folder = lab.split("_")[0], Path(checks.__file__).parent
    files = {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in checks.sources(short)}
    packed = base64.b64encode(zlib.compress(json.dumps(files).encode())).decode()
    notebook = json.loads((ROOT / "solutions" / lab / f"{lab}.ipynb").read_text("utf-8"))
    for cell in notebook["cells"]:
        name = re.search(r"^def (\w+)", "".join(cell["source"]), re.M)
        if cell["id"].endswith("-code") and name and name[1] in chosen:
            cell["source"] = f"{name[1]} = carried.{name[1]}.mistakes[{chosen[name[1]]}].wrong"
    at = next(i for i, cell in enumerate(notebook["cells"]) if cell["id"] == "setup") + 1
    added = {"cell_type": "code", "id": "mine", "metadata": {}, "outputs": [], "execution_count": None}
    notebook["cells"].insert(at, {**added, "source": CARRY.format(files=packed, lab=short)})
    return json.dumps(notebook).encode()


def hand_in(folder: Path, count: int) -> dict[str, dict[str, str]]:
    """Write a class: one answer in three is a mistake; returns by student the mistake of each function."""
    deserved = {}
    for number in range(count):
        draw, student = random.Random(number), f"s{number:03}"
        wrong = [name for name in exercises(LAB) if draw.random() < 1 / 3]
        chosen = {name: draw.randrange(len(exercises(LAB)[name].mistakes)) for name in wrong}
        (folder / student).mkdir(parents=True)
        (folder / student / f"{LAB}.ipynb").write_bytes(mistaken(LAB, chosen))
        deserved[student] = {name: exercises(LAB)[name].mistakes[k].name for name, k in chosen.items()}
    return deserved


def right(folder: Path, deserved: dict[str, dict[str, str]]) -> int:
    """Students all of whose answers got the points and the mistake that they deserve."""
    found = {}
    for path in (folder / "grading" / LAB / "outcomes").glob("*.json"):
        outcome = json.loads(path.read_text("utf-8"))["outcome"]
        full = all(a["points"] == a["max_points"] * (a["mistake"] is None) for a in outcome["answers"])
        found[outcome["student"]] = full and {a["exercise"]: a["mistake"] for a in outcome["answers"] if a["mistake"]}
    return sum(found.get(student) == mistakes for student, mistakes in deserved.items())


def tree() -> list:
    """This process and all that it started."""
    import psutil

    return [psutil.Process(), *psutil.Process().children(recursive=True)]


def cpu() -> float:
    """Processor time of this process and of all that it started, also of those that have ended."""
    return _sum(lambda process: sum(process.cpu_times()[:4]), tree())


def adopt() -> None:
    """Become the parent of all processes below whose own parents end: else nobody would know their time."""
    ctypes.CDLL(None).prctl(ADOPT, 1, 0, 0, 0)


def bury() -> float:
    """Wait until all processes have ended that this one started or adopted: the processor time of all so far."""
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def memory() -> float:
    """Bytes that all processes hold that this one started; pages that several share count once where Linux tells."""
    import psutil

    def held(process) -> int:
        try:
            return process.memory_full_info().pss
        except (AttributeError, psutil.AccessDenied):  # not Linux, or a process that hides its pages
            return process.memory_info().rss

    return _sum(held, tree()[1:])


def _sum(of, processes: list) -> float:
    import psutil

    total = 0.0
    for process in processes:
        try:
            total += of(process)
        except psutil.NoSuchProcess:
            continue
    return total


def run(count: int) -> tuple[int, float, float]:
    """Grade a class with the command: students graded right, CPU-seconds, and the most MB that all processes held."""
    with tempfile.TemporaryDirectory() as name:
        folder, peak, done = Path(name), [0.0], threading.Event()
        deserved = hand_in(folder / "in", count)

        def watch() -> None:
            while not done.wait(1):
                peak[0] = max(peak[0], memory())

        adopt()
        watcher, before = threading.Thread(target=watch), bury()
        watcher.start()
        line = [sys.executable, "-m", "course_grading", "grade", LAB, "--from", folder / "in"]
        line += ["--folder", folder / "class", "--workers", str(WORKERS)]
        try:
            subprocess.run(line, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        finally:
            done.set()
            watcher.join()
        return right(folder / "class", deserved), bury() - before, peak[0] / 1e6


def cost(count: int) -> dict[str, float]:
    """What a class costs: CPU-seconds of all processes, those of a start, and both by submission."""
    (_, start, _), (good, total, peak) = run(FEW), run(count)
    each = (total - start) / (count - FEW)
    by_submission = {"a submission, start included": total / count, "a submission alone": each}
    return {"right": good, "in all": total, "to start": start - FEW * each, **by_submission, "peak MB": peak}


def a_class(quick: bool) -> tuple[list[Row], dict[str, list]]:
    """Three sizes of a class: rows, and how the CPU-seconds grow."""
    sizes = (5, 10, 20) if quick else (30, 100, 300)
    good, times, peaks = zip(*map(run, sizes), strict=True)
    what = f"grading {sizes[-1]} submissions of Lab 1 with random recognised mistakes, {WORKERS} workers"
    held = f"peak memory of all processes, {sizes[0]} to {sizes[-1]}: {peaks[0]:.0f} to {peaks[-1]:.0f} MB; ratio"
    each = (times[-1] - times[0]) / (sizes[-1] - sizes[0])
    most = None if quick else 0.4
    rows = [
        alone("grading", f"{what}: graded right", good[-1], "submissions", least=sizes[-1]),
        alone("grading", f"{what}, all of the command: each", times[-1] / sizes[-1], "CPU-s", most=most),
        alone("grading", "the start of the command, in this", times[0] - sizes[0] * each, "CPU-s"),
        alone("grading", held, peaks[-1] / peaks[0], "", most=1.2),
    ]
    return rows, {"sizes": list(sizes), "times": list(times)}


def beside_nbclient(quick: bool) -> Row:
    """One submission in the warm sandbox, judged, beside a kernel that runs the same cells."""
    import nbformat
    from nbclient import NotebookClient
    from traitlets.config import Config

    from course_grading import judge
    from course_grading.model import Limits
    from course_grading.notebook import read

    notebook = mistaken(LAB, {})
    plain = nbformat.reads(notebook.decode(), as_version=4)
    plain.cells = [c for c in plain.cells if c.id in ("setup", "mine") or re.fullmatch(r"ex-[\d-]+-code", c.id)]
    options = {"timeout": 600, "kernel_name": "python3", "resources": {"metadata": {"path": str(ROOT)}}}
    options["config"] = Config(KernelManager={"transport": "ipc"})

    def ours() -> None:
        outcome = judge.judge(read(notebook), student="anna", lab=LAB, seed=1, limits=Limits())
        assert outcome.points == outcome.max_points, outcome

    row = compare(
        "grading", "one submission of Lab 1, set-up and exercise cells, CPU time of all processes", ours,
        lambda: NotebookClient(plain, **options).execute(), f"nbclient {version('nbclient')}",
        least=1 / 3, rounds=3 if quick else 7, unit="CPU-s", clock=cpu,
    )  # fmt: skip
    judge.close_sandbox()
    return replace(row, must="at most 3× its CPU time")


def own_python() -> str:
    """Python of the environment that holds torch: the course's own."""
    import torch

    own = Path(torch.__file__).parents[4] / "bin" / "python"
    return str(own if own.is_file() else sys.executable)


def grading(quick: bool) -> Iterator[Row | Plot]:
    """The rows, measured in a process of the environment that holds torch, and the plot."""
    line = [own_python(), "-m", "benchmarks.grading", *["quick"] * quick]
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(line, cwd=ROOT, env=variables, stdout=subprocess.PIPE, check=True, text=True)
    found = json.loads(done.stdout)
    yield from (Row(**row) for row in found["rows"])
    yield from grown("grading", "submissions", **found["growth"])


def main() -> None:
    """Print what was measured."""
    if sys.argv[1:2] == ["class"]:
        print(json.dumps(cost(int(sys.argv[2])), indent=1))
        return
    short = sys.argv[1:] == ["quick"]
    first = beside_nbclient(short)
    rows, times = a_class(short)
    print(json.dumps({"rows": [row.as_dict() for row in [first, *rows]], "growth": times}))


if __name__ == "__main__":
    main()
