"""Whatever a submission costs to be read, drawn or run: the others are graded, and it is named with the reason."""

import contextlib
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from msgspec.structs import replace

from course_grading import budget
from course_grading.bounded import CALLS, Exceeded, bounded
from course_grading.drawing import drawn
from course_grading.intake.checkin import Submission
from course_grading.model import Limits, Shown
from course_grading.notebook import read, read_code
from course_grading.pages.feedback import feedback
from course_grading.pages.text import markdown
from course_grading.workers import WORKER_MEMORY, judge_all, workers
from tests.support import costly
from tests.support.bombs import BOMBS, JSONS, PICTURES, TEXTS, formatting, slow_cells, words
from tests.support.grading_class import FULL, LAB, ROOT, fake_judge, notebook, put
from tests.support.pages import ASKED, row

pytestmark = pytest.mark.slow
MB = 1 << 20
LARGEST_PAGE = 20 * MB


# a call in a process of its own


def test_a_call_in_a_process_of_its_own_gives_what_it_gives_here():
    assert bounded(sorted, [3, 1, 2], seconds=5) == [1, 2, 3]
    assert bounded(os.getpid, seconds=5) != os.getpid()


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (costly.takes_memory, "took more than 1024 MB of memory"),
        (costly.takes_time, "took more than 1 seconds of processor time"),
        (costly.gives_much, "gave more than 64 MB"),
        (costly.goes_deep, "ended in an error .RecursionError"),
        (costly.ends, "or was too deep"),
    ],
)
def test_a_call_that_costs_too_much_ends_and_says_why(call, why):
    with pytest.raises(Exceeded, match=why) as refused:
        bounded(call, seconds=1)
    assert refused.value.final


def test_a_call_that_others_ended_is_no_verdict():
    with pytest.raises(Exceeded, match="ended from outside") as refused:
        bounded(costly.is_killed, seconds=1)
    assert not refused.value.final


def test_one_process_answers_many_calls_then_another_takes_its_place():
    processes = [bounded(os.getpid, seconds=5) for _ in range(2 * CALLS)]
    assert max(Counter(processes).values()) <= CALLS and len(set(processes)) <= 3
    with pytest.raises(Exceeded):
        bounded(costly.takes_time, seconds=1)
    assert bounded(os.getpid, seconds=5) not in processes


def test_a_call_is_not_blamed_for_those_before_it():
    assert len({bounded(costly.works, 0.7, seconds=1) for _ in range(4)}) <= 2  # 2.8 s together
    bounded(costly.keeps_memory, seconds=5)
    assert bounded(costly.needs_memory, seconds=5) == 600 * MB


def test_a_process_is_asked_by_one_thread_and_ends_with_who_asks():
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda n: bounded(abs, -n, seconds=5), range(40))) == list(range(40))
    code = "import os; from course_grading.bounded import bounded; print(bounded(os.getpid, seconds=5), flush=True)"
    code += "; os._exit(0)"  # with nothing tidied up
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(int(said)).wait(60)


# reading and drawing


COSTLY = "formatting opened anew", "an address named 2,900 times", "emphasis in emphasis", "environments"


@pytest.mark.parametrize("name", [*PICTURES, *COSTLY, *JSONS])
def test_a_bomb_is_read_and_drawn_within_bounds(name):
    content = BOMBS[name]()
    found = bounded(read_code, content, seconds=10)
    outcome = ASKED.ungraded("anna", found.reason) if found.reason else replace(ASKED.ungraded("anna", ""), reason=None)
    shown = drawn(ASKED, outcome, content, b"", 10)
    page = feedback(shown, row(shown.outcome))
    assert shown.outcome.shown is Shown.DRAWN
    assert max(len(page), len(shown.copy)) < LARGEST_PAGE


@pytest.mark.parametrize("name", sorted(TEXTS.keys() - COSTLY))
def test_a_text_that_was_made_to_be_large_stays_small(name):
    source = next(cell.source for cell in read(BOMBS[name]()).cells if cell.id == "question-sqrt")
    assert len(markdown(source)) < 60 * len(source)


def test_a_picture_counts_once_and_what_is_left_out_is_said():
    many = drawn(ASKED, replace(ASKED.ungraded("a", ""), reason=None), PICTURES["a picture named 250 times"](), b"", 10)
    once = many.answers["question-sqrt"]
    assert once.count("data:image/png") == 1 and once.count("[the picture a.png again]") == 249
    large = drawn(ASKED, replace(ASKED.ungraded("a", ""), reason=None), PICTURES["a picture of 12 MB"](), b"", 10)
    assert "[the picture a.png left out: no PNG or JPEG of at most 4 MB]" in large.answers["question-sqrt"]


def everywhere(bomb) -> bytes:
    """A bomb as the answer to each question, and in cells beside them."""
    [source] = [cell["source"] for cell in json.loads(bomb())["cells"] if cell["id"] == "question-sqrt"]
    questions = [task.cell for task in ASKED.tasks if not task.exercise]
    return json.dumps(notebook(words=dict.fromkeys(questions, source), extra=[("markdown", source)] * 5)).encode()


def test_what_is_too_much_to_draw_is_plain_text_and_not_tried_again():
    content = everywhere(formatting(1500, 1700))
    outcome = replace(ASKED.ungraded("anna", ""), reason=None)
    shown = drawn(ASKED, outcome, content, b"", 2)
    assert shown.outcome.shown is Shown.PLAIN and shown.outcome.final
    assert "shown as plain text: drawing it took more than 2 seconds of processor time" in shown.outcome.flags
    assert "&lt;b a=7&gt;" in shown.answers["question-sqrt"] and "question-sqrt" in shown.answered
    again = drawn(ASKED, shown.outcome, content, b"", 2)
    assert again.outcome == shown.outcome


def test_what_cannot_be_shown_at_all_waits_for_a_person():
    outcome = replace(ASKED.ungraded("anna", ""), reason=None, shown=Shown.NOT)
    shown = drawn(ASKED, outcome, words("mine"), b"", 5)
    assert set(shown.answered) == set(shown.answers) == {task.cell for task in ASKED.tasks}
    assert "cannot be shown here" in feedback(shown, row(outcome)) and "mine" not in shown.copy
    nothing = drawn(ASKED, replace(ASKED.ungraded("bo", "reading it took too much"), shown=Shown.NOT), b"", b"", 5)
    assert list(nothing.answered) == [] and nothing.outcome.flags == ()


# time


def needs(seconds: dict[str, float]):
    """A judge that runs nothing: each submission takes its time, or all that it has."""

    def judge(code, *, student, limits):
        taken = min(seconds[student], limits.notebook_seconds)
        outcome = fake_judge(code, student=student, lab=LAB, seed=0, limits=limits)
        return replace(outcome, seconds=taken, flags=(f"had {limits.notebook_seconds:g} s",))

    return judge


def test_the_slow_are_judged_last_and_flagged_and_take_no_more_than_their_time():
    limits = Limits(notebook_seconds=120)
    needed = {"anna": 300.0, "bo": 1.0, "cy": 30.0, "dee": 2.0}
    handed_in = [Submission(name, json.dumps(notebook()).encode()) for name in needed]
    with workers(1) as client:
        found = list(judge_all(handed_in, ASKED, client, needs(needed), limits))
    assert [one.submission.student for one in found] == ["bo", "dee", "anna", "cy"]
    flags = {one.submission.student: one.outcome.flags for one in found}
    assert flags["bo"] == flags["dee"] == ("had 20 s",)
    assert flags["anna"] == ("slow: 100 s", "had 80 s") and flags["cy"] == ("slow: 50 s", "had 80 s")
    shares = budget.READ + budget.FIRST + budget.SECOND + budget.DRAW
    assert shares == pytest.approx(1) and max(one.outcome.seconds for one in found) <= 120 * shares


# a class


def test_a_worker_has_a_limit():
    with workers(1) as client:
        assert set(client.run(resource.getrlimit, resource.RLIMIT_DATA).values()) == {(WORKER_MEMORY, WORKER_MEMORY)}


def tree_memory(process: psutil.Process) -> float:
    """MB that a process and all that it started hold; pages that several share count once."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total / MB


def graded(folder: Path, *options: str) -> tuple[list[dict], float, str]:
    """Grade a class with the command: outcomes, the most memory of all its processes, and what it said."""
    line = [sys.executable, "-m", "course_grading", "grade", LAB, "--folder", str(folder), "--workers", "2", *options]
    process = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    peak = [0.0]

    def watch() -> None:
        while process.poll() is None:
            peak[0] = max(peak[0], tree_memory(psutil.Process(process.pid)))
            time.sleep(0.3)

    watcher = threading.Thread(target=watch)
    watcher.start()
    said = process.communicate()[0]
    watcher.join()
    assert process.returncode == 0, said
    files = (folder / "grading" / LAB / "outcomes").glob("*.json")
    return [json.loads(file.read_text("utf-8"))["outcome"] for file in files], peak[0], said


CLASS = {
    "picture": PICTURES["a picture named 250 times"],
    "formatting": lambda: everywhere(formatting(1500, 1700)),
    "slow": slow_cells,
    **{name: BOMBS[name] for name in ("aliases", "19 MB of code", "a long text")},
}
NAMED = {
    "formatting": "shown as plain text: drawing it took more than 5 seconds",
    "slow": "slow: ",
    "19 MB of code": "the code is longer than 2,000,000 characters",
}
"""What the row of a bomb says, where it costs its student anything."""


def test_a_class_with_bombs_is_graded(tmp_path):
    for name in ("anna", "zoe"):
        put(tmp_path / "submitted", name, notebook())
    for name, bomb in CLASS.items():
        put(tmp_path / "submitted", name, bomb())
    outcomes, peak, said = graded(tmp_path, "--seed", "1", "--timeout", "60")
    points = {one["student"]: sum(answer["points"] for answer in one["answers"]) for one in outcomes}
    assert points.keys() == {"anna", "zoe", *CLASS} and points["anna"] == points["zoe"] == FULL
    table = {line.split(",")[0]: line for line in (tmp_path / "grades.csv").read_text("utf-8").splitlines()}
    for name, reason in NAMED.items():
        assert reason.replace(",", "") in table[name].replace(",", ""), table[name]
    assert "graph" not in said and "Warning" not in said
    assert peak < 4096
    pages = [*tmp_path.glob("feedback/*/*"), *tmp_path.glob("autograded/*/*/*")]
    assert len(pages) == 2 * len(points) and max(page.stat().st_size for page in pages) < LARGEST_PAGE
    before = {page: page.read_bytes() for page in pages}
    graded(tmp_path, "--seed", "1", "--timeout", "60", "--resume")
    assert {page: page.read_bytes() for page in pages} == before
