"""Whose row is whose: by the platform's number, else a login, else the name; who cannot be told is named."""

import pytest

from course_grading.intake import register
from course_grading.intake.register import Note
from course_grading.platforms.canvas import Canvas
from course_grading.platforms.cells import read
from course_grading.platforms.export import PLATFORMS, Options, export
from course_grading.platforms.matching import agree, match
from course_grading.platforms.platform import is_of
from course_grading.platforms.students import Known, Student, students
from tests.support.grading_class import LAB
from tests.support.platform_files import PEOPLE, TABLES, One, graded, moodle, save


def student(name, *known):
    return Student(name, 1.0, 1.0, 1.0, folder=name, known=known)


def matched(platform, *class_, people=PEOPLE):
    """Names of students with the row's number on the platform, and why others have none."""
    one = PLATFORMS[platform]
    lines = one.lines(read(TABLES[platform](people).encode()))
    found = match(one, class_, lines)
    return {name: line.number for name, line in found.found.items()}, found.lost


@pytest.mark.parametrize(("platform", "lasting"), [("canvas", True), ("moodle", False)])
def test_the_number_comes_first(platform, lasting):
    """Of two people of one name, and of one who was called otherwise when handing in."""
    told = {"Kim Lee": ("kim lee", "503"), "Kim Lee 502": ("kim lee", "502"), "Anna Hill": ("anna hill", "501")}
    class_ = [student(folder, Known(*known, lasting)) for folder, known in told.items()]
    assert matched(platform, *class_) == ({folder: number for folder, (_, number) in told.items()}, {})


def test_a_user_name_is_blackboards_number():
    assert matched("blackboard", student("klee2", Known("klee2", "lab 1_klee2")))[0] == {"klee2": "klee2"}


@pytest.mark.parametrize(("platform", "login"), [
    ("canvas", "klee"), ("canvas", "S502"), ("moodle", "KLEE@uni.example"), ("blackboard", "klee"),
    ("blackboard", "0502"),
])  # fmt: skip
def test_a_login_comes_second(platform, login):
    found, lost = matched(platform, student(login))
    assert [*found] == [login] and not lost
    assert found[login] == ("klee" if platform == "blackboard" else "502")


@pytest.mark.parametrize("name", ["Anna Berg", "Berg, Anna", "anna berg", "Berg Anna", "bergAnna"])
def test_a_name_comes_last(name):
    found, _ = matched("canvas", student(name))
    assert found == {name: "501"}


def test_nobody_is_guessed():
    class_ = [student("Kim Lee"), student("Ann Berg"), student("Out, Kim")]
    found, lost = matched("canvas", *class_)
    assert found == {}
    assert lost["Kim Lee"] == "the name fits rows 5 and 6"
    assert lost["Ann Berg"] == "no row with such a number, login or name"
    assert matched("canvas", student("S506"), student("nout"))[1] == {
        "S506": "row 9 fits 'nout', too",
        "nout": "row 9 fits 'S506', too",
    }


def told(folder, *keys, lasting=False):
    """What the class knows of the student in a folder, from the keys that intake keeps."""
    register.write(folder, LAB, {"x": Note(keys=keys, numbered=True, lasting=lasting)})
    (folder / "grades.csv").write_text(f"student,lab,total,max\nx,{LAB},1,2\n")
    [one] = students(folder, LAB)
    return one.known


def test_names_and_numbers_that_intake_keeps_may_have_brackets(tmp_path):
    assert told(tmp_path, "anna (nia) berg (501)", lasting=True) == (Known("anna (nia) berg", "501", True),)
    assert told(tmp_path, "aberg (homework (lab 1)_aberg)") == (Known("aberg", "homework (lab 1)_aberg"),)
    assert told(tmp_path, "aberg", "a(b)") == (Known("aberg"), Known("a(b)"))
    assert matched("blackboard", student("x", *told(tmp_path, "aberg (homework (lab 1)_aberg)")))[0] == {"x": "aberg"}


def test_better_evidence_keeps_its_row():
    """A number is no guess: who has the row by it keeps it, whatever somebody else is called."""
    class_ = [student("Anna Berg"), student("aberg"), student("x", Known("anna berg", "501", lasting=True))]
    found, lost = matched("canvas", *class_)
    assert found == {"x": "501"}
    assert lost == dict.fromkeys(["Anna Berg", "aberg"], "row 4 fits 'x', too")
    assert matched("canvas", *class_[:2])[0] == {"aberg": "501"}


def test_a_number_of_another_platform_tells_nothing():
    """Participant 501 of Moodle is not user 501 of Canvas, nor the other way."""
    found, lost = matched("canvas", student("x", Known("x", "501", lasting=False)))
    assert found == {} and lost == {"x": "no row with such a number, login or name"}
    found, lost = matched("moodle", student("x", Known("x", "501", lasting=True)))
    assert found == {} and lost == {"x": "no row with such a number, login or name"}


def test_a_number_of_another_assignment_is_no_name():
    """Moodle numbers people anew in each assignment: with the worksheet of another one, equal names mean nothing."""
    found, lost = matched("moodle", student("Anna Berg", Known("anna berg", "9001")))
    assert found == {} and lost["Anna Berg"].startswith(
        "no row has the number 9001: is the table of another assignment"
    )


def test_a_number_whose_name_is_somebody_elses():
    found, lost = matched("moodle", student("Cem Day", Known("cem day", "501")))
    assert found == {} and lost == {"Cem Day": "the number 501 is of 'cem day' here and of 'Anna Berg' in row 2"}


@pytest.mark.parametrize(("name", "others", "can"), [
    ("annaberg", ["Anna Berg"], True), ("anna berg", ["Berg, Anna"], True), ("zoemuller", ["Zoë Müller"], True),
    ("anna hill", ["Anna Berg"], True), ("bo day", ["Anna Berg"], False), ("julia", ["J. Berg"], False),
    ("王明", ["王明"], True), ("x", [], True), ("x", [""], True), ("x", ["Anna Berg", "x"], True),
])  # fmt: skip
def test_names_that_can_be_one_persons(name, others, can):
    assert agree(name, others) is can


@pytest.mark.parametrize(("title", "fits"), [
    ("Lab 1", True), ("lab1_simulation", True), ("LAB-01: Simulation", True), ("Homework (Lab 1)", True),
    ("Lab 10", False), ("Lab 11", False), ("Collab 1", False), ("Lab", False), ("1", False), ("Lab1_x", True),
])  # fmt: skip
def test_titles_that_name_the_lab(title, fits):
    assert is_of("lab1_simulation", title) is fits


def test_canvas_may_have_two_columns_for_a_name():
    head, *rest = TABLES["canvas"]().split("\n")
    head, points = head.replace("Student,", "LastName,FirstName,"), rest[1].replace("Possible,", "Possible,,")
    text = "\n".join([head, f",{rest[0]}", points, rest[2].replace('"Berg, Anna"', "Berg,Anna")])
    [line] = Canvas().lines(read(text.encode()))
    assert line.number == "501" and {"Anna Berg", "Berg, Anna", "BergAnna"} <= {*line.names}


def test_who_has_no_row_is_named_and_the_others_are_written(tmp_path):
    graded(tmp_path / "class", "moodle")
    text = moodle([one for one in PEOPLE if one.number != 501])
    paths, said = export(LAB, Options("moodle", save(tmp_path, "moodle", text), tmp_path / "class"))
    assert said[0].startswith("4 of 5 rows") and len(paths) == 2
    assert said[1].startswith(
        "not in the file, as no row is theirs: 1 students of grades.csv: Anna Berg (no row has the"
    )


def test_nothing_is_given_to_rows_of_people_who_are_not_told(tmp_path):
    graded(tmp_path / "class", "moodle")
    renumbered = [One(one.last, one.first, one.login, one.number + 5000 * (one.number == 501)) for one in PEOPLE]
    path = save(tmp_path, "moodle", moodle(renumbered))
    with pytest.raises(ValueError, match="^--missing zero could give nothing to people who handed in.*Anna Berg"):
        export(LAB, Options("moodle", path, tmp_path / "class", missing="zero"))
    assert not (tmp_path / "class" / "export").exists()


@pytest.mark.parametrize(("source", "platform", "count"), [
    ("moodle", "canvas", 2), ("moodle", "blackboard", 2),  # Anna and Zoë: both are Kim, and Bo's name lost its quotes
    ("blackboard", "canvas", 5), ("blackboard", "moodle", 0),  # user names, which Canvas has and Moodle's file does not
    ("canvas", "moodle", 0), ("canvas", "blackboard", 0),  # "berganna" is no name elsewhere
])  # fmt: skip
def test_a_class_that_handed_in_elsewhere(tmp_path, source, platform, count):
    graded(tmp_path / "class", source)
    path = save(tmp_path, platform, TABLES[platform]())
    options = Options(platform, path, tmp_path / "class")
    if not count:
        with pytest.raises(ValueError, match="no row is of a student of lab1_simulation: .*no row with such a number"):
            export(LAB, options)
        assert not (tmp_path / "class" / "export").exists()
        return
    _, said = export(LAB, options)
    assert said[0].startswith(f"{count} of 6 rows")
    lost = [one for one in said if one.startswith("not in the file")]
    assert [one.split(": ")[1].split()[0] for one in lost] == ([str(5 - count)] if count < 5 else [])
