"""Judged outside the sandbox: right answers earn their points, mistakes are named, no sentence tells an input."""

import dataclasses
import json
import pickle
import random
import re
import time

import pytest
import torch
from msgspec.structs import replace

from benchmarks.grading import mistaken
from course_grading import budget, cases, verdicts
from course_grading.cases import HIDDEN, KNOWN, Question, question
from course_grading.cells import Process
from course_grading.judge import close_sandbox, judge, warm_sandbox
from course_grading.labs import exercises
from course_grading.model import MB, Answer, Limits, Outcome, from_json, to_json
from course_grading.notebook import Cell, Notebook
from course_grading.plan import Released
from course_grading.replies import right
from course_grading.running import run
from course_grading.sandbox.guest import wire
from course_grading.sandbox.guest.messages import Answered, Described, Failed, Failure, Holding, Raised, Shown
from course_grading.sandbox.protocol import Ending, Session
from course_grading.seen import SeenFunction
from course_utils.checks.calling import called
from course_utils.checks.exercise import CHECK_SEEDS
from course_utils.checks.families import build
from tests.support.attacks import EARLY, LAB, LATE, LIMITS, ROOT, SEED, code, grade, notebook_of, submission
from tests.support.grading_class import FULL

pytestmark = pytest.mark.slow

LABS = sorted(path.stem for path in (ROOT / "solutions").glob("*/*.ipynb"))
each_lab = pytest.mark.parametrize("lab", LABS)
STUB = "def {name}(*a):\n    raise NotImplementedError"


@pytest.fixture(scope="module", autouse=True)
def closed():
    yield
    close_sandbox()


def packed(notebook: dict) -> bytes:
    return json.dumps(notebook).encode()


def one(source: str, cell: str = "ex-1-2-code", **limits) -> tuple[Answer, Outcome]:
    """The answer of exercise 1.2 (or another) when its cell holds this source; all others are right."""
    outcome = grade(submission(**{cell.replace("-", "_"): source}), limits=Limits(**{**LIMITS.__dict__, **limits}))
    assert sum(answer.status == "right" for answer in outcome.answers if answer.cell != cell) == len(exercises(LAB)) - 1
    return next(answer for answer in outcome.answers if answer.cell == cell), outcome


def returning(expression: str) -> str:
    mean = "(field(x, t) + field(x + h * field(x, t), t + h)) / 2"
    return f"def heun_step(field, x, t, h):\n    right = x + h * {mean}\n    return {expression}"


# all labs


@each_lab
def test_the_solution_earns_everything_and_the_untouched_lab_nothing(lab: str):
    full = grade(packed(notebook_of(lab)), lab)
    assert [a.exercise for a in full.answers] == list(exercises(lab)) and full.flags == () and full.reason is None
    assert {a.status for a in full.answers} == {"right"}
    assert full.points == full.max_points == sum(e.points for e in exercises(lab).values())
    none = grade(packed(notebook_of(lab, "labs")), lab)
    assert {(a.status, a.points) for a in none.answers} == {("not done", 0.0)} and none.flags == ()


def returns(exercise, mistake) -> bool:
    """Whether a mistake returns something in every case of a check."""
    try:
        return all(called(mistake.wrong, build(exercise.draw(seed)), exercise.sees) for seed in CHECK_SEEDS)
    except Exception:
        return False


@each_lab
def test_a_random_recognised_mistake_of_every_exercise_is_named(lab: str):
    """Of those that raise an error in some case, such as a time on the wrong axis, the error is told instead."""
    draw = random.Random(lab)
    chosen = {
        name: draw.choice([k for k, m in enumerate(e.mistakes) if returns(e, m)]) for name, e in exercises(lab).items()
    }
    outcome = grade(mistaken(lab, chosen), lab)
    for answer in outcome.answers:
        mistake = exercises(lab)[answer.exercise].mistakes[chosen[answer.exercise]]
        assert (answer.status, answer.points, answer.mistake) == ("wrong", 0.0, mistake.name), answer
        assert answer.message == f"Likely cause: {mistake.message}"


# answers of many kinds

KINDS = {
    "right": ("right", "right", ""),
    "nothing": ("None", "wrong", "got nothing: is a `return` missing"),
    "list": ("[right]", "wrong", "got a list"),
    "array": ("right.numpy()", "wrong", "got a NumPy array"),
    "generator": ("(row for row in right)", "wrong", "got something else"),
    "text": ("'1.0'", "wrong", "got a str"),
    "nan": ("right * float('nan')", "wrong", "infinite or not a number"),
    "infinite": ("right / 0", "wrong", "infinite or not a number"),
    "dtype": ("right.float()", "wrong", "dtype float32, expected float64"),
    "complex": ("right.to(torch.complex64)", "wrong", "got a tensor of another size or kind"),
    "axes": ("right[None]", "wrong", "3 axes, expected 2 axes"),
    "length": ("right[1:]", "wrong", "wrong length along axis 0"),
    "huge": ("torch.zeros(3000, 3000)", "wrong", "got a tensor of another size or kind"),
    "huge for free": ("right[:1, :1].expand(10**6, 10**6)", "wrong", "got a tensor of another size or kind"),
    "sparse": ("right.to_sparse()", "wrong", "got a tensor of another size or kind"),
    "values": ("right + 1e-3", "wrong", "The values are not right."),
    "random": ("right + torch.rand(())", "wrong", "Two calls"),
    "in place": ("x.add_(1)", "wrong", "changed its input x in place"),
    "parameter": ("torch.nn.Parameter(right)", "right", ""),
    "subclass": ("right.as_subclass(type('Mine', (torch.Tensor,), {}))", "wrong", "got something else"),
    "exception": ("[][1]", "error", "raised an IndexError in line 3 of its cell"),
    "own exception": ("exec(\"raise type('Odd' + str(x), (Exception,), {})\")", "error", "raised an exception"),
    "exit": ("__import__('os')._exit(0)", "error", "ended the process"),
    "leave": ("exit(0)", "error", ""),
    "recursion": ("heun_step(field, x, t, h)", "error", "raised a RecursionError"),
    "print": ("(print('x' * 10**7), right)[1]", "right", ""),
    "no gradient": ("right.detach()", "right", ""),
    "pretender": ("type('P', (), {'__class__': torch.Tensor, '__getattr__': lambda s, n: s})()", "wrong", "got "),
    "array protocol": ("type('A', (), {'__array__': lambda s, *a: right.numpy()})()", "wrong", "got something else"),
    "meta": ("right.to('meta')", "wrong", "got "),
    "unrolled": ("right.as_subclass(type('S', (torch.Tensor,), {'shape': property(lambda s: [s])}))", "wrong", "got "),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_of_any_kind_gets_its_verdict_and_no_other_suffers(kind: str):
    expression, status, words = KINDS[kind]
    answer, _ = one(returning(expression))
    assert (answer.status, answer.points) == (status, 2.0 if status == "right" else 0.0), answer
    assert words in answer.message


ALWAYS_EQUAL = """
class Same(torch.Tensor):
    @classmethod
    def __torch_function__(cls, f, types, args=(), kwargs=None):
        return True
    def __eq__(self, other):
        return True
def heun_step(field, x, t, h):
    return torch.zeros(4, 2).as_subclass(Same)
"""
JSON_BOMB = """
import os, sys
def heun_step(*a):
    frame = sys._getframe()
    while "asked" not in frame.f_locals:
        frame = frame.f_back
    asked, channel = frame.f_locals["asked"], frame.f_locals["channel"]
    parts = '"",' * 10**6
    bomb = '{"id": "%s", "body": {"type": "Answered", "values": {}, "changed": [%s""], "repeatable": true}}'
    bomb = bomb % (asked.id, parts)
    data = memoryview(bomb.encode() + bytes([10]))
    while data:
        data = data[os.write(channel, data):]
"""
WRONG = {
    "much to parse": JSON_BOMB,
    "an object equal to everything": ALWAYS_EQUAL,
    "no tensor equal to everything": "class E:\n    __eq__ = lambda *a: True\nheun_step = lambda *a: E()",
    "no function": "heun_step = 3",
    "no Python": "def heun_step(:",
    "error in the cell": "def heun_step(*a):\n    pass\n1 / 0\n",
    "deleted": "def heun_step(*a): pass\ndel heun_step",
    "endless": "def heun_step(*a):\n    while True:\n        torch.zeros(1)",
    "endless, stubborn": "import time\ndef heun_step(*a):\n    while True:\n        try:\n            while True:\n"
    "                time.sleep(.01)\n        except BaseException as e:\n            kept = e",
    "bomb": "import os\ndef heun_step(*a):\n    while True:\n        os.fork()",
    "memory": "def heun_step(*a):\n    held = []\n    while True:\n        held.append(torch.ones(10**7))",
    "forged": "import os, json\ndef heun_step(*a):\n    for f in range(3, 100):\n        try:\n"
    "            os.write(f, b'[' * 10**6 + bytes([10]))\n        except OSError:\n            pass\n    return a[1]",
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_answer_earns_nothing_and_no_other_suffers(kind: str):
    answer, outcome = one(WRONG[kind])
    assert answer.status in ("wrong", "error", "missing") and answer.points == 0 and outcome.points == FULL - 2
    assert answer.message


@pytest.mark.parametrize("patch", ["isinstance = lambda *a: True", "len = lambda x: 0", "dict = list", "open = print"])
def test_patched_builtins_cost_at_most_ones_own_points_and_are_flagged(patch: str):
    """Python itself is broken then: honest functions may no longer run, but nobody else suffers."""
    outcome = grade(submission(EARLY, f"import builtins\nbuiltins.{patch}", ex_1_2_code=returning("x + 1")))
    assert outcome.reason is None and outcome.answers[1].points == 0
    seen = any("tampered" in flag or "disturbed" in flag for flag in outcome.flags)
    assert outcome.points == FULL - 2 or seen, outcome
    assert grade(submission()).points == FULL


def test_a_notebook_has_its_time():
    notebook = notebook_of()
    at = next(i for i, c in enumerate(notebook["cells"]) if c["id"] == "ex-1-3-code")
    notebook["cells"][at:at] = [code(f"import time\ntime.sleep(1.5)  # {i}", f"mine-{i}") for i in range(9)]
    limits = Limits(**{**LIMITS.__dict__, "notebook_seconds": 5})
    started = time.monotonic()
    outcome = grade(packed(notebook), limits=limits)
    assert [a.status for a in outcome.answers] == ["right"] * 2 + ["not reached"] * 5
    assert any("no time left" in flag for flag in outcome.flags)
    assert time.monotonic() - started < 600  # it ends; how soon, a busy machine decides


def test_what_needs_more_than_its_share_of_a_short_run_is_right_in_a_longer_one():
    """A function may take its time: the first run says that it was short, and the second has the rest."""
    source = "import time\n" + returning("time.sleep(0.6) or right")
    for share, points in ((budget.FIRST, 0), (budget.SECOND, 2)):
        limits = budget.part(dataclasses.replace(LIMITS, notebook_seconds=120, cell_seconds=20), share)
        outcome = grade(submission(ex_1_2_code=source), limits=limits)
        assert outcome.answers[1].points == points, outcome.answers[1]
        assert budget.is_slow(outcome, limits) == (points == 0)


def test_a_missing_cell_is_missing_and_a_stub_is_not_done():
    notebook = notebook_of()
    notebook["cells"] = [c for c in notebook["cells"] if c["id"] != "ex-1-2-code"]
    outcome = grade(packed(notebook))
    assert outcome.points == FULL - 2 and outcome.answers[1].status == "missing" and outcome.answers[1].cell is None
    answer, _ = one(STUB.format(name="heun_step"))
    assert (answer.status, answer.message) == ("not done", "Not done yet.")


def test_what_stands_before_too_many_ends_is_kept():
    leave = "import os\nos._exit(1)"
    notebook = notebook_of()
    at = next(i for i, c in enumerate(notebook["cells"]) if c["id"] == "ex-1-3-code")
    notebook["cells"][at:at] = [code(leave, f"mine-{i}") for i in range(LIMITS.restarts + 2)]
    outcome = grade(packed(notebook))
    assert [a.status for a in outcome.answers] == ["right"] * 2 + ["not reached"] * 5
    assert sum("ended the process" in flag for flag in outcome.flags) == LIMITS.restarts + 1
    notebook["cells"] = [c for c in notebook["cells"] if c["id"] not in ("mine-4", "mine-5")]
    assert grade(packed(notebook)).points == FULL


# nothing is told

TELL = """
import threading
told = []
def heun_step(field, x, t, h):
    words = " ".join(f"{v:.6f}" for v in x.flatten().tolist())
    print(words)
    told.append(words)
    for path in ("/tmp/told", "/dev/shm/told"):
        open(path, "a").write(words)
    if len(told) > 1:
        raise type("E" + words.replace(" ", "_"), (ValueError,), {})(words)
    return x + h * field(x, t)
def watch():
    while True:
        print(told)
threading.Thread(target=watch, daemon=True).start()
"""
ASK = """
import os, time
time.sleep(0.3)
print(told, [open(f).read() for f in ("/tmp/told", "/dev/shm/told") if os.path.exists(f)])
"""


HUNT = """
import gc, os, sys
calls = []
def heun_step(field, x, t, h):
    calls.append(hunt() if not calls else None)
    return x + h * (field(x, t) + field(x + h * field(x, t), t + h)) / 2
def hunt():
    frame, texts = sys._getframe(), [repr(dict(os.environ))]
    while frame:
        texts.append(repr(frame.f_locals))
        frame = frame.f_back
    texts += [repr(o)[:10_000] for o in gc.get_objects() if isinstance(o, (dict, list, tuple))]
    for process in (p for p in os.listdir("/proc") if p.isdigit()):
        for name in ("cmdline", "environ", "status"):
            try:
                texts.append(open(f"/proc/{process}/{name}", errors="replace").read())
            except OSError:
                pass
    everything = " ".join(texts)
    assert "observer" in everything and "SEED" not in everything
"""


@pytest.mark.parametrize(("word", "status"), [(str(SEED), "right"), ("cases=[", "error")])
def test_the_seed_is_nowhere_where_answers_run(word: str, status: str):
    """And what is there is found, else the search would show nothing."""
    answer, _ = one(HUNT.replace('"SEED"', f"bytes({list(word.encode())}).decode()"))
    assert answer.status == status, answer


def numbers_of(case: dict) -> list[float]:
    found = []
    for value in case.values():
        if isinstance(value, dict):
            found += numbers_of(value)
        elif isinstance(value, torch.Tensor):
            found += value.flatten().tolist()
    return found


def test_no_hidden_input_reaches_the_student():
    outcome = replace(grade(submission(LATE, ASK, ex_1_2_code=TELL)), cpu_seconds=0.0)  # it has digits of its own
    text = to_json(outcome)
    assert outcome.answers[1].status == "error" and "[]" in outcome.printed["mine"]
    drawn = question(exercises(LAB)["heun_step"], SEED, LIMITS.cases).cases[HIDDEN]
    numbers = [n for case in drawn for n in numbers_of(case)]
    assert len(numbers) > 50
    assert not any(f"{abs(n):.{digits}f}" in text for n in numbers for digits in (3, 6))
    assert str(SEED) not in text


@each_lab
def test_no_sentence_holds_a_number_of_a_case(lab: str):
    """Whatever values come back: the sentence is the same for other cases."""
    for exercise in exercises(lab).values():
        drawn = [question(exercise, seed, 3) for seed in range(3)]
        asked = [replace_known(one, one.cases[HIDDEN]) for one in drawn]
        right = [[(case, values_of(exercise, case)) for case in one.cases[KNOWN]] for one in asked]
        for spoil in (lambda v: v * 0 + 7, lambda v: v[None], lambda v: v.new_zeros(3, 1)):
            said = set()
            for one, pairs in zip(asked, right, strict=True):
                replies = [given(case, {k: spoil(v) for k, v in values.items()}) for case, values in pairs]
                answer = judged(one, replies)
                assert answer.status == "wrong" and not re.search(r"\d\.\d|\d\d", answer.message), answer
                said.add(answer.message)
            assert len(said) == 1 or exercise.name in ("gaussian_frechet_distance",), said


def test_an_exception_is_told_by_a_known_name_and_a_line_of_its_cell():
    assert verdicts.exception(Raised("IndexError", line=3), 5) == "an IndexError in line 3 of its cell"
    for line in (None, 314159, 0, -1):
        assert verdicts.exception(Raised("IndexError", line=line), 5) == "an IndexError"
    for kind in ("E3.14", "", "Index Error"):
        assert verdicts.exception(Raised(kind), 5) == "an exception"


# nothing that comes back is believed


def packed_all(values: dict) -> dict:
    return {k: wire.pack_tensor(v) for k, v in values.items() if isinstance(v, torch.Tensor)}


def given(case: dict, values: dict, again: dict | None = None, changed: tuple = (), **inputs) -> Answered:
    """The reply to a case with these values, which changed these inputs."""
    same = packed_all(values)
    return Answered(same, same if again is None else packed_all(again), packed_all(case | inputs), list(changed))


def values_of(exercise, case: dict) -> dict:
    return exercise.observe(exercise.oracle, case).values


def judged(asked: Question, replies: list[Shown], **more) -> Answer:
    known, hidden = replies[KNOWN], replies[HIDDEN]
    pairs = ((asked.cases[KNOWN], known), (asked.cases[HIDDEN], hidden))
    good = all(right(asked.exercise, *pair) for pair in pairs)
    return verdicts.judged(asked, SeenFunction("cell", Holding.HELD, replies, right=good, **more), 10)


def replace_known(asked: Question, drawn: tuple[dict, ...]) -> Question:
    """A question of which these cases are the known ones."""
    return Question(asked.exercise, drawn, tuple(wire.pack_group(case) for case in drawn), asked.observer)


def tensor(shape: list[int] = (4, 2), data: bytes = bytes(64), dtype: str = "float64") -> wire.Packed:
    return wire.Packed(dtype, list(shape), data)


def reply(values: dict, inputs: dict | None = None, changed: tuple = (), again: dict | None = None) -> Answered:
    case = question(exercises(LAB)["heun_step"], SEED, 1).cases[0]
    left = packed_all(case) if inputs is None else inputs
    return Answered(values, values if again is None else again, left, list(changed))


ODD = {
    "no reply": [],
    "no values": [reply({})],
    "another name": [reply({"other": tensor()})],
    "one name more": [reply({"result": tensor(), "other": tensor()})],
    "no second call": [reply({"result": tensor()}, again={})],
    "an unknown input": [reply({"result": tensor()}, changed=("seed",))],
    "no inputs": [reply({"result": tensor()}, {})],
    "one input more": [reply({"result": tensor()}, {name: tensor() for name in ("x", "t", "h", "seed")})],
    "inputs with too few bytes": [reply({"result": tensor()}, {name: tensor(data=b"") for name in ("x", "t", "h")})],
    "too few bytes": [reply({"result": tensor(data=bytes(63))})],
    "too many bytes": [reply({"result": tensor(data=bytes(72))})],
    "huge": [reply({"result": tensor([10**18, 10**18, 0], b"")})],
    "huge and negative": [reply({"result": tensor([-1], b"")})],
    "another type": [reply({"result": tensor(dtype="float32")})],
    "an error without words": [Failed(Failure.RAISED)],
    "an error of its own": [Failed(Failure.RAISED, Raised("E3.14", "2.71", 10**9))],
}


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_reply_is_a_wrong_answer_and_never_an_error(kind: str):
    asked = question(exercises(LAB)["heun_step"], SEED, 1)
    replies = ODD[kind] * (len(asked.cases) if isinstance(next(iter(ODD[kind]), None), Answered) else 1)
    answer = judged(asked, replies)
    assert answer.status in ("wrong", "error") and answer.points == 0 and answer.message
    assert not re.search(r"\d\.\d", answer.message)


def all_right(asked: Question) -> list[Answered]:
    return [given(case, values_of(asked.exercise, case)) for case in asked.cases]


def test_a_right_answer_to_some_cases_only_is_wrong():
    asked = question(exercises(LAB)["heun_step"], SEED, 3)
    replies = all_right(asked)
    assert judged(asked, replies).status == "right"
    changed = given(asked.cases[-1], values_of(asked.exercise, asked.cases[-1]), changed=("x",))
    some = replies[:-1]
    for few in (replies[:2], [], replies[:1] * len(replies), [*some, changed], some, [*replies, replies[0]]):
        assert judged(asked, few).status in ("wrong", "error"), few


def test_whether_an_input_was_changed_follows_from_its_bytes():
    """Whatever the process says about it."""
    asked = question(exercises(LAB)["heun_step"], SEED, 1)
    first = asked.cases[0]
    values = values_of(asked.exercise, first)
    for inputs in ({"x": first["x"] + 1}, {"x": first["x"][1:]}, {"x": first["x"].float()}, {"h": -first["h"]}):
        answer = judged(asked, [given(first, values, **inputs), *all_right(asked)[1:]])
        assert answer.message.startswith(f"Your function changed its input {next(iter(inputs))} in place"), answer
    other = {name: value + 1e-9 for name, value in values.items()}
    answer = judged(asked, [given(first, values, other), *all_right(asked)[1:]])
    assert answer.message.startswith("Two calls with the same inputs gave different results")


OF_HIDDEN_CASES = {
    "an error": ([Failed(Failure.RAISED, Raised("KeyError", line=7))], {}),
    "too late": ([Failed(Failure.OUT_OF_TIME)], {}),
    "not done": ([Failed(Failure.NOT_DONE)], {}),
    "another kind": ([Failed(Failure.RETURNED)], {}),
    "an end": ([], {"ending": Ending.ENDED}),
    "silence": ([], {"ending": Ending.SILENT}),
    "garbage": ([], {"ending": Ending.GARBLED}),
    "a recognised mistake": "mistake",
    "another shape": "shape",
    "in place": "in place",
}


@pytest.mark.parametrize("kind", OF_HIDDEN_CASES)
def test_of_hidden_cases_a_student_reads_one_bit(kind: str):
    """What an answer does with inputs that nobody knows chooses between two sentences, not between many."""
    exercise = exercises(LAB)["heun_step"]
    asked = question(exercise, SEED, 1)
    known, case = all_right(asked)[KNOWN], asked.cases[-1]
    values = values_of(exercise, case)
    made = {
        "mistake": lambda: given(case, exercise.observe(exercise.mistakes[0].wrong, case).values),
        "shape": lambda: given(case, {"result": values["result"][1:]}),
        "in place": lambda: given(case, values, x=case["x"] + 1),
    }
    what = OF_HIDDEN_CASES[kind]
    last, more = ([made[what]()], {}) if isinstance(what, str) else what
    answer = judged(asked, [*known, *last], **more)
    assert (answer.status, answer.message, answer.mistake) == ("wrong", verdicts.HIDDEN, None)


# what the instructor is told

OWN = {
    "module": "from course_utils import simulators as s\ndef heun_step(*a):\n    return s.heun_step(*a)",
    "alias": "import course_utils.simulators as cs\nheun_step = cs.heun_step",
    "name": "from course_utils.simulators import heun_step",
    "renamed": "from course_utils.simulators import heun_step as theirs\ndef heun_step(*a): return theirs(*a)",
    "inside": "def heun_step(*a):\n    from course_utils.simulators import heun_step as theirs\n    return theirs(*a)",
    "variable": "theirs = simulators.heun_step\nheun_step = lambda *a: theirs(*a)",
    "star": "from course_utils.simulators import *",
    "star elsewhere": "pass\nfrom course_utils.simulators import *\ndef other(): pass",
    "getattr": "from course_utils import simulators as s\ndef heun_step(*a):\n    return getattr(s, 'heun_step')(*a)",
    "by name": "import importlib\nheun_step = importlib.import_module('course_utils.simulators').heun_step",
    "helper": "def inner(*a):\n    return simulators.heun_step(*a)\n\ndef heun_step(*a):\n    return inner(*a)",
    "partial": "from functools import partial\nheun_step = partial(simulators.heun_step)",
    "package": "import course_utils\ndef heun_step(*a):\n    return course_utils.simulators.heun_step(*a)",
}


@pytest.mark.parametrize("how", OWN)
def test_an_answer_that_is_the_packages_own_is_flagged_and_keeps_its_points(how: str):
    answer, outcome = one(OWN[how])
    assert answer.status == "right"
    name = "\\*" if "star" in how else "heun_step"
    assert [f for f in outcome.flags if re.search(rf"1.2 uses the package's own simulators.{name}", f)], outcome.flags


def test_a_decoy_of_the_same_name_hides_no_flag():
    notebook = notebook_of()
    [answer] = [cell for cell in notebook["cells"] if cell["id"] == "ex-1-2-code"]
    answer |= {"id": "y", "metadata": {}, "source": OWN["partial"]}
    notebook["cells"] = [code("x = 1", "y"), *notebook["cells"], code("x = 2", "y~2")]
    outcome = grade(packed(notebook))
    assert any("1.2 uses the package's own" in flag for flag in outcome.flags), outcome.flags


def test_a_changed_set_up_cell_runs_too_and_is_flagged():
    changed = "".join(next(c for c in notebook_of()["cells"] if c["id"] == "setup")["source"]) + "\nHALF = 0.5"
    source = "def langevin_drift(score, x, sigma):\n    return HALF * sigma**2 * score(x)"
    outcome = grade(submission(setup=changed, ex_1_6_code=source))
    assert outcome.points == FULL and outcome.flags == ("the set-up cell was changed",)


def test_what_cells_print_is_kept_and_figure_cells_do_not_run():
    outcome = grade(submission(EARLY, "print('hello')\n1 / 0", euler_figure="print('never')\ndef helper(): return 2"))
    assert outcome.printed == {"mine": "hello\n\nZeroDivisionError: division by zero"}
    helped = "def langevin_drift(score, x, sigma):\n    return sigma**2 / helper() * score(x)"
    assert grade(submission(euler_figure="1 / 0\ndef helper(): return 2", ex_1_6_code=helped)).points == FULL


def test_half_a_character_is_kept_as_something_that_can_be_written():
    outcome = grade(submission(EARLY, "print('a\\ud800b')\nraise ValueError('c\\ud800d')"))
    assert outcome.points == FULL and re.fullmatch("a.+b\n\nValueError: c.+d", outcome.printed["mine"])
    assert from_json(to_json(outcome), Outcome) == outcome


def test_what_a_notebook_prints_is_bounded_in_all():
    notebook = notebook_of()
    notebook["cells"] += [code("print('x' * 30_000)", f"loud-{i}") for i in range(20)]
    printed = grade(packed(notebook)).printed
    assert len(printed["loud-0"]) > LIMITS.output_bytes
    assert LIMITS.output_total < sum(map(len, printed.values())) < LIMITS.output_total + 20 * 100


def test_reading_the_cells_has_an_end(monkeypatch):
    class Slow(Session):
        """A process that takes its time for each cell."""

        def __init__(self):
            self.asked = 0

        def read(self, source, given):
            self.asked += 1
            time.sleep(0.4)
            return Described()

        def end(self):
            return 0.0

    slow, notebook = Slow(), Notebook(tuple(Cell(f"c{i}", "code", f"x = {i}") for i in range(20)))
    monkeypatch.setattr(Process, "_open", lambda self: slow)
    seen = run(warm_sandbox(LIMITS), Released((), {}, {}), notebook, {}, Limits(notebook_seconds=1))
    assert slow.asked < 6 and len(seen.said) == 20


def test_warnings_and_standard_error_cost_nothing():
    noisy = "import sys, warnings\nwarnings.warn('mind')\nprint('careful', file=sys.stderr)\n"
    source = noisy + "def langevin_drift(score, x, s):\n    warnings.warn('mind')\n    return s**2 / 2 * score(x)"
    assert grade(submission(ex_1_6_code=source)).points == FULL


# notebooks of many kinds


def test_check_cells_deleted_edited_copied_and_reordered_change_nothing():
    notebook = notebook_of()
    checks = [c for c in notebook["cells"] if c["id"].endswith("-check")]
    others = [c for c in notebook["cells"] if c not in checks]
    checks[0]["source"] = "import os\nos._exit(0)"
    setup = next(i for i, c in enumerate(others) if c["id"] == "setup")
    notebook["cells"] = others[: setup + 1] + others[:setup:-1] + checks[:3] + checks[:2]
    outcome = grade(packed(notebook))
    assert outcome.points == FULL and outcome.flags == ()


def test_stripped_and_colab_metadata_do_not_matter():
    for style in ("stripped", "colab"):
        notebook = notebook_of() | {"nbformat": 4, "nbformat_minor": 0, "metadata": {"colab": {"provenance": []}}}
        for cell in notebook["cells"]:
            name = cell.pop("id")
            cell["metadata"] = {} if style == "stripped" else {"id": name[::-1], "outputId": "x", "executionInfo": {}}
            cell["source"] = "".join(cell["source"]).splitlines(keepends=True)
        outcome = grade(packed(notebook))
        assert outcome.points == FULL
        assert outcome.flags == ("an exercise stands in a cell that is not the released one",)


BEFORE_ITS_CHECK = "ex-1-6-code"


def test_of_several_definitions_the_last_counts_unless_another_alone_is_right():
    wrong = "def langevin_drift(score, x, sigma):\n    return sigma**2 * score(x)"
    twice = "langevin_drift is defined in 2 cells: the one that was checked last counts"
    outcome = grade(submission(BEFORE_ITS_CHECK, wrong))
    assert outcome.points == FULL and outcome.answers[5].cell == "ex-1-6-code"
    version = "answer of 1.6 is right in one of its versions, but not in the one that was checked last"
    assert {twice, version} <= {*outcome.flags}
    both = grade(submission(BEFORE_ITS_CHECK, wrong, ex_1_6_code=wrong.replace("**2", "")))
    assert both.points == FULL - 2 and both.answers[5].mistake == "no half" and both.answers[5].cell == "mine"
    assert twice in both.flags and version not in both.flags
    assert grade(submission(EARLY, wrong)).points == FULL
    assert grade(submission(BEFORE_ITS_CHECK, "def langevin_drift(:")).points == FULL


def test_magics_and_commands_are_no_trouble():
    magic = "%matplotlib inline\n%config InlineBackend.figure_format = 'retina'\n%nothing\n!pip install torch\n"
    source = magic + "def langevin_drift(score, x, sigma):\n    return sigma**2 / 2 * score(x)"
    assert grade(submission(ex_1_6_code=source)).points == FULL


def big(n: int) -> bytes:
    return packed(notebook_of() | {"metadata": {"ballast": "x" * n}})


BROKEN = {
    "empty": (b"", "the file is empty"),
    "blank": (b"  \n", "the file is empty"),
    "no JSON": (b"print('hello')", "cannot be read as JSON"),
    "cut off": (submission()[:-500], "cannot be read as JSON"),
    "binary": (bytes(range(256)) * 10, "cannot be read as JSON"),
    "UTF-16": (submission().decode().encode("utf-16"), "cannot be read as JSON"),
    "a list": (b"[1, 2]", "no list of cells"),
    "old format": (b'{"worksheets": [{"cells": []}], "nbformat": 3}', "no list of cells"),
    "no cells": (b'{"cells": []}', "no code cells"),
    "words only": (packed({"cells": [{"cell_type": "markdown", "source": "def euler(): pass"}]}), "no code cells"),
    "odd cells": (b'{"cells": [1, null, [], {"cell_type": "code"}, {"source": 3}]}', "no code cells"),
    "50 MB": (big(50 * MB), " MB, more than 20"),
    "deep": (b'{"cells": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "cannot be read as JSON"),
    "too many parts": (b'{"cells": [' + b"{}," * 600_000 + b"{}]}", "too many parts"),
    "many cells": (packed({"cells": [code("1", f"c{i}") for i in range(1001)]}), "1,001 cells, more than 1,000"),
    "long cell": (packed({"cells": [code("x = 1\n" * 50_000)]}), "longer than 200,000 characters"),
    "large number": (b'{"cells": ' + b"9" * 100_000 + b"}", "cannot be read as JSON"),
    "other lab": (packed(notebook_of("lab2_flow_matching")), "a notebook of lab2, not of lab1"),
    "other untouched lab": (packed(notebook_of("lab3_scores", "labs")), "a notebook of lab3, not of lab1"),
    "no exercise": (packed({"cells": [code("print(1)")]}), "no exercise of lab1"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_notebook_gets_its_reason(kind: str):
    notebook, words = BROKEN[kind]
    outcome = grade(notebook)
    assert words in (outcome.reason or ""), outcome
    assert outcome.points == 0 and len(outcome.answers) == len(exercises(LAB)) and outcome.max_points == FULL


@pytest.mark.parametrize("bomb", ["(" * 90_000, "-" * 90_000 + "1", "x" + ".a" * 60_000, "[" * 50 + "1" + "]" * 50,
                                  "1" + "+1" * 60_000, "lambda: " * 20_000 + "1", "\0", "\ud800", "def f():\n" * 20,
                                  "'" * 99_999, "f'{" * 5_000, "\f\r\x0b" * 1000])  # fmt: skip
def test_a_source_that_breaks_the_parser_breaks_nothing_else(bomb: str):
    notebook = notebook_of()
    notebook["cells"].insert(8, code(bomb))
    assert grade(packed(notebook)).points == FULL


def test_a_byte_order_mark_and_long_outputs_are_no_trouble():
    notebook = notebook_of()
    notebook["cells"][3]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["x" * 10 * MB]}]
    assert grade(b"\xef\xbb\xbf" + packed(notebook)).points == FULL


# runs


def test_one_seed_gives_one_outcome_and_other_seeds_other_cases():
    def shown(outcome: Outcome) -> dict:
        return json.loads(to_json(outcome)) | {"cpu_seconds": 0, "seconds": 0}

    chance = "import numpy, random\nprint(hash('x'), random.random(), numpy.random.rand(), torch.rand(1))"
    notebook = submission(EARLY, chance, ex_1_2_code=returning("x"))
    assert shown(grade(notebook)) == shown(grade(notebook))
    exercise = exercises(LAB)["heun_step"]
    drawn = [question(exercise, seed, 3).packed for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2] and drawn[0][3] != drawn[0][4]
    assert drawn[0][KNOWN] == drawn[2][KNOWN] and not set(map(repr, drawn[0][HIDDEN])) & set(map(repr, drawn[2]))


def test_the_cases_of_a_run_are_of_every_kind():
    for seed in range(20):
        seeds = [cases._seed_of("euler", seed, i) for i in range(LIMITS.cases)]
        assert {s % 3 for s in seeds} == {0, 1, 2} and {s % 4 for s in seeds} == {0, 1, 2, 3}
        assert len({s // cases.PERIOD for s in seeds}) == 1 and min(seeds) > 0
    assert len({cases._seed_of("euler", 1, i) for i in range(100)}) == 100


def test_arguments_and_outcomes_can_be_sent_to_other_machines():
    outcome = grade(submission(ex_1_2_code=returning("x")))
    assert pickle.loads(pickle.dumps(outcome)) == outcome and pickle.loads(pickle.dumps(LIMITS)) == LIMITS
    assert pickle.loads(pickle.dumps(judge)) is judge
    assert from_json(to_json(outcome), Outcome) == outcome and outcome.cpu_seconds > 0


def test_an_unknown_lab_is_refused():
    for lab in ("lab9_nothing", "exercise", "__doc__", "../lab1", "lab1_other"):
        with pytest.raises(ValueError, match="unknown lab"):
            grade(submission(), lab)
