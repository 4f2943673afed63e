"""Grading a class with a judge that only reads: nothing is lost, nobody is judged twice, one seed gives one table."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from dask.distributed import LocalCluster
from msgspec.structs import replace
from nbgrader.api import Gradebook

from course_grading import classroom, outcomes
from course_grading.__main__ import main
from course_grading.classroom import Options
from course_grading.intake.submission import Submission
from course_grading.labs import read_lab
from course_grading.notebook import read
from course_utils.storage import write_file
from tests.support.grading_class import FULL, LAB, ROOT, fake_judge, notebook, put

pytestmark = pytest.mark.slow

ASKED = read_lab(LAB)
WRONG = {"euler": "def euler(field, x0, n):\n    return 'wrong'"}
STUB = {"euler": "def euler(field, x0, n):\n    raise NotImplementedError"}


@pytest.fixture(scope="module")
def cluster():
    """Workers as threads of this process: reached by their address, as those of a real cluster are."""
    options = {"processes": False, "protocol": "tcp://", "dashboard_address": None}
    with LocalCluster(n_workers=2, threads_per_worker=1, **options) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def judged(tmp_path, monkeypatch):
    """Names of those who were judged so far, in order."""
    log = tmp_path / "judged.log"
    monkeypatch.setenv("FAKE_JUDGE_LOG", str(log))
    return lambda: log.read_text().split() if log.is_file() else []


def small_class(folder: Path, count: int = 3) -> Path:
    kinds = [None, WRONG, STUB]
    for number in range(count):
        put(folder / "submitted", f"s{number:02}", notebook(kinds[number % 3]))
    return folder


def run(folder, cluster, judge=fake_judge, **options):
    return classroom.grade(LAB, Options(folder=folder, scheduler=cluster, **{"seed": 1, **options}), judge)


def totals(rows):
    return {row.outcome.student: row.total for row in rows}


def test_a_class_from_start_to_end(tmp_path, cluster, judged):
    folder = small_class(tmp_path / "class")
    (folder / "submitted" / "absent").mkdir()
    put(folder / "submitted", "=cmd()", b"{")
    rows = run(folder, cluster)
    assert totals(rows) == {"=cmd()": 0, "absent": 0, "s00": FULL, "s01": FULL - 2, "s02": FULL - 2}
    assert sorted(judged()) == ["=cmd()", "s00", "s01", "s02"]
    students = sorted(totals(rows))
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as book:
        assert sorted(student.id for student in book.students) == students
        assert {s.student.id: s.score for s in book.assignment_submissions(LAB)} == totals(rows)
    assert (folder / "grades.csv").read_text("utf-8").count("\n") == 6
    assert "'=cmd()" in (folder / "grades.csv").read_text("utf-8")
    for student in students:
        assert (folder / "feedback" / student / f"{LAB}.html").is_file()
        assert (folder / "autograded" / student / LAB / f"{LAB}.ipynb").is_file()
    assert "no notebook" in (folder / f"report-{LAB}.html").read_text("utf-8")


def test_one_seed_gives_one_table(tmp_path, cluster):
    first, second = small_class(tmp_path / "a", 6), small_class(tmp_path / "b", 6)
    run(first, cluster)
    run(second, cluster, workers=1)
    for name in ("grades.csv", f"report-{LAB}.html", f"feedback/s01/{LAB}.html", f"autograded/s01/{LAB}/{LAB}.ipynb"):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    before = (first / "grades.csv").read_bytes()
    run(first, cluster, seed=2)
    assert (first / "grades.csv").read_bytes() == before


def test_processes_of_this_machine_give_the_same(tmp_path, cluster, judged):
    first, second = small_class(tmp_path / "a", 6), small_class(tmp_path / "b", 6)
    run(first, cluster)
    run(second, None, workers=2)
    assert (first / "grades.csv").read_bytes() == (second / "grades.csv").read_bytes()
    assert len(judged()) == 12


def test_resume_judges_only_what_is_new(tmp_path, cluster, judged):
    folder = small_class(tmp_path / "class")
    run(folder, cluster, seed=None)
    seed = json.loads((folder / "grading" / LAB / "run.json").read_text())["seed"]
    put(folder / "submitted", "s01", notebook())
    put(folder / "submitted", "s09", notebook())
    (folder / "grading" / LAB / "outcomes" / "s02.json").write_text("half a fi")
    rows = run(folder, cluster, seed=None, resume=True)
    assert sorted(judged()[:3]) == ["s00", "s01", "s02"] and sorted(judged()[3:]) == ["s01", "s02", "s09"]
    assert totals(rows) == {"s00": FULL, "s01": FULL, "s02": FULL - 2, "s09": FULL}
    assert json.loads((folder / "grading" / LAB / "run.json").read_text())["seed"] == seed
    run(folder, cluster, seed=seed + 1, resume=True)
    assert len(judged()) == 10
    run(folder, cluster, seed=None)
    assert json.loads((folder / "grading" / LAB / "run.json").read_text())["seed"] not in (seed, seed + 1)


def test_other_rules_are_judged_again(tmp_path):
    submission = Submission("anna", b"{}")
    judged = fake_judge(read(json.dumps(notebook()).encode()), student="anna", lab=LAB, seed=1, limits=None)
    one = outcomes.begin(tmp_path, ASKED, seed=1)
    one.save(submission, judged)
    assert one.load(submission) == judged
    assert one.load(Submission("anna", b"{ }")) is None
    for other in (outcomes.Run(one.folder, 2, one.rules), outcomes.Run(one.folder, 1, "other")):
        assert other.load(submission) is None


@pytest.mark.parametrize(
    "text", ["{", "3", '{"lab": "x"}', '{"lab": "x", "seed": "1"}', '{"lab": "x", "seed": 1, "a": 2}']
)
def test_a_run_that_somebody_changed_is_not_resumed(tmp_path, text):
    file = tmp_path / "grading" / LAB / "run.json"
    write_file(file, text)
    with pytest.raises(ValueError, match="run.json was changed by hand.*grade without --resume, or with --seed"):
        outcomes.begin(tmp_path, ASKED, resume=True)
    assert file.read_text() == text
    assert outcomes.begin(tmp_path, ASKED, seed=5, resume=True).seed == 5


def test_an_outcome_that_somebody_changed_is_judged_again(tmp_path):
    submission = Submission("anna", b"{}")
    one = outcomes.begin(tmp_path, ASKED, seed=1)
    one.save(submission, ASKED.ungraded("anna", "x"))
    text = one.file("anna").read_text("utf-8")
    assert one.load(submission) is not None
    for old, new in {"missing": "fine", '"points": 0.0': '"points": "2"', '"seed"': '"sed"', "}": ""}.items():
        assert old in text
        one.file("anna").write_text(text.replace(old, new), "utf-8")
        assert one.load(submission) is None


def test_a_name_that_tells_no_student_is_said(tmp_path, cluster, capsys):
    source = tmp_path / "in"
    for name in ("anna.ipynb", f"{LAB} (1).ipynb"):
        write_file(source / name, json.dumps(notebook()))
    assert totals(run(tmp_path / "class", cluster, source=str(source))) == {"anna": FULL}
    assert f"left alone, since the name tells no student: {LAB} (1).ipynb" in capsys.readouterr().out


def test_marks_by_hand_reach_table_and_feedback(tmp_path, cluster, judged):
    folder = small_class(tmp_path / "class", 1)
    run(folder, cluster)
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as book:
        grade_ = book.find_grade("question-sqrt", LAB, LAB, "s00")
        grade_.manual_score, grade_.needs_manual_grade = 1.5, False
        book.find_comment("question-sqrt", LAB, LAB, "s00").manual_comment = "The *sign*."
        book.db.commit()
    [row] = run(folder, cluster, resume=True)
    assert (row.total, row.waiting, judged()) == (FULL + 1.5, 2, ["s00"])
    line = f",{FULL + 1.5},{FULL + 8},2,2,2,2,2,2,1,,1.5,,2 to mark by hand,"
    assert line in (folder / "grades.csv").read_text("utf-8")
    assert "The <em>sign</em>." in (folder / "feedback" / "s00" / f"{LAB}.html").read_text("utf-8")
    put(folder / "submitted", "s00", notebook(words=dict.fromkeys(["question-sqrt"], "Another answer.")))
    [row] = run(folder, cluster, resume=True)
    assert row.marks["question-sqrt"].points == 1.5 and row.marks["question-sqrt"].waiting


def test_a_failing_judge_costs_one_submission_and_is_tried_again(tmp_path, cluster, judged):
    folder = small_class(tmp_path / "class", 2)
    put(folder / "submitted", "odd", notebook({"euler": "# crash the judge"}))
    rows = {row.outcome.student: row for row in run(folder, cluster)}
    assert "the grader itself failed (RuntimeError: a bug)" in rows["odd"].outcome.reason
    assert rows["s00"].total == FULL
    assert judged().count("odd") == 3  # twice alone: a neighbour could have been the cause
    run(folder, cluster, resume=True)
    assert judged().count("odd") == 6 and judged().count("s00") == 1


def no_sandbox(notebook, **options):
    outcome = fake_judge(notebook, **options)
    return replace(outcome, reason="the box broke", final=False)


def test_the_machines_fault_is_not_kept(tmp_path, cluster):
    folder = small_class(tmp_path / "class", 1)
    assert "the box broke" in run(folder, cluster, no_sandbox)[0].outcome.reason
    assert run(folder, cluster, resume=True)[0].total == FULL


def crowded_out(notebook, *, student, crowded=False, **options):
    """Who is judged beside others loses all; one has better luck only the second time alone, and one has none."""
    outcome = fake_judge(notebook, student=student, crowded=crowded, **options)
    with open(os.environ["FAKE_JUDGE_LOG"]) as log:
        alone = [line for line in log.read().split() if line == student]
    spoilt = crowded or (student == "s01" and len(alone) < 3) or student == "s02"
    return ASKED.ungraded(student, "no memory was left", final=False) if spoilt else outcome


def test_what_a_neighbour_may_have_caused_is_judged_again_alone_and_never_kept(tmp_path, cluster, judged):
    folder = tmp_path / "class"
    for number in range(4):
        put(folder / "submitted", f"s{number:02}", notebook())
    rows = {row.outcome.student: row for row in run(folder, cluster, crowded_out)}
    assert {name: row.total for name, row in rows.items()} == {"s00": FULL, "s01": FULL, "s02": 0, "s03": FULL}
    assert rows["s02"].outcome.reason == "no memory was left"
    assert {name: judged().count(name) for name in rows} == {"s00": 2, "s01": 3, "s02": 3, "s03": 2}
    assert sorted(judged()[:4]) == ["s00", "s01", "s02", "s03"]
    kept = {path.stem for path in (folder / "grading" / LAB / "outcomes").glob("*.json")}
    assert kept == {"s00", "s01", "s03"}
    assert totals(run(folder, cluster, resume=True))["s02"] == FULL


def test_two_labs_that_start_at_once_make_one_gradebook_and_one_table(tmp_path):
    other = "lab2_flow_matching"
    for lab in (LAB, other):
        name = tmp_path / "submitted" / "anna" / lab / f"{lab}.ipynb"
        write_file(name, (ROOT / "solutions" / lab / f"{lab}.ipynb").read_bytes())
        write_file(tmp_path / "submitted" / "bob" / lab / f"{lab}.ipynb", "{")
    script = tmp_path / "both.py"
    script.write_text(BOTH.format(path=str(ROOT)))
    begun = [
        subprocess.Popen(
            [sys.executable, script, lab, tmp_path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for lab in (LAB, other)
    ]
    said = [one.communicate()[0] for one in begun]
    assert [one.returncode for one in begun] == [0, 0], said
    table = (tmp_path / "grades.csv").read_text("utf-8").splitlines()
    assert sorted(",".join(line.split(",")[:2]) for line in table[1:] if not line.startswith("student")) == sorted(
        f"{student},{lab}" for student in ("anna", "bob") for lab in (LAB, other)
    )


BOTH = """
import sys
sys.path.insert(0, {path!r})
from pathlib import Path
from course_grading import classroom
from course_grading.labs import read_lab


def judge(notebook, *, student, lab, **options):
    return read_lab(lab).ungraded(student, "nothing was tried")


if __name__ == "__main__":
    classroom.grade(sys.argv[1], classroom.Options(folder=Path(sys.argv[2]), workers=1, seed=1), judge)
"""


STOPPED = """
import signal, sys
sys.path[:0] = {path!r}
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # some shells let no background job hear Ctrl-C
    from course_grading.__main__ import main
    from course_grading import classroom
    from tests.support.grading_class import LAB
    from slow_judge import slow_judge
    classroom._sandboxed = lambda options: slow_judge
    sys.exit(main(["grade", LAB, "--folder", {folder!r}, "--workers", "2", "--seed", "1"]))
"""
SLOW = """
import os, time
from tests.support.grading_class import fake_judge


def slow_judge(notebook, **options):
    with open({pids!r}, "a") as file:
        file.write(f"{{os.getpid()}}\\n")
    time.sleep(0.4)
    return fake_judge(notebook, **options)
"""


def alive(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False


def wait_until(condition, seconds=900):  # a machine may be busy; only what hangs fails
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def stop(process: subprocess.Popen, how: str) -> str:
    """Kill the grader alone, or press Ctrl-C three times, which every process of the terminal hears; what it said."""
    if how == "kill -9":
        process.kill()
    for _ in range(3 if how == "Ctrl-C" else 0):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.3)
    return process.communicate()[1]


@pytest.mark.parametrize("how", ["kill -9", "Ctrl-C"])
def test_stopped_in_the_middle_and_resumed(tmp_path, cluster, judged, how):
    folder, pids = small_class(tmp_path / "class", 12), tmp_path / "pids"
    outcomes = folder / "grading" / LAB / "outcomes"
    (tmp_path / "slow_judge.py").write_text(SLOW.format(pids=str(pids)))
    script = tmp_path / "stopped.py"
    script.write_text(STOPPED.format(path=[str(ROOT), str(tmp_path)], folder=str(folder)))
    process = subprocess.Popen([sys.executable, script], stderr=subprocess.PIPE, text=True, start_new_session=True)
    wait_until(lambda: process.poll() is not None or len(list(outcomes.glob("*.json"))) >= 3)
    said = [line for line in re.split(r"[\r\n]+", stop(process, how)) if line and not line.startswith(f"{LAB}: ")]
    if how == "Ctrl-C":
        assert said == ["stopped: what is judged is kept; the same command with --resume goes on from here"]
    wait_until(lambda: not any(alive(pid) for pid in set(pids.read_text().split())))
    kept = {path.stem for path in outcomes.glob("*.json")}
    assert 3 <= len(kept) < 12 and not (folder / "grades.csv").exists()
    before = len(judged())
    rows = run(folder, cluster, resume=True)
    again = judged()[before:]
    assert sorted([*kept, *again]) == sorted(totals(rows)) == [f"s{i:02}" for i in range(12)]
    whole = small_class(tmp_path / "whole", 12)
    run(whole, cluster)
    assert (whole / "grades.csv").read_bytes() == (folder / "grades.csv").read_bytes()


@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.3])
def test_killed_at_its_beginning_and_resumed(tmp_path, cluster, seconds):
    """While the gradebook is made, and shortly after: whatever was begun is no hindrance."""
    folder = small_class(tmp_path / "class", 2)
    (tmp_path / "slow_judge.py").write_text(SLOW.format(pids=str(tmp_path / "pids")))
    script = tmp_path / "stopped.py"
    script.write_text(STOPPED.format(path=[str(ROOT), str(tmp_path)], folder=str(folder)))
    process = subprocess.Popen([sys.executable, script], stderr=subprocess.PIPE, text=True, start_new_session=True)
    wait_until(lambda: process.poll() is not None or (folder / "grading").exists())
    time.sleep(seconds)
    stop(process, "kill -9")
    whole = small_class(tmp_path / "whole", 2)
    assert totals(run(folder, cluster, resume=True)) == totals(run(whole, cluster))
    assert (whole / "grades.csv").read_bytes() == (folder / "grades.csv").read_bytes()


def test_what_is_secret_is_private(tmp_path, cluster):
    folder = small_class(tmp_path / "class", 1)
    run(folder, cluster)
    place = folder / "grading" / LAB
    for path in (place / "run.json", place / "outcomes" / "s00.json"):
        assert oct(path.stat().st_mode & 0o777) == "0o600"
    assert oct((folder / "grading").stat().st_mode & 0o777) == "0o700"
    public = [*folder.glob("feedback/**/*.html"), folder / "grades.csv", folder / f"report-{LAB}.html"]
    write_file(place / "run.json", json.dumps({"lab": LAB, "seed": 987654321012345}))
    run(folder, cluster, seed=None)
    assert not any("987654321012345" in path.read_text("utf-8") for path in public)


def test_a_long_name_has_a_file(tmp_path):
    one = outcomes.Run(tmp_path, 1, "")
    long, other = "x" * 250, "x" * 249 + "y"
    assert len(one.file(long).name) < 100 and one.file(long) != one.file(other)


def test_one_grading_at_a_time(tmp_path, cluster):
    folder = small_class(tmp_path / "class", 1)
    with classroom._alone(folder / "grading" / LAB), pytest.raises(ValueError, match="another grading of this lab"):
        run(folder, cluster)
    assert totals(run(folder, cluster)) == {"s00": FULL}


def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch):
    write_file(tmp_path / "a", "old")
    monkeypatch.setattr(os, "replace", lambda *names: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_file(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "old" and os.listdir(tmp_path) == ["a"]


def test_one_sentence_for_what_cannot_be_graded(tmp_path, capsys):
    folder = ["--folder", str(tmp_path / "class")]
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.zip").write_text("no zip")
    for line, sentence in [
        (["lab9"], "unknown lab 'lab9', expected one of: lab1_simulation"),
        ([LAB], "expected submissions in"),
        ([LAB, "--from", str(tmp_path / "empty")], "which is empty"),
        ([LAB, "--from", str(tmp_path / "nowhere")], "found nothing at"),
        ([LAB, "--from", str(tmp_path / "bad.zip")], "bad.zip cannot be read as a zip"),
        ([LAB, "--db", "nonsense"], "expected the address of a database"),
    ]:
        assert main(["grade", *line, *folder]) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ") and sentence in error and error.count("\n") == 1


def test_without_a_sandbox_nothing_is_graded(tmp_path, monkeypatch, capsys):
    folder = small_class(tmp_path / "class", 1)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert main(["grade", LAB, "--folder", str(folder)]) == 2
    error = capsys.readouterr().err
    assert "not installed" in error and "container" in error and error.count("\n") == 1
    assert not (folder / "grades.csv").exists()


def test_a_grading_that_cannot_start_leaves_the_earlier_one(tmp_path, cluster, monkeypatch, judged):
    folder = small_class(tmp_path / "class", 2)
    run(folder, cluster, seed=None)
    kept = {
        path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix in (".json", ".csv")
    }
    assert len(kept) == 4
    monkeypatch.setattr(shutil, "which", lambda name: None)
    for options in ([], ["--seed", "7"], ["--from", str(tmp_path / "nowhere")]):
        assert main(["grade", LAB, "--folder", str(folder), *options]) == 2
        assert {path: path.read_bytes() for path in kept} == kept
    run(folder, cluster, seed=None, resume=True)
    assert len(judged()) == 2


def test_a_missing_scheduler_is_said(tmp_path, monkeypatch):
    folder = small_class(tmp_path / "class", 1)
    with pytest.raises(ValueError, match="no Dask scheduler answers at"):
        run(folder, "nonsense://127.0.0.1:1")


@pytest.mark.parametrize("line", [["--workers", "0"], ["--timeout", "-1"], ["--workers", "x"], ["--seed", "x"]])
def test_numbers_are_checked(line, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["grade", LAB, *line])
    assert stop.value.code == 2


def test_ctrl_c_says_how_to_go_on(tmp_path, monkeypatch, capsys):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(classroom, "grade", interrupted)
    monkeypatch.setattr(signal, "signal", lambda *arguments: None)
    assert main(["grade", LAB, "--folder", str(tmp_path)]) == 130
    assert "--resume" in capsys.readouterr().err


def test_a_table_that_a_spreadsheet_saved_keeps_its_other_labs(tmp_path, cluster):
    folder = small_class(tmp_path / "class", 1)
    (folder / "grades.csv").write_bytes("student;lab;total\r\nJörg;lab2_flow_matching;12,5\r\n".encode("cp1252"))
    run(folder, cluster)
    run(folder, cluster, resume=True)
    table = (folder / "grades.csv").read_text("utf-8").splitlines()
    assert len(table) == 3 and table[2].startswith("Jörg,lab2_flow_matching,12.5,")


def test_a_table_that_nobody_understands_is_put_aside_before_the_work(tmp_path, cluster, capsys, monkeypatch):
    folder = small_class(tmp_path / "class", 1)
    (folder / "grades.csv").write_bytes(b"PK\x03\x04")
    monkeypatch.setattr(classroom, "_judged", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(folder, cluster)
    [kept] = folder.glob("grades.before-*.csv")
    assert kept.read_bytes() == b"PK\x03\x04" and f"it is kept as {kept.name}" in capsys.readouterr().out


def test_what_a_class_is_given_is_for_its_owner(tmp_path, cluster):
    folder = tmp_path / "class"
    source = small_class(tmp_path / "in", 2) / "submitted"
    run(folder, cluster, source=str(source))
    found = [path for path in (folder, *folder.rglob("*")) if folder / "grading" not in path.parents]
    assert len(found) > 15 and [path for path in found if path.stat().st_mode & 0o077] == []
    (folder / "feedback").chmod(0o750)
    run(folder, cluster)
    assert (folder / "feedback" / "s00" / f"{LAB}.html").stat().st_mode & 0o777 == 0o600
    assert (folder / "feedback").stat().st_mode & 0o777 == 0o750
