"""A class of honest students: each notebook is the solution of Lab 1, written or arranged in a way of its own.

In a kernel every check of every one of them says "right ✓", so every one of them deserves all points.
"""

import json
from collections.abc import Callable

from tests.support.attacks import code, notebook_of

RIGHT = "x + h * (field(x, t) + field(x + h * field(x, t), t + h)) / 2"
SIGNATURE = "def heun_step(field, x, t, h):\n    "
WRONG = f"{SIGNATURE}return x\n"
ANSWER, CHECK, FIGURE = "ex-1-2-code", "ex-1-2-check", "euler-figure"
CHECKED = "checks.lab1.heun_step(heun_step)"
USES_MEAN = SIGNATURE + "return x + h * mean(field(x, t), field(x + h * field(x, t), t + h))\n"
MEAN = "def mean(a, b):\n    return (a + b) / 2\n"
USES_HALF = SIGNATURE + "return x + h * HALF * (field(x, t) + field(x + h * field(x, t), t + h))\n"
HALF = "HALF = 0.5\n"
BUSY = f"""import time
{SIGNATURE}end = time.process_time() + 0.15
    while time.process_time() < end:
        pass
    return {RIGHT}
"""


class Sheet:
    """The solution of Lab 1, to be changed cell by cell; every method gives the sheet itself."""

    def __init__(self):
        self.cells = notebook_of()["cells"]

    def _at(self, name: str) -> int:
        return next(i for i, cell in enumerate(self.cells) if cell["id"] == name)

    def source(self, name: str) -> str:
        """The source of a cell."""
        return "".join(self.cells[self._at(name)]["source"])

    def write(self, source: str, name: str = ANSWER) -> "Sheet":
        """Another source in a cell."""
        self.cells[self._at(name)]["source"] = source
        return self

    def add(self, source: str, name: str) -> "Sheet":
        """More lines at the end of a cell."""
        return self.write(f"{self.source(name)}\n{source}", name)

    def below(self, name: str, source: str) -> "Sheet":
        """A new cell below another."""
        self.cells.insert(self._at(name) + 1, code(source, f"own-{len(self.cells)}"))
        return self

    def last(self, source: str) -> "Sheet":
        """A new cell at the end."""
        return self.below(self.cells[-1]["id"], source)

    def drop(self, name: str) -> "Sheet":
        """Without a cell."""
        del self.cells[self._at(name)]
        return self

    def without_names(self) -> "Sheet":
        """As some editors save it: no ids, no metadata."""
        self.cells = [{k: v for k, v in cell.items() if k != "id"} | {"metadata": {}} for cell in self.cells]
        return self

    def in_one_cell(self) -> "Sheet":
        """Set-up, answers and checks in a single cell."""
        names = [f"ex-1-{i}-{kind}" for i in range(1, 8) for kind in ("code", "check")]
        self.cells = [code("\n\n".join(self.source(name) for name in ["setup", *names]), "all")]
        return self

    def answers_first(self) -> "Sheet":
        """Set-up, then all answers, then everything else."""
        first = [cell for cell in self.cells if cell["id"] == "setup" or cell["id"].endswith("-code")]
        self.cells = first + [cell for cell in self.cells if cell not in first]
        return self

    def packed(self) -> bytes:
        """The file."""
        return json.dumps(notebook_of() | {"cells": self.cells}).encode()


def answer(source: str) -> Callable[[Sheet], Sheet]:
    """Another answer to 1.2, in its cell."""
    return lambda sheet: sheet.write(source)


THREAD_POOL = f"""
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(2)
list(pool.map(str, range(8)))
{SIGNATURE}first = pool.submit(field, x, t).result()
    second = pool.submit(field, x + h * first, t + h).result()
    return x + h * (first + second) / 2
"""
WORKING_THREAD = f"""
import queue, threading
todo, done = queue.Queue(), queue.Queue()
def work():
    while True:
        f, *arguments = todo.get()
        done.put(f(*arguments))
threading.Thread(target=work, daemon=True).start()
def call(*parts):
    todo.put(parts)
    return done.get()
{SIGNATURE}first = call(field, x, t)
    return x + h * (first + call(field, x + h * first, t + h)) / 2
"""
PROCESS_POOL = f"""
import multiprocessing
def half(number):
    return number / 2
pool = multiprocessing.Pool(2)
{SIGNATURE}return x + pool.map(half, [h.item()])[0] * (field(x, t) + field(x + h * field(x, t), t + h))
"""
PROCESS_EXECUTOR = f"""
from concurrent.futures import ProcessPoolExecutor
def half(number):
    return number / 2
pool = ProcessPoolExecutor(2)
list(pool.map(half, [1, 2]))
{SIGNATURE}return x + list(pool.map(half, [h.item()]))[0] * (field(x, t) + field(x + h * field(x, t), t + h))
"""
LOCK = f"""
import threading
lock = threading.RLock()
{SIGNATURE}with lock:
        return {RIGHT}
"""
GENERATOR = f"""
def halves():
    while True:
        yield 0.5
half = halves()
{SIGNATURE}return x + h * next(half) * (field(x, t) + field(x + h * field(x, t), t + h))
"""
TORCH_GENERATOR = f"""
rng = torch.Generator().manual_seed(1)
{SIGNATURE}torch.rand(3, generator=rng)
    return {RIGHT}
"""
RECURSIVE = """
def euler(field, x0, n, done=0):
    if done == n:
        return x0[None]
    step = x0 + field(x0, torch.tensor(done / n)) / n
    return torch.cat([x0[None], euler(field, step, n, done + 1)])
"""
DECORATED = f"""
import functools, time
def timed(fn):
    @functools.wraps(fn)
    def inner(*arguments):
        started = time.perf_counter()
        result = fn(*arguments)
        timed.seconds = time.perf_counter() - started
        return result
    return inner
@timed
{SIGNATURE}return {RIGHT}
"""
CACHED = f"""
from functools import cache
@cache
def half():
    return 0.5
{SIGNATURE}return x + h * half() * (field(x, t) + field(x + h * field(x, t), t + h))
"""
PARTIAL = """
import functools
def step(weight, field, x, t, h):
    return x + h * weight * (field(x, t) + field(x + h * field(x, t), t + h))
heun_step = functools.partial(step, 0.5)
"""
CALLABLE = f"""
class Heun:
    def __call__(self, field, x, t, h):
        return {RIGHT}
heun_step = Heun()
"""
METHOD = """
class Solver:
    def __init__(self, weight):
        self.weight = weight
    def step(self, field, x, t, h):
        return x + h * self.weight * (field(x, t) + field(x + h * field(x, t), t + h))
heun_step = Solver(0.5).step
"""
MODULE = f"""
class Heun(torch.nn.Module):
    def forward(self, field, x, t, h):
        return {RIGHT}
heun_step = Heun()
"""
COUNTER = f"""
calls = 0
{SIGNATURE}global calls
    calls += 1
    return {RIGHT}
"""
NONLOCAL = f"""
def counted():
    calls = 0
    {SIGNATURE.replace("    ", "        ")}nonlocal calls
        calls += 1
        return {RIGHT}
    return heun_step
heun_step = counted()
"""
DATACLASS = f"""
from dataclasses import dataclass
@dataclass
class Config:
    weight: float = 0.5
config = Config()
{SIGNATURE}return x + h * config.weight * (field(x, t) + field(x + h * field(x, t), t + h))
"""
LATER_NAMES = f"""
from __future__ import annotations
def heun_step(field: Field, x: State, t: "Time", h: float) -> State:
    return {RIGHT}
"""
DYNAMIC = """
def make(weight):
    return lambda field, x, t, h: x + h * weight * (field(x, t) + field(x + h * field(x, t), t + h))
globals()["heun_step"] = make(0.5)
"""
SHOWN = f"""
{SIGNATURE}display(x.shape)
    return {RIGHT}
"""
ASKS_IPYTHON = f"""
{SIGNATURE}if get_ipython() is None:
        return None
    return {RIGHT}
"""
PLOTTED = f"""
import matplotlib.pyplot as plt
{SIGNATURE}return {RIGHT}
fig, ax = plt.subplots()
ax.plot([1, 2])
plt.show()
"""
PROGRESS = """
from tqdm import trange
def euler(field, x0, n):
    xs = [x0]
    for i in trange(n):
        xs.append(xs[-1] + field(xs[-1], torch.tensor(i / n)) / n)
    return torch.stack(xs)
"""
CHATTY = f"""
import logging, warnings
logging.basicConfig(level=logging.INFO)
{SIGNATURE}warnings.warn("careful")
    logging.info("a step of %s", h)
    print("x", x.shape)
    return {RIGHT}
"""
AWAITED = f"""
import asyncio
await asyncio.sleep(0)
{SIGNATURE}return {RIGHT}
"""
MATCHED = f"""
{SIGNATURE}match (first := field(x, t)).ndim:
        case 0:
            return None
        case _:
            return x + h * (first + field(x + h * first, t + h)) / 2
"""
FROM_FILE = f"""
import json, pathlib
pathlib.Path("config.json").write_text(json.dumps({{"half": 0.5}}))
{SIGNATURE}half = json.loads(pathlib.Path("config.json").read_text())["half"]
    return x + h * half * (field(x, t) + field(x + h * field(x, t), t + h))
"""
MODULE_FILE = f"%%writefile my_helpers.py\n{MEAN}"
SEVERAL_CHECKS = """
for name in ("euler", "heun_step"):
    getattr(checks.lab1, name)(globals()[name])
"""
FAILS_LATER = f"{SIGNATURE}return {RIGHT}\nprint(states_of_a_figure.shape)\n"
FIGURE_NAMES = SIGNATURE + "return x + h * (field(x, t) + field(x + h * field(x, t), t + h)) / (THETA - 1)\n"
FIGURE_FUNCTION = "def langevin_drift(score, x, sigma):\n    return -pull(sigma**2 / 6 * score(x), None)\n"
WORSE = "def worse(field, x, t, h):\n    return x + h * field(x, t)\n"
OTHER_NAME = f"def my_step(field, x, t, h):\n    return {RIGHT}\n"
RIGHT_STEP = f"{SIGNATURE}return {RIGHT}\n"

STREAMS = f"""
import faulthandler, subprocess, sys
{SIGNATURE}for stream in (sys.stdout, sys.stderr):
        assert stream.encoding.lower() == "utf-8" and stream.writable() and not stream.isatty() and not stream.closed
        print(stream.name, stream.errors, stream.newlines, file=stream, flush=True)
        stream.writelines(["a", "b"])
        faulthandler.dump_traceback(stream)
        subprocess.run(["true"], stdout=stream)
    return {RIGHT}
"""
KERNEL_STREAMS = """
import io, sys
for stream, name, number in ((sys.stdout, "stdout", 1), (sys.stderr, "stderr", 2)):
    assert isinstance(stream, io.TextIOBase) and stream.name == name and stream.fileno() >= number
    assert not (stream.readable() or stream.seekable() or hasattr(stream, "buffer") or hasattr(stream, "reconfigure"))
    for refused in (stream.read, stream.tell, stream.detach):
        try:
            refused()
        except io.UnsupportedOperation:
            continue
        raise AssertionError(refused)
    try:
        stream.write(b"x")
    except TypeError:
        continue
    raise AssertionError
"""
FIRST_RIGHT = f"""
{WORSE}
better = lambda field, x, t, h: {RIGHT}
other = lambda field, x, t, h: x
from contextlib import suppress
for version in (other, worse, better, other):
    with suppress(AssertionError):
        checks.lab1.heun_step(version)
        heun_step = version
        break
"""

CLASS: dict[str, Callable[[Sheet], Sheet]] = {
    "the solution": lambda s: s,
    "busy for a while": lambda s: s.write(BUSY),
    "set-up copied below": lambda s: s.below(ANSWER, s.source("setup")).below(ANSWER, "math = torch = None"),
    # where helpers and constants stand
    "helper below": lambda s: s.write(USES_MEAN).below(ANSWER, MEAN),
    "constant below": lambda s: s.write(USES_HALF).below(ANSWER, HALF),
    "helper above": lambda s: s.write(USES_MEAN).below("ex-1-1-check", MEAN),
    "helper in a figure cell": lambda s: s.write(USES_MEAN).add(MEAN, FIGURE),
    "constant in a figure cell": lambda s: s.write(USES_HALF).add(HALF, FIGURE),
    "constant computed in a figure cell": lambda s: s.write(USES_HALF).add("HALF = math.sqrt(0.25)", FIGURE),
    "lambda in a figure cell": lambda s: s.write(USES_MEAN).add("mean = lambda a, b: (a + b) / 2", FIGURE),
    "import in a figure cell": lambda s: s.write(USES_MEAN).add("from statistics import fmean\n" + MEAN, FIGURE),
    "constant of a released figure cell": lambda s: s.write(FIGURE_NAMES),
    "function of a released figure cell": lambda s: s.write(FIGURE_FUNCTION, "ex-1-6-code"),
    "helper at the end, check repeated": lambda s: s.write(USES_MEAN).last(MEAN).last(CHECKED),
    "lambda at the end, check repeated": lambda s: (
        s.write(USES_MEAN).last("mean = lambda a, b: (a + b) / 2").last(CHECKED)
    ),
    "helper at the end": lambda s: s.write(USES_MEAN).last(MEAN),
    "decorator at the end": lambda s: s.write(f"@plain\n{RIGHT_STEP}").last("def plain(fn):\n    return fn"),
    "helper redefined for a later exercise": lambda s: (
        s.write(USES_MEAN).below(ANSWER, MEAN).below(CHECK, "def mean(a, b):\n    return a")
    ),
    "constant changed later": lambda s: s.write(USES_HALF).below(ANSWER, HALF).below(CHECK, "HALF = 7"),
    "helper deleted later": lambda s: s.write(USES_MEAN).below(ANSWER, MEAN).below(CHECK, "del mean"),
    "helper and check in one cell": lambda s: s.write(USES_MEAN).write(f"{MEAN}\n{CHECKED}", CHECK),
    "helper before an error": lambda s: s.write(USES_MEAN).below(ANSWER, f"{MEAN}\n1 / 0"),
    "helper after an error of a figure": lambda s: s.write(USES_MEAN).below(ANSWER, f"print(ns)\n{MEAN}"),
    "error after the answer": answer(FAILS_LATER),
    # magics and commands
    "%%time": answer(f"%%time\n{RIGHT_STEP}"),
    "%%time in a cell without a name": lambda s: s.write(f"%%time\n{RIGHT_STEP}").without_names(),
    "%%time in a cell of one's own": lambda s: s.write("").below(ANSWER, f"%%time\n{RIGHT_STEP}"),
    "%%time on a figure cell": lambda s: s.write(USES_MEAN).write(f"%%time\n{s.source(FIGURE)}\n{MEAN}", FIGURE),
    "%%capture": answer(f"%%capture\n{RIGHT_STEP}"),
    "%%capture kept": answer(f"%%capture out --no-stderr\n{RIGHT_STEP}"),
    "%time": answer(f"{RIGHT_STEP}%time answer = heun_step(lambda x, t: x, torch.ones(1), 0.0, 0.1)"),
    "%timeit": answer(f"{RIGHT_STEP}%timeit -n 1 -r 1 heun_step(lambda x, t: x, torch.ones(1), 0.0, 0.1)"),
    "%matplotlib": answer(f"%matplotlib inline\n{RIGHT_STEP}"),
    "%pip": answer(f"%pip install torchdiffeq\n{RIGHT_STEP}"),
    "!ls": answer(f"!ls\nfiles = !ls\n{RIGHT_STEP}"),
    "%autoreload": answer(f"%load_ext autoreload\n%autoreload 2\n{RIGHT_STEP}"),
    "an unknown extension": answer(f"%load_ext lab_black\n{RIGHT_STEP}"),
    "%%writefile": lambda s: (
        s.write(USES_MEAN).below("ex-1-1-check", MODULE_FILE).below(ANSWER, "from my_helpers import mean")
    ),
    "%run": lambda s: s.write(USES_MEAN).below("ex-1-1-check", MODULE_FILE).below(ANSWER, "%run my_helpers.py"),
    "%%bash": lambda s: s.below("ex-1-1-check", "%%bash\nls"),
    "display": answer(SHOWN),
    "asks its streams": answer(STREAMS),
    "what its streams are": lambda s: s.below("setup", KERNEL_STREAMS),
    "get_ipython": answer(ASKS_IPYTHON),
    # what does not survive a copy of the process
    "thread pool": answer(THREAD_POOL),
    "thread at work": answer(WORKING_THREAD),
    "process pool": answer(PROCESS_POOL),
    "executor of processes": answer(PROCESS_EXECUTOR),
    "lock": answer(LOCK),
    "generator": answer(GENERATOR),
    "generator of torch": answer(TORCH_GENERATOR),
    # what a function can be
    "recursive": lambda s: s.write(RECURSIVE, "ex-1-1-code"),
    "decorated": answer(DECORATED),
    "cached helper": answer(CACHED),
    "partial": answer(PARTIAL),
    "callable object": answer(CALLABLE),
    "method": answer(METHOD),
    "module of torch": answer(MODULE),
    "lambda": answer(f"heun_step = lambda field, x, t, h: {RIGHT}"),
    "global counter": answer(COUNTER),
    "nonlocal counter": answer(NONLOCAL),
    "dataclass": answer(DATACLASS),
    "annotations of later names": answer(LATER_NAMES),
    "made at run time": answer(DYNAMIC),
    "walrus and match": answer(MATCHED),
    "awaits": answer(AWAITED),
    "reads a file of its own": answer(FROM_FILE),
    "draws": answer(PLOTTED),
    "progress bar": lambda s: s.write(PROGRESS, "ex-1-1-code"),
    "prints, warns and logs": answer(CHATTY),
    # which definition counts
    "twice in a cell": answer(WRONG + RIGHT_STEP),
    "again below, before the check": lambda s: s.write(WRONG).below(ANSWER, RIGHT_STEP),
    "again at the end, check repeated": lambda s: s.write(WRONG).last(RIGHT_STEP).last(CHECKED),
    "another try after the check": lambda s: s.below(CHECK, WRONG),
    "star import after the check": lambda s: s.last(
        "from course_utils import *\nfrom course_utils.simulators import *"
    ),
    "another name is checked": lambda s: s.below(ANSWER, OTHER_NAME).write("checks.lab1.heun_step(my_step)", CHECK),
    "another name, cell untouched": lambda s: s.write(f"{SIGNATURE}raise NotImplementedError").below(
        CHECK, OTHER_NAME + "checks.lab1.heun_step(my_step)"
    ),
    "a lambda is checked": lambda s: s.write(f"checks.lab1.heun_step(lambda field, x, t, h: {RIGHT})", CHECK),
    "the check by another name": lambda s: s.write(f"check = checks.lab1.heun_step\n{MEAN}check(heun_step)", CHECK),
    "checks in a loop": lambda s: s.write(USES_MEAN).last(MEAN + SEVERAL_CHECKS),
    # several versions of a function
    "a wrong version is checked last": lambda s: s.below(CHECK, f"{WORSE}checks.lab1.heun_step(worse)"),
    "a wrong version is tried after the check": lambda s: s.below(CHECK, f"{WRONG}{CHECKED}"),
    "a wrong version is tried in cells of one's own": lambda s: (
        s.drop(ANSWER).below(CHECK, RIGHT_STEP + CHECKED).last(f"{WRONG}{CHECKED}")
    ),
    "versions in one cell, a wrong one checked last": lambda s: s.write(
        f"{RIGHT_STEP}{WORSE}{CHECKED}\nchecks.lab1.heun_step(worse)"
    ).drop(CHECK),
    "a wrong version is checked at the end": lambda s: s.last(f"{WORSE}checks.lab1.heun_step(worse)"),
    "a check that may fail": answer(f"{RIGHT_STEP}try:\n    {CHECKED}\nexcept Exception:\n    pass\n"),
    "a wrong version checked in a try": lambda s: s.below(
        CHECK, f"{WORSE}try:\n    checks.lab1.heun_step(worse)\nexcept:\n    pass\n"
    ),
    "the first version whose check does not fail": lambda s: s.write(FIRST_RIGHT).drop(CHECK),
    "what a check that fails leads to": lambda s: s.write(
        f"{WRONG}try:\n    {CHECKED}\nexcept checks.CheckFailed:\n    heun_step = lambda field, x, t, h: {RIGHT}\n"
    ).drop(CHECK),
    "all versions in a loop": lambda s: s.write(FIRST_RIGHT.replace("        break\n", "")).drop(CHECK),
    "no checks": lambda s: s.drop(CHECK).drop("ex-1-6-check"),
    # how cells are arranged
    "all in one cell": Sheet.in_one_cell,
    "answers first": Sheet.answers_first,
    "without names": Sheet.without_names,
    "another type of numbers later": lambda s: s.last("torch.set_default_dtype(torch.float32)"),
}
"""By what is unusual, how the solution is changed."""


def notebook(name: str) -> bytes:
    """One student's file."""
    return CLASS[name](Sheet()).packed()
