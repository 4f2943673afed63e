"""A file that is not understood is refused by the column's name or the row's number, and nothing is written."""

import re

import pytest

from course_grading.__main__ import main
from course_grading.platforms.cells import read
from course_grading.platforms.export import Options, export
from tests.support.grading_class import LAB
from tests.support.platform_files import PEOPLE, TABLES, One, blackboard, canvas, graded, moodle, save


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    """One class for each platform; no test of this file writes into it."""
    folder = tmp_path_factory.mktemp("platforms")
    for platform in TABLES:
        graded(folder / platform, platform)
    return folder


def refused(classes, platform, text, tmp_path, code=None, **options):
    """The sentence with which a file is refused."""
    path = save(tmp_path, platform, text, code)
    with pytest.raises(ValueError) as caught:
        export(LAB, Options(platform, path, classes / platform, **options))
    assert not (classes / platform / "export").exists()
    return str(caught.value)


@pytest.mark.parametrize("platform", sorted(TABLES))
@pytest.mark.parametrize("other", sorted(TABLES))
def test_the_file_of_another_platform(classes, tmp_path, platform, other):
    if platform != other:
        said = refused(classes, platform, TABLES[other](), tmp_path, "utf-8")
        assert f"this is {other.capitalize()}'s" in said and f"give --for {other}" in said


NEEDED = {
    "canvas": ("Student", "ID", "Section"),
    "moodle": ("Identifier", "Grade", "Maximum Grade", "Last modified (grade)"),
    "blackboard": ("Last Name", "First Name", "Username"),
}


def headed(platform, names):
    """A platform's table with other names of columns."""
    delimiter = "\t" if platform == "blackboard" else ","
    head, rest = TABLES[platform]().split("\n", 1)
    head = re.sub(r'[^\t,"\r]+', lambda found: names.get(found[0], found[0]), head)
    assert len(head.split(delimiter)) == len(TABLES[platform]().split("\n", 1)[0].split(delimiter))
    return f"{head}\n{rest}"


@pytest.mark.parametrize(("platform", "name"), [(one, name) for one, some in NEEDED.items() for name in some])
def test_a_missing_column_is_named(classes, tmp_path, platform, name):
    said = refused(classes, platform, headed(platform, {name: "Kennung"}), tmp_path)
    assert f"; without {name!r}, found: " in said and "Kennung" in said and "in English" in said


WORDS = {
    "Spanish": {
        "Student": "Estudiante", "Section": "Sección", "Identifier": "Identificador", "Full name": "Nombre completo",
        "Grade": "Calificación", "Maximum Grade": "Calificación máxima", "Last Name": "Apellidos",
        "Last modified (grade)": "Última modificación (calificación)", "First Name": "Nombre",
        "Username": "Nombre de usuario",
    },
    "German": {
        "Student": "Studierende", "Section": "Abschnitt", "Identifier": "ID", "Full name": "Vollständiger Name",
        "Grade": "Bewertung", "Maximum Grade": "Bestwertung", "Last Name": "Nachname",
        "Last modified (grade)": "Zuletzt geändert (Bewertung)", "First Name": "Vorname", "Username": "Benutzername",
    },
    "French": {
        "Student": "Étudiant", "Identifier": "Identifiant", "Full name": "Nom complet", "Grade": "Note",
        "Maximum Grade": "Note maximale", "Last modified (grade)": "Dernière modification (note)", "Last Name": "Nom",
        "First Name": "Prénom", "Username": "Nom d'utilisateur",
    },
}  # fmt: skip
"""Names of columns in other languages; French has "ID" and "Section", too."""


@pytest.mark.parametrize("platform", sorted(TABLES))
@pytest.mark.parametrize("language", sorted(WORDS))
def test_another_language_is_refused_before_anything_is_read(tmp_path, platform, language):
    """Of a class that was never graded the columns are still what is said: those expected, and those that came."""
    words = WORDS[language]
    path = save(tmp_path, platform, headed(platform, words))
    with pytest.raises(ValueError) as caught:
        export(LAB, Options(platform, path, tmp_path / "class"))
    expected, came = str(caught.value).split("found: ")
    assert f"{path}: expected {platform.capitalize()}'s " in expected
    assert all(repr(name) in expected for name in NEEDED[platform])
    assert all(words[name] in came for name in NEEDED[platform] if name in words)
    assert "understood in English" in came and [*tmp_path.iterdir()] == [path]


def test_the_command_says_so_in_one_sentence(tmp_path, capsys):
    path = save(tmp_path, "canvas", headed("canvas", WORDS["Spanish"]))
    code = main(["export", LAB, "--for", "canvas", "--table", str(path), "--folder", str(tmp_path / "class")])
    told = capsys.readouterr()
    assert code == 2 and "without 'Student', 'Section', found: Estudiante, ID, " in told.err and not told.out
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize("platform", sorted(TABLES))
@pytest.mark.parametrize(("content", "said"), [
    (b"", "an empty file"), (b"\xef\xbb\xbf", "an empty file"), (b"\n \n", "an empty file"),
    (b"PK\x03\x04 workbook", "a workbook or a zip"), (b"a,b\nM\xfcller,1\n", "other bytes in line 2"),
    (b"<!DOCTYPE html>\n<p>Log in</p>\n", "names of columns in row 1, got '<!DOCTYPE html>'"),
    ("Identifier,Grade".encode("utf-16")[:-1], "UTF-16, got other bytes"), (b'a,"b\nc,d', "names of columns in row 1"),
])  # fmt: skip
def test_what_is_no_table(classes, tmp_path, platform, content, said):
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(said)):
        export(LAB, Options(platform, path, classes / platform))


def test_no_file(classes, tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(ValueError, match="expected the file that the platform wrote, got "):
            export(LAB, Options("moodle", path, classes / "moodle"))


@pytest.mark.parametrize("platform", sorted(TABLES))
@pytest.mark.parametrize("change", [lambda row, d: f"{row}{d}", lambda row, d: row.rsplit(d, 1)[0]])
def test_a_row_of_another_length(classes, tmp_path, platform, change):
    delimiter = "\t" if platform == "blackboard" else ","
    end = "\r\n" if platform == "blackboard" else "\n"
    rows = TABLES[platform]().split(end)
    rows[4] = change(rows[4], delimiter)
    assert ": row 5: expected " in refused(classes, platform, end.join(rows), tmp_path)


@pytest.mark.parametrize(("text", "row"), [('a,b\n"c,d\n', 2), ('a,b\n1,2\n"c"d,e\n', 3), ('a,b\n1,2\n"c" ,e\n', 3)])
def test_quotes_that_make_no_sense(text, row):
    with pytest.raises(ValueError, match=f"^row {row}: expected a cell that ends where its quotes do"):
        read(text.encode())


@pytest.mark.parametrize("platform", sorted(TABLES))
def test_a_student_who_is_there_twice(classes, tmp_path, platform):
    column = {"canvas": "ID", "moodle": "Identifier", "blackboard": "Username"}[platform]
    rows = {"canvas": "4 and 10", "moodle": "2 and 8", "blackboard": "2 and 8"}[platform]
    again = TABLES[platform]((*PEOPLE, PEOPLE[0]))
    said = refused(classes, platform, again, tmp_path)
    assert f"rows {rows} are of one student, by the column {column}: " in said


@pytest.mark.parametrize(("platform", "column"), [("canvas", "SIS Login ID"), ("moodle", "Email address")])
def test_a_login_that_is_there_twice(classes, tmp_path, platform, column):
    again = TABLES[platform]((*PEOPLE, One("New", "One", "aberg", 900)))
    assert f"of one student, by the column {column}: " in refused(classes, platform, again, tmp_path)


@pytest.mark.parametrize("platform", sorted(TABLES))
def test_a_column_that_is_there_twice(classes, tmp_path, platform):
    column = {"canvas": "ID", "moodle": "Grade", "blackboard": "Username"}[platform]
    other = {"canvas": "SIS Login ID", "moodle": "Status", "blackboard": "Student ID"}[platform]
    head, rest = TABLES[platform]().split("\n", 1)
    said = refused(classes, platform, head.replace(other, column) + "\n" + rest, tmp_path)
    assert f"expected one column {column}, found 2: " in said


def test_no_students(classes, tmp_path):
    for platform in TABLES:
        assert "expected rows of students" in refused(classes, platform, TABLES[platform](()), tmp_path)


def test_a_student_without_a_number(classes, tmp_path):
    assert "row 2: expected a student's Identifier" in refused(
        classes, "moodle", moodle().replace("Participant 501", ""), tmp_path
    )
    assert "row 2: expected an Identifier such as 'Participant 123', got 'Anna'" in refused(
        classes, "moodle", moodle().replace("Participant 501", "Anna"), tmp_path
    )


def test_canvas_without_its_row_of_points(classes, tmp_path):
    text = canvas().replace("    Points Possible", "Possible")
    assert "expected a row 'Points Possible'" in refused(classes, "canvas", text, tmp_path)


@pytest.mark.parametrize(("text", "said"), [
    (canvas().replace("Lab 1: Simulation", "Homework"), "found 0 of: Homework, Lab 10; name it with --column"),
    (canvas().replace("Lab 10", "Lab 1 bonus"), "found 2 of: Lab 1: Simulation, Lab 1 bonus; name it with --column"),
    (canvas(most="(read only)").replace("Lab 10 (8810)", "x").replace(",5.00,", ",,"), "found no column for points"),
])  # fmt: skip
def test_a_column_that_is_not_told(classes, tmp_path, text, said):
    assert said in refused(classes, "canvas", text, tmp_path)


@pytest.mark.parametrize(("platform", "column"), [
    ("canvas", "Final Score"), ("canvas", "Notes"), ("canvas", "none"), ("moodle", "Status"),
    ("blackboard", "Total"), ("blackboard", "Total [Total Pts: up to 121 Score] |98766"),
])  # fmt: skip
def test_a_column_that_takes_no_points(classes, tmp_path, platform, column):
    said = refused(classes, platform, TABLES[platform](), tmp_path, column=column)
    assert f"expected a column for points with --column, got {column!r}; there are: " in said


def test_a_column_that_shows_letters(classes, tmp_path):
    text = blackboard().replace("21 Score]", "21 Letter]")
    assert "found no column for points at all" in refused(classes, "blackboard", text, tmp_path)


def test_what_the_class_lacks(tmp_path):
    path = save(tmp_path, "moodle", moodle())
    with pytest.raises(ValueError, match="expected points of lab1_simulation in .*found none: grade it first"):
        export(LAB, Options("moodle", path, tmp_path))
    with pytest.raises(ValueError, match="unknown lab 'lab99'"):
        export("lab99", Options("moodle", path, tmp_path))


@pytest.mark.parametrize(("change", "said"), [
    (lambda lines: [*lines, lines[1]], "expected one line for each student of lab1_simulation, found several for Anna"),
    (lambda lines: [lines[0], lines[1].replace(",21,21,", ",ill,21,")], "expected numbers as total and max of 'Anna"),
])  # fmt: skip
def test_a_table_of_the_class_that_makes_no_sense(tmp_path, change, said):
    graded(tmp_path / "class", "moodle")
    table = tmp_path / "class" / "grades.csv"
    table.write_text("\n".join(change(table.read_text("utf-8").splitlines())) + "\n", "utf-8")
    with pytest.raises(ValueError, match=said):
        export(LAB, Options("moodle", save(tmp_path, "moodle", moodle()), tmp_path / "class"))
