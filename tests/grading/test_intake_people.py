"""As many rows as people, whatever they handed in; each keeps the row, whatever the next source looks like."""

import unicodedata
import zipfile
from pathlib import Path

import pytest

from course_grading.intake.checkin import check_in, submissions
from tests.grading.test_intake import laid_out, zipped
from tests.support.grading_class import LAB

OTHER = "lab2_flow_matching"
LABS = (LAB, OTHER)
A, B = b'{"cells": ["a"]}', b'{"cells": ["b"]}'
NFD = unicodedata.normalize("NFD", "Zoë")


def found(folder, lab=LAB):
    return {one.student: one for one in submissions(folder, lab, LABS)}


def letters(folder):
    """Whose notebook is where: "a", "b", or None."""
    return {name: one.content and chr(one.content[-4]) for name, one in found(folder).items()}


def make(where: Path, kind: str, files) -> Path:
    return laid_out(where, files) if kind == "folder" else zipped(where.with_suffix(".zip"), files)


def zip_of(path, files) -> bytes:
    return zipped(path, files).read_bytes()


MOODLE = "{}_{}_assignsubmission_file_{}"
ODD = {"pdf": "x.pdf", "html": "x.html", "py": "x.py", "ipynb.txt": f"{LAB}.ipynb.txt", "docx": "x.docx", "none": "x"}


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize("pattern", [MOODLE, "{}_{}_99_{}", "{}_LATE_{}_99_{}", "HW 1_{}{}_attempt_2026-01-02_{}"])
def test_whoever_handed_in_something_else_has_a_row_with_the_reason(tmp_path, kind, pattern):
    files = {pattern.format("anna", 1, "x.ipynb"): A}
    files |= {pattern.format(f"s {name}", i, file): B for i, (name, file) in enumerate(ODD.items(), 2)}
    seen = check_in(make(tmp_path / "s", kind, files), tmp_path / "class", LAB, LABS)
    rows = found(tmp_path / "class")
    assert len(seen.rows) == len(rows) == 7 and len(seen.empty) == 6
    reasons = {one.reason for one in rows.values()} - {None}
    assert reasons == {f"no notebook, only {file}" for file in ODD.values()}
    said = next(seen.sentences())
    assert said.startswith("7 people in the source, 7 rows, without a notebook: s ") and said.endswith(", ...")


ONLINE = ["di_4_text.html", "di_LATE_4_link.html", "di_4_assignsubmission_onlinetext_onlinetext.html",
          "di_4_assignsubmission_onlinetext.html", "HW_di_attempt_2026-01-02-03-04-05.txt",
          "di_4_assignsubmission_onlinetext_/onlinetext.html", "di(4)/di(4)_submissionText.html"]  # fmt: skip


@pytest.mark.parametrize("name", ONLINE)
def test_online_text_is_somebodys(tmp_path, name):
    source = zipped(tmp_path / "s.zip", {name: B, MOODLE.format("anna", 1, "x.ipynb"): A, "grades.csv": B})
    seen = check_in(source, tmp_path / "class", LAB, LABS)
    assert seen.rows == ("anna", "di") and seen.empty == ("di",) and seen.nameless == ("grades.csv",)
    assert found(tmp_path / "class")["di"].reason.startswith("no notebook, only ")


def test_a_zip_that_a_student_handed_in_is_looked_into(tmp_path):
    good = {f"my work/{LAB}.ipynb": A, "my work/data.csv": B, "__MACOSX/my work/._x.ipynb": B}
    zips = {
        "anna.zip": good, "bo.zip": {"a.ipynb": A, "b.ipynb": B}, "cy.zip": {"notes.txt": B},
        "di.zip": {f"{LAB}.ipynb": A, f"{OTHER}.ipynb": B}, "ed.zip": {f"{OTHER}.ipynb": B},
    }  # fmt: skip
    files = {name: zip_of(tmp_path / "inner" / name, inner) for name, inner in zips.items()}
    check_in(zipped(tmp_path / "s.zip", files), tmp_path / "class", LAB, LABS)
    rows = found(tmp_path / "class")
    assert letters(tmp_path / "class") == {"anna": "a", "bo": None, "cy": None, "di": "a", "ed": None}
    assert rows["anna"].flags == ("taken out of anna.zip",)
    assert [rows[name].reason for name in ("bo", "cy", "ed")] == [
        "several notebooks: a.ipynb, b.ipynb", "no notebook, only notes.txt", "no notebook",
    ]  # fmt: skip


def test_files_side_by_side_are_people_where_notebooks_are(tmp_path):
    files = {
        "anna.ipynb": A,
        "bo.pdf": B,
        "J. Berg.docx": B,
        "cy": B,
        ".DS_Store": B,
        "Thumbs.db": B,
        "._anna.ipynb": B,
    }
    seen = check_in(laid_out(tmp_path / "s", files), tmp_path / "class", LAB, LABS)
    assert seen.rows == ("J. Berg", "anna", "bo", "cy") and seen.empty == ("J. Berg", "bo", "cy")
    folders = {f"anna/{LAB}.ipynb": A, "grades.csv": B, "readme": B}
    seen = check_in(laid_out(tmp_path / "t", folders), tmp_path / "other", LAB, LABS)
    assert seen.rows == ("anna",) and seen.nameless == ("grades.csv", "readme")


def test_files_of_one_name_are_one_person(tmp_path):
    files = {"anna.ipynb": A, "anna.pdf": B, "anna.zip": B, "anna.ipynb.txt": B, "bo.ipynb": B}
    check_in(laid_out(tmp_path / "s", files), tmp_path / "class", LAB, LABS)
    assert letters(tmp_path / "class") == {"anna": "a", "bo": "b"}


@pytest.mark.parametrize("name", [".x", "__MACOSX", "Thumbs.db", ".ipynb", "desktop.ini"])
@pytest.mark.parametrize("wrapper", ["", "submissions/", "class 7/"])
@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_a_hidden_folder_that_holds_a_notebook_is_a_person(tmp_path, name, wrapper, kind):
    files = {f"{wrapper}{name}/{LAB}.ipynb": A, f"{wrapper}bo/{LAB}.ipynb": B, "__MACOSX/._bo": A, ".git/a.ipynb": A}
    seen = check_in(make(tmp_path / "s", kind, files), tmp_path / "class", LAB, LABS)
    assert seen.rows == tuple(sorted(("bo", name.lstrip(".")))) and not seen.empty


def test_hidden_folders_in_submitted_are_people_too(tmp_path):
    files = {f".x/{LAB}/{LAB}.ipynb": A, f"bo/{LAB}/{LAB}.ipynb": B, f"bo/{LAB}/.cache/{LAB}.ipynb": A, ".y/z": A}
    laid_out(tmp_path / "submitted", files)
    assert letters(tmp_path) == {".x": "a", "bo": "b"}


WRAPPED = {
    "people and a stray": ({"anna.ipynb": A, f"{LAB} (1).ipynb": B, "bo.zip": B}, ("anna", "bo")),
    "of a platform, one notebook": ({"bo_2_9_x.pdf": B, "anna_1_9_x.ipynb": A}, ("anna", "bo")),
    "of a platform, no notebook": ({"bo_2_9_x.pdf": B, "anna_1_9_text.html": A}, ("anna", "bo")),
    "of a platform, one person": ({MOODLE.format("anna", 1, "/x.ipynb").replace("_/", "/"): A}, ("anna",)),
    "one student's": ({f"{LAB}.ipynb": A, "data/x.csv": B, "img/x.png": B, "notes (final).pdf": B}, ("class 7",)),
    "one student's, copied": ({f"{LAB} (1).ipynb": A, "data/x.csv": B, "img/x.png": B}, ("class 7",)),
    "one student's draft": ({f"{LAB}.ipynb": A, "draft.ipynb": B, "old (v2).ipynb": B}, ("class 7",)),
}


@pytest.mark.parametrize("what", WRAPPED)
@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize("wrapper", ["class 7", "submissions/class 7"])
def test_a_folder_around_people_is_no_person(tmp_path, what, kind, wrapper):
    files, people = WRAPPED[what]
    source = make(tmp_path / "s", kind, {f"{wrapper}/{name}": data for name, data in files.items()})
    assert check_in(source, tmp_path / "class", LAB, LABS).rows == people
    assert letters(tmp_path / "class")[people[0]] == (None if "no notebook" in what else "a")


# One person's own things


WHOLE = [
    {f"{LAB}.ipynb": A}, {f"{LAB}/{LAB}.ipynb": A}, {f"{LAB}.ipynb": A, "data/x.csv": B, "notes.pdf": B},
    {f"{LAB} (1).ipynb": A}, {f"{LAB}.ipynb": A, f"{OTHER}.ipynb": B}, {"lab1.ipynb": A, "img/a.png": B},
    {f"{LAB}/{LAB}.ipynb": A, f"{OTHER}/{OTHER}.ipynb": B, "README.md": B},
]  # fmt: skip


@pytest.mark.parametrize("files", WHOLE)
@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize("name", ["Anna Berg", "Anna Berg_12_assignsubmission_file_", "Anna Berg(a12)"])
def test_one_students_folder_alone_is_that_students(tmp_path, files, kind, name):
    seen = check_in(make(tmp_path / name, kind, files), tmp_path / "class", LAB, LABS)
    assert letters(tmp_path / "class") == {"Anna Berg": "a"} and seen.guessed
    assert list(seen.sentences()) == [
        "1 person in the source, 1 row",
        "taken as the work of one student, by the name of the source: Anna Berg",
    ]


def test_the_only_folder_in_a_zip_of_its_name(tmp_path):
    check_in(zipped(tmp_path / "Anna Berg.zip", {f"Anna Berg/{LAB}.ipynb": A}), tmp_path / "class", LAB, LABS)
    assert letters(tmp_path / "class") == {"Anna Berg": "a"}


def test_the_present_folder_is_named_by_its_name(tmp_path, monkeypatch):
    laid_out(tmp_path / "Anna Berg", {f"{LAB}.ipynb": A})
    monkeypatch.chdir(tmp_path / "Anna Berg")
    check_in(".", tmp_path / "class", LAB, LABS)
    assert letters(tmp_path / "class") == {"Anna Berg": "a"}


# The latest counts


FIRST, SECOND, THIRD = (f"HW_1_anna_attempt_2026-{day}-03-04-05" for day in ("01-02", "01-12", "02-01"))
AGAIN = {
    "Blackboard": {f"{FIRST}_{LAB}.ipynb": A, f"{SECOND}_mine.ipynb": B, f"{SECOND}.txt": A},
    "Blackboard, last without": {f"{FIRST}_{LAB}.ipynb": A, f"{SECOND}_{LAB}.ipynb": B, f"{THIRD}_notes.pdf": A},
    "Canvas": {f"anna_1_98_{LAB}-1.ipynb": A, f"anna_1_102_{LAB}.ipynb": B},
    "Canvas, a copy": {f"anna_LATE_1_98_{LAB}.ipynb": A, f"anna_LATE_1_102_{LAB}-2.ipynb": B, "anna_1_99_x.pdf": A},
}


@pytest.mark.parametrize("what", AGAIN)
def test_several_attempts_are_one_student_the_latest(tmp_path, what):
    files = {**AGAIN[what], "bo_2_98_x.ipynb": A}
    check_in(zipped(tmp_path / "s.zip", files), tmp_path / "class", LAB, LABS)
    rows = found(tmp_path / "class")
    assert letters(tmp_path / "class") == {"anna": "b", "bo": "a"}
    assert "handed in several times: the latest notebook is taken" in rows["anna"].flags and not rows["bo"].flags
    assert ("late" in rows["anna"].flags) == ("copy" in what)


def test_different_files_of_one_attempt_are_no_attempts(tmp_path):
    files = {
        f"anna_1_98_{LAB}.ipynb": A,
        "anna_1_102_part_1.ipynb": B,
        "bo_2_98_part_1.ipynb": A,
        "bo_2_99_part_2.ipynb": B,
    }
    check_in(zipped(tmp_path / "s.zip", files), tmp_path / "class", LAB, LABS)
    assert letters(tmp_path / "class") == {"anna": "a", "bo": None}
    assert found(tmp_path / "class")["bo"].reason == "several notebooks: part_1.ipynb, part_2.ipynb"


def test_users_of_blackboard_with_lines_in_their_names_stay_apart(tmp_path):
    files = {f"HW_{name}_attempt_2026-01-02-03-04-05_x.ipynb": data for name, data in {"a_li": A, "b_li": B}.items()}
    check_in(zipped(tmp_path / "s.zip", files), tmp_path / "class", LAB, LABS)
    assert letters(tmp_path / "class") == {"li HW_a_li": "a", "li HW_b_li": "b"}


def test_anonymous_students_of_canvas(tmp_path):
    files = {"anon_x1Yz_98_a.ipynb": A, "LATE_anon_Qq2_99_b.ipynb": B, "anon_r3_text.html": B}
    check_in(zipped(tmp_path / "s.zip", files), tmp_path / "class", LAB, LABS)
    assert letters(tmp_path / "class") == {"anon_Qq2": "b", "anon_r3": None, "anon_x1Yz": "a"}


# Letters


def test_utf8_without_saying_so_is_utf8(tmp_path):
    """As macOS and `zip -r` write it; and the letters of old zips, where it is no UTF-8."""
    name = MOODLE.format("J__rg", 1, "/x.ipynb").replace("_/", "/")
    raw = zip_of(tmp_path / "a.zip", {name: B})
    (tmp_path / "plain.zip").write_bytes(raw.replace(b"J__rg", "Jörg".encode()))
    raw = zip_of(tmp_path / "b.zip", {name.replace("__", "_"): A})
    (tmp_path / "old.zip").write_bytes(raw.replace(b"J_rg", "Jörg".encode("cp437")))
    zipped(tmp_path / "moodle.zip", {name.replace("__", "ö"): A})
    with zipfile.ZipFile(tmp_path / "moodle.zip") as archive:
        assert archive.infolist()[0].flag_bits & 0x800
    for source, letter in {"moodle": "a", "plain": "b", "old": "a"}.items():
        check_in(tmp_path / f"{source}.zip", tmp_path / "class", LAB, LABS)
        assert letters(tmp_path / "class") == {"Jörg": letter}


def test_composed_letters_and_decomposed_ones_are_one_name(tmp_path):
    for number, (name, letter) in enumerate([("Zoë", A), (NFD, B), ("ZOË", A)]):
        check_in(zipped(tmp_path / f"{number}.zip", {f"{name}/{LAB}.ipynb": letter, "bo/x.ipynb": A}), tmp_path, LAB)
        assert letters(tmp_path) == {"Zoë": chr(letter[-4]), "bo": "a"}
    check_in(laid_out(tmp_path / "s", {"Zoë.ipynb": A, f"{NFD}.ipynb": B, "bo.ipynb": A}), tmp_path / "class", LAB)
    assert found(tmp_path / "class")["Zoë"].reason == f"several notebooks: {NFD}.ipynb, Zoë.ipynb"
    assert len(found(tmp_path / "class")) == 2


def test_a_folder_that_somebody_made_keeps_its_name(tmp_path):
    laid_out(tmp_path / "submitted", {f"{NFD}/{LAB}/{LAB}.ipynb": A})
    seen = check_in(zipped(tmp_path / "s.zip", {"Zoë.ipynb": B}), tmp_path, LAB)
    assert letters(tmp_path) == {NFD: "b"} and seen.replaced == (NFD,)


# Who is who, over several sources


def ada(number, lab=LAB):
    return MOODLE.format("Ada", number, f"/{lab}.ipynb").replace("_/", "/")


def handed(tmp_path, *sources, lab=LAB):
    """Sentences on each source, in turn."""
    said = []
    for files in sources:
        source = zipped(tmp_path / "in" / f"{len(list(tmp_path.glob('in/*')))}.zip", {"bo/x.ipynb": A, **files})
        said.append(list(check_in(source, tmp_path, lab, LABS).sentences())[1:])
    return said


def test_when_one_of_two_leaves_the_other_stays_who_she_was(tmp_path):
    said = handed(tmp_path, {ada(12): A, ada(15): B}, {ada(12): B})
    assert letters(tmp_path) == {"Ada 12": "b", "Ada 15": "b", "bo": "a"}
    assert said[0] == ["of one name, told apart by the platform's numbers: Ada 12, Ada 15"]
    assert "another student has the same name" in found(tmp_path)["Ada 12"].flags
    handed(tmp_path, {ada(15): A})
    assert letters(tmp_path) == {"Ada 12": "b", "Ada 15": "a", "bo": "a"}


def test_when_a_second_one_comes_the_first_stays_who_she_was(tmp_path):
    said = handed(tmp_path, {ada(12): A}, {ada(12): A, ada(15): B}, {ada(15): A})
    assert letters(tmp_path) == {"Ada": "a", "Ada 15": "a", "bo": "a"}
    assert said[1] == ["of one name, told apart by the platform's numbers: Ada, Ada 15"]


def test_another_number_is_another_person(tmp_path):
    """Whether or not the first one hands in again; nobody's notebook is replaced by that of a namesake."""
    said = handed(tmp_path, {ada(12): A}, {ada(15): B})
    assert letters(tmp_path) == {"Ada": "a", "Ada 15": "b", "bo": "a"}
    assert said == [[], ["of one name, told apart by the platform's numbers: Ada 15"]]


def test_a_number_is_remembered_from_lab_to_lab(tmp_path):
    """As Canvas numbers its users; in Moodle, which numbers anew for each assignment, the name is what there is."""
    handed(tmp_path, {ada(12): A}, {ada(12): A, ada(15): B})
    handed(tmp_path, {ada(12, OTHER): A, ada(15, OTHER): B}, lab=OTHER)
    assert {name: one.content for name, one in found(tmp_path, OTHER).items()} == {"Ada": A, "Ada 15": B, "bo": A}
    handed(tmp_path / "moodle", {ada(12): A})
    handed(tmp_path / "moodle", {ada(99, OTHER): B}, lab=OTHER)
    assert list(found(tmp_path / "moodle", OTHER)) == ["Ada", "bo"]


def test_a_user_of_another_lab_keeps_the_row_from_a_namesake(tmp_path):
    """Canvas's and Sakai's numbers hold in every assignment: of two, each of whom handed in one lab, each has a row."""
    first, second = f"Ada_12_1_{LAB}.ipynb", f"Ada_15_2_{OTHER}.ipynb"
    handed(tmp_path, {first: A})
    handed(tmp_path, {second: B}, {second: A, f"Ada_12_3_{OTHER}.ipynb": B}, lab=OTHER)
    assert {name: one.content for name, one in found(tmp_path, OTHER).items()} == {"Ada": B, "Ada 15": A, "bo": A}
    assert {name: one.content for name, one in found(tmp_path).items()} == {"Ada": A, "Ada 15": None, "bo": A}


def test_without_numbers_files_tell_people_apart_and_it_is_said(tmp_path):
    two = {"kim lee.ipynb": A, f"Kim Lee-{LAB}.ipynb": B}
    said = handed(tmp_path, two, {f"Kim Lee-{LAB}.ipynb": A}, {"kim lee.ipynb": B})
    assert letters(tmp_path) == {"Kim Lee": "a", "kim lee 2": "b", "bo": "a"}
    assert said[0] == ["of one name, told apart by the names of their files alone: Kim Lee, kim lee 2"]


def test_without_numbers_one_name_is_one_person_however_the_file_is_called(tmp_path):
    handed(tmp_path, {"anna.ipynb": A}, {f"anna_{LAB}.ipynb": B}, {f"Anna/{LAB}.ipynb": A}, {f"{LAB}-ANNA.ipynb": B})
    assert letters(tmp_path) == {"anna": "b", "bo": "a"}
    handed(tmp_path, {MOODLE.format("anna", 7, "x.ipynb"): A}, {"anna.ipynb": B})
    assert letters(tmp_path) == {"anna": "b", "bo": "a"}


def test_rows_from_before_the_register_are_found_by_name(tmp_path):
    laid_out(tmp_path / "submitted", {f"{name}/{LAB}/{LAB}.ipynb": A for name in ("Ada 12", "Ada 15", "anna", "bo")})
    handed(tmp_path, {ada(12): B, ada(15): B, "anna.ipynb": B})
    assert letters(tmp_path) == {"Ada 12": "b", "Ada 15": "b", "anna": "b", "bo": "a"}


def test_a_very_long_name_is_a_name(tmp_path):
    """Of blanks, on which a pattern could spend minutes, as of letters."""
    names = {f"a{' ' * 60_000}b": A, "x" * 60_000: B}
    check_in(zipped(tmp_path / "s.zip", {f"{name}/{LAB}.ipynb": data for name, data in names.items()}), tmp_path, LAB)
    assert letters(tmp_path) == {"a": "a", "x" * 160: "b"}
