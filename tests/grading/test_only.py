"""Regrade requests: those who ask are judged anew on fresh inputs, and nobody else; what was said before is kept."""

import json

import pytest
from dask.distributed import LocalCluster
from msgspec.structs import replace

from course_grading import classroom
from course_grading.__main__ import main
from course_grading.classroom import Options
from course_grading.model import Status
from course_grading.pages.spreadsheet import read as read_table
from course_grading.regrade import named
from course_utils.storage import write_file
from tests.support.grading_class import FULL, LAB, fake_judge, notebook, put

WRONG = {"euler": "def euler(field, x0, n):\n    return 'wrong'"}
ALWAYS_RIGHT: set[str] = set()
"""Who has better luck than the notebook deserves, as on other inputs."""

CALLS: list[tuple[str, int]] = []
"""Who was judged, and with which seed."""


@pytest.fixture(scope="module")
def cluster():
    """A worker that is a thread of this process."""
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as cluster:
        yield cluster.scheduler_address


@pytest.fixture(autouse=True)
def forget():
    CALLS.clear()
    ALWAYS_RIGHT.clear()


def judge(notebook, *, student, seed, **options):
    CALLS.append((student, seed))
    outcome = fake_judge(notebook, student=student, seed=seed, **options)
    if student not in ALWAYS_RIGHT:
        return outcome
    answers = (replace(a, status=Status.RIGHT, points=float(a.max_points), mistake=None) for a in outcome.answers)
    return replace(outcome, answers=tuple(answers))


def run(folder, cluster, **options):
    rows = classroom.grade(LAB, Options(folder=folder, scheduler=cluster, **options), judge)
    return {row.outcome.student: row.total for row in rows}


@pytest.fixture
def folder(tmp_path):
    put(tmp_path / "submitted", "anna", notebook(WRONG))
    put(tmp_path / "submitted", "bo", notebook())
    return tmp_path


def seeds(folder):
    place = folder / "grading" / LAB
    files = (place / "outcomes").glob("*.json")
    return {file.stem: json.loads(file.read_text())["seed"] for file in files}


def test_only_she_who_asks_is_judged_anew(folder, cluster, capsys):
    assert run(folder, cluster) == {"anna": FULL - 2, "bo": FULL}
    (first, second), [seed] = CALLS, {seed for _, seed in CALLS}
    assert {first[0], second[0]} == {"anna", "bo"}
    before = (folder / "grading" / LAB / "outcomes" / "anna.json").read_bytes()
    ALWAYS_RIGHT.add("anna")
    assert run(folder, cluster, only=["Anna", "anna"]) == {"anna": FULL, "bo": FULL}
    [(student, fresh)] = CALLS[2:]
    assert student == "anna" and fresh != seed and seeds(folder) == {"anna": fresh, "bo": seed}
    [kept] = (folder / "grading" / LAB / "before").iterdir()
    assert kept.read_bytes() == before and kept.name.startswith("anna.") and kept.stat().st_mode & 0o077 == 0
    assert f"anna: what the judge said before is kept in {kept}" in capsys.readouterr().out
    lines = read_table((folder / "grades.csv").read_bytes())
    assert [(line["student"], float(line["total"])) for line in lines] == [("anna", FULL), ("bo", FULL)]
    assert "2 submissions, 2 graded" in (folder / f"report-{LAB}.html").read_text("utf-8")
    assert f"{FULL:g} of" in (folder / "feedback" / "anna" / f"{LAB}.html").read_text("utf-8")

    assert run(folder, cluster, resume=True) == {"anna": FULL, "bo": FULL} and len(CALLS) == 3  # it stays
    run(folder, cluster, only=["bo"], seed=5)
    assert CALLS[3:] == [("bo", 5)] and seeds(folder) == {"anna": fresh, "bo": 5}
    run(folder, cluster, resume=True)
    assert len(CALLS) == 4
    run(folder, cluster, seed=seed)  # all anew: nobody has a seed of his own any more
    assert {*CALLS[4:]} == {("anna", seed), ("bo", seed)} and {*seeds(folder).values()} == {seed}
    run(folder, cluster, resume=True)
    assert len(CALLS) == 6


def test_stopped_in_the_middle_it_goes_on_with_resume(folder, cluster, monkeypatch):
    run(folder, cluster)
    monkeypatch.setattr(classroom, "_judge", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(folder, cluster, only=["anna"])
    monkeypatch.undo()
    (folder / "submitted" / "cy").mkdir()
    put(folder / "submitted", "di", notebook())
    assert run(folder, cluster, resume=True) == {"anna": FULL - 2, "bo": FULL, "cy": 0, "di": FULL}
    assert {student for student, _ in CALLS[2:]} == {"anna", "di"}
    assert seeds(folder)["anna"] != seeds(folder)["bo"] == seeds(folder)["di"]


def test_who_handed_in_nothing_has_nothing_to_judge(folder, cluster):
    run(folder, cluster)
    (folder / "submitted" / "cy").mkdir()
    assert run(folder, cluster, only=["cy"]) == {"anna": FULL - 2, "bo": FULL, "cy": 0} and len(CALLS) == 2


def test_what_cannot_be_meant_is_refused_before_the_work(folder, cluster):
    with pytest.raises(ValueError, match=f"expected a grading of {LAB} before --only, got none in"):
        run(folder, cluster, only=["anna"])
    run(folder, cluster)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.suffix in (".json", ".csv", ".html")}
    for options, words in [
        (
            {"only": ["ana"]},
            "expected a student of the class, a folder in submitted/, as --only, got 'ana'; near it: anna",
        ),
        ({"only": ["anna", "xyz"]}, "got 'xyz'$"),
        ({"only": ["anna"], "resume": True}, "expected --only or --resume, got both"),
    ]:
        with pytest.raises(ValueError, match=words):
            run(folder, cluster, **options)
    (folder / "grading" / LAB / "regraded.json").write_text("{")
    with pytest.raises(ValueError, match="regraded.json was changed by hand.*grade without --resume and --only"):
        run(folder, cluster, only=["anna"])
    assert {path: path.read_bytes() for path in before} == before and len(CALLS) == 2


def test_the_option_may_be_given_more_than_once(monkeypatch):
    seen = []
    monkeypatch.setattr(classroom, "grade", lambda lab, options: seen.append(options.only) or [])
    assert main(["grade", LAB, "--only", "anna", "--only", "bo"]) == main(["grade", LAB]) == 0
    assert seen == [["anna", "bo"], []]


@pytest.mark.parametrize(("asked", "found"), [("Anna", "Anna"), ("anna", "anna"), ("ZOË", "zoë"), ("zoe\u0308", "zoë")])
def test_names_are_found_as_people_write_them(asked, found):
    assert named([asked], ["Anna", "anna", "zoë"]) == [found]


SHEET = """
timezone = "Europe/Berlin"
late = { per_day = 0.1 }
[labs.lab1_simulation]
deadline = 2027-02-12T23:59:00
points = { "1.1" = 4, "Q2" = 0 }
"""


def test_a_class_with_a_sheet_is_graded_by_it_and_judged_once(folder, cluster, capsys):
    (folder / "class.toml").write_text(SHEET)
    (folder / "late.csv").write_text(f"student,lab,days\nbo,{LAB},2\n")
    assert run(folder, cluster) == {"anna": FULL - 2, "bo": FULL + 2}
    anna, bo = read_table((folder / "grades.csv").read_bytes())
    assert (anna["late"], anna["counted"], anna["max"]) == ("0", f"{FULL - 2}", f"{FULL + 2 + 6}")
    assert (bo["late"], bo["counted"], bo["1.1"]) == ("2", f"{0.8 * (FULL + 2):g}", "4") and "Question 2" not in bo
    assert "Handed in 2 days late: 80% of" in (folder / "feedback" / "bo" / f"{LAB}.html").read_text("utf-8")

    (folder / "class.toml").write_text(
        SHEET.replace('"1.1" = 4', '"1.1" = 1').replace("lab1_s", "lab2_flow_matching]\n[labs.lab1_s")
    )
    assert run(folder, cluster, resume=True) == {"anna": FULL - 2, "bo": FULL - 1} and len(CALLS) == 2
    (folder / "class.toml").write_text("[labs.lab2_flow_matching]\n")
    (folder / "late.csv").unlink()
    assert run(folder, cluster, resume=True) == {"anna": FULL - 2, "bo": FULL} and len(CALLS) == 2
    assert f"{LAB} does not count in the total of the term" in capsys.readouterr().out
    assert "counted" not in (folder / "grades.csv").read_text("utf-8")


def test_a_wrong_sheet_or_table_is_refused_before_the_work(folder, cluster):
    (folder / "class.toml").write_text("nam = 'x'\n")
    with pytest.raises(ValueError, match="class.toml: unknown key 'nam'"):
        run(folder, cluster)
    (folder / "class.toml").write_text(SHEET)
    for text, words in [(f"bob,{LAB},2", "line 2, column student.*such as 'bo', got 'bob'"), (f"bo,{LAB},x", "days")]:
        (folder / "late.csv").write_text(f"student,lab,days\n{text}\n")
        with pytest.raises(ValueError, match=words):
            run(folder, cluster)
    assert CALLS == [] and not (folder / "grades.csv").exists()


def test_the_late_of_a_platform_waits_for_somebody_who_knows(tmp_path, cluster, capsys):
    (tmp_path / "class.toml").write_text(SHEET)
    write_file(tmp_path / "in" / "anna_LATE_7_99_x.ipynb", json.dumps(notebook()))
    assert run(tmp_path, cluster, source=str(tmp_path / "in")) == {"anna": FULL + 2}
    assert "late, and nobody says how late: anna; give their days or times in late.csv" in capsys.readouterr().out
    [line] = read_table((tmp_path / "grades.csv").read_bytes())
    assert (line["late"], line["counted"]) == ("?", "")
