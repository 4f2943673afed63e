"""Points arrive in the platform's own file, beside the right people, and all else in it is as it came."""

import csv
import io
import zipfile

import pandas
import pytest

from course_grading.__main__ import main
from course_grading.platforms.cells import read
from course_grading.platforms.export import Options, export
from tests.support.grading_class import LAB
from tests.support.platform_files import ASKED, CODES, PEOPLE, SUFFIX, TABLES, blackboard, canvas, graded, moodle, save

PLATFORMS = sorted(TABLES)
COLUMN = {"canvas": "Lab 1: Simulation (8801)", "moodle": "Grade", "blackboard": "Lab 1 [Total Pts: 21 Score] |98765"}
WHO = {"canvas": "ID", "moodle": "Identifier", "blackboard": "Username"}
FEEDBACK = {"moodle": ["Feedback comments"], "blackboard": ["Feedback to Learner", "Feedback Format"], "canvas": []}
MOST = ASKED.points


@pytest.fixture
def class_(tmp_path):
    return tmp_path / "class"


def run(class_, platform, text=None, code=None, **options):
    path = save(class_.parent, platform, TABLES[platform]() if text is None else text, code)
    return export(LAB, Options(platform, path, class_, **options))


def independent(path, platform):
    """The file as pandas reads it: every cell as text."""
    delimiter = "\t" if platform == "blackboard" else ","
    return pandas.read_csv(path, sep=delimiter, encoding=CODES[platform], dtype=str, keep_default_na=False)


def cells(text, delimiter):
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def name_of(platform, one):
    return {"canvas": str(one.number), "moodle": f"Participant {one.number}", "blackboard": one.login}[platform]


def deserved(platform, points):
    """Points by what the platform calls each student; the rows of the class are in the order of their names."""
    by_number = {}
    for folder, total in points.items():
        fits = [one for one in PEOPLE if one.handed_in and belongs(platform, one, folder)]
        assert len(fits) == 1, folder
        by_number[name_of(platform, fits[0])] = total
    return by_number


def belongs(platform, one, folder):
    """Whether a folder in `submitted/` is of somebody: two people of one name have their numbers in it."""
    if platform == "blackboard":
        return folder == one.login
    namesake = one.last == "Lee"
    names = {"canvas": f"{one.last}{one.first}", "moodle": f"{one.first} {one.last}"}
    plain = "".join(letter for letter in names[platform].lower() if letter.isalnum())
    squeezed = "".join(letter for letter in folder.lower() if letter.isalnum())
    return squeezed == plain + (str(one.number) if namesake else "")


@pytest.mark.parametrize("platform", PLATFORMS)
def test_points_arrive_beside_the_right_people(class_, platform):
    points = deserved(platform, graded(class_, platform))
    assert len(points) == 5 and len({*points.values()}) == 2
    paths, said = run(class_, platform)
    assert paths[0] == class_ / "export" / f"{platform}-{LAB}{SUFFIX[platform]}"
    table = independent(paths[0], platform)
    written = dict(zip(table[WHO[platform]], table[COLUMN[platform]], strict=True))
    assert {who: float(text) for who, text in written.items() if who in points} == points
    assert written[name_of(platform, PEOPLE[-1])] == ""
    assert said == [f"5 of 6 rows have points in {COLUMN[platform]!r}, 0 of them others before"]


@pytest.mark.parametrize(
    ("platform", "code"),
    [*CODES.items(), ("canvas", "utf-8"), ("moodle", "utf-16"), ("blackboard", "utf-16-be"), ("blackboard", "utf-8")],
)
def test_all_else_is_as_it_came(class_, platform, code):
    graded(class_, platform)
    came = TABLES[platform]()
    [path, *_], _ = run(class_, platform, code=code)
    raw = path.read_bytes()
    assert raw[:2] == came.encode(code)[:2]
    delimiter = "\t" if platform == "blackboard" else ","
    before, after = cells(came, delimiter), cells(raw.decode(code), delimiter)
    assert [len(row) for row in after] == [len(row) for row in before]
    own = {before[0].index(name) for name in (COLUMN[platform], *FEEDBACK[platform])}
    for old, new in zip(before, after, strict=True):
        assert [text for at, text in enumerate(new) if at not in own] == [
            t for at, t in enumerate(old) if at not in own
        ]
    rows = [old for old, new in zip(before, after, strict=True) if old != new]
    assert len(rows) == 5
    quotes, ends = raw.decode(code).count('"'), raw.decode(code).count("\n")
    assert ends == came.count("\n") and (platform == "moodle" or quotes == came.count('"'))


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_second_export_changes_nothing(class_, platform):
    graded(class_, platform)
    first, _ = run(class_, platform)
    bytes_ = [path.read_bytes() for path in first]
    again, said = export(LAB, Options(platform, first[0], class_))
    assert [path.read_bytes() for path in again] == bytes_ and again == first
    assert said[0].endswith(", 0 of them others before")


@pytest.mark.parametrize("platform", PLATFORMS)
def test_columns_may_stand_in_another_order(class_, platform):
    points = deserved(platform, graded(class_, platform))
    delimiter = "\t" if platform == "blackboard" else ","
    rows = cells(TABLES[platform](), delimiter)
    keep_first = platform == "canvas"  # its importer itself wants the name in the first column
    turned = [[*row[:1], *row[:0:-1]] if keep_first else row[::-1] for row in rows]
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(turned)
    [path, *_], _ = run(class_, platform, out.getvalue())
    table = independent(path, platform)
    written = dict(zip(table[WHO[platform]], table[COLUMN[platform]], strict=True))
    assert {who: float(text) for who, text in written.items() if text and who in points} == points


def test_feedback_says_points_and_the_recognised_mistake_and_is_harmless(class_):
    graded(class_, "moodle")
    [path, _], _ = run(class_, "moodle")
    table = independent(path, "moodle")
    said = dict(zip(table["Identifier"], table["Feedback comments"], strict=True))
    right, wrong = said["Participant 501"], said["Participant 505"]  # the folders are Anna, Bo, Kim, Kim, Zoë
    assert right.startswith("21 of 21 points<br>1.1 Euler loop: 2 of 2<br>1.2 Heun step: 2 of 2<br>")
    assert right.endswith("<br>Question 3: 3 of 3") and "Likely" not in right
    assert wrong.startswith(
        "19 of 21 points<br>1.1 Euler loop: 0 of 2. Likely cause: ＜b＞one step＜/b＞ is missing, '=cmd().<br>"
    )
    assert ";" not in wrong and "&" not in wrong and "<b>" not in wrong


def test_a_comment_that_a_person_wrote_stays(class_):
    graded(class_, "moodle")
    [path, _], _ = run(class_, "moodle", moodle(comment="<p>Come and see me.</p>"))
    assert {*independent(path, "moodle")["Feedback comments"]} == {"<p>Come and see me.</p>"}
    [path, _], _ = run(class_, "moodle", moodle(comment="<p>7 of 21 points</p>"))
    assert independent(path, "moodle")["Feedback comments"][0].startswith("21 of 21 points<br>")


def test_blackboards_feedback_has_its_format(class_):
    graded(class_, "blackboard")
    [path], _ = run(class_, "blackboard")
    table = independent(path, "blackboard")
    assert [*table["Feedback Format"]] == ["SMART_TEXT"] * 5 + [""]
    assert [bool(text) for text in table["Feedback to Learner"]] == [True] * 5 + [False]
    assert {*table["Grading Notes"]} == {""}


def of_participant(name):
    """How Moodle reads a path in the zip: the number behind the first underscore, then the kind of the file."""
    info = name.split("/")[0].split("_", 4)
    assert len(info) >= 4 and info[1].isdigit() and info[2:4] == ["assignsubmission", "file"]
    return int(info[1])


def test_feedback_pages_go_into_a_zip_as_moodle_reads_it(class_):
    graded(class_, "moodle")
    [_, path], _ = run(class_, "moodle")
    assert path == class_ / "export" / f"moodle-{LAB}-feedback.zip"
    with zipfile.ZipFile(path) as archive:
        pages = {of_participant(name): archive.read(name).decode() for name in archive.namelist()}
        assert [name.split("/")[1] for name in archive.namelist()] == [f"{LAB}.html"] * 5
    assert sorted(pages) == [one.number for one in PEOPLE if one.handed_in]
    assert pages[502] != pages[503] and pages[501] == "<p>Anna Berg</p>"


def test_an_underscore_in_a_name_does_not_move_moodles_number(class_):
    graded(class_, "moodle")
    text = moodle().replace("Anna Berg", "Anna_9_Berg")
    [_, path], _ = run(class_, "moodle", text)
    with zipfile.ZipFile(path) as archive:
        assert 501 in {of_participant(name) for name in archive.namelist()}


def test_numbers_have_a_comma_where_the_table_has(class_):
    graded(class_, "moodle")
    [path, _], _ = run(class_, "moodle", moodle(most="100,00"), scale=True)
    assert [*independent(path, "moodle")["Grade"]] == ["100", "100", "90,48", "100", "90,48", ""]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_semicolons_are_read(class_, platform):
    points = graded(class_, platform)
    [path, *_], _ = run(class_, platform, TABLES[platform](delimiter=";"), code="utf-8")
    rows = cells(path.read_text("utf-8"), ";")
    at = rows[0].index(COLUMN[platform])
    assert sum(float(row[at]) for row in rows[-6:] if row[at]) == sum(points.values())


@pytest.mark.parametrize(("platform", "most"), [("canvas", "100.00"), ("moodle", "100.00"), ("blackboard", "100")])
def test_another_maximum_is_refused_or_scaled(class_, platform, most):
    graded(class_, platform)
    with pytest.raises(ValueError, match=r"lab1_simulation has 21 points .* has 100 there: .*--scale .* by 4\.762"):
        run(class_, platform, TABLES[platform](most=most))
    assert not (class_ / "export").exists()
    [path, *_], said = run(class_, platform, TABLES[platform](most=most), scale=True)
    table = independent(path, platform)
    name = COLUMN[platform].replace("21 Score", "100 Score")
    assert sorted({*table[name]} - {"", "Manual Posting", "100.00"}) == ["100", "90.48"]
    assert said[-1] == "points are scaled from 21 to 100 for everything, with two digits"


def test_a_column_of_no_points_takes_them_as_they_are(class_):
    graded(class_, "blackboard")
    [path], _ = run(class_, "blackboard", blackboard(most="0"))
    assert {*independent(path, "blackboard")["Lab 1 [Total Pts: 0 Score] |98765"]} == {"21", "19", ""}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_answers_that_wait_are_said(class_, platform):
    graded(class_, platform, waiting=2)
    with pytest.raises(ValueError, match="^2 answers of 2 students wait to be marked by hand: .*--unfinished"):
        run(class_, platform)
    assert not (class_ / "export").exists()
    [path, *_], _ = run(class_, platform, unfinished=True)
    assert "18" in {*independent(path, platform)[COLUMN[platform]]}
    for column in FEEDBACK[platform][:1]:
        assert "Question 1: to be marked by hand" in "".join(independent(path, platform)[column])


@pytest.mark.parametrize("platform", PLATFORMS)
def test_who_handed_in_nothing_may_get_nothing(class_, platform):
    graded(class_, platform)
    [path, *_], said = run(class_, platform, missing="zero")
    assert [*independent(path, platform)[COLUMN[platform]]][-1] == "0"
    assert "1 rows of students who handed in nothing have 0" in said
    [path, *_], said = run(class_, platform, TABLES[platform](grade="7"), missing="zero")
    assert [*independent(path, platform)[COLUMN[platform]]][-1] == "7"  # a grade that stands there stays
    assert said[0].endswith("5 of them others before")


@pytest.mark.parametrize("platform", PLATFORMS)
def test_who_is_known_by_another_lab_alone_keeps_what_stands_there(class_, platform):
    """`grades.csv` has a line of 0 points for who handed in earlier, and nothing now."""
    graded(class_, platform)
    table = class_ / "grades.csv"
    head = table.read_text("utf-8").splitlines()[0]
    line = dict.fromkeys(head.split(","), "0") | {
        "lab": LAB,
        "max": f"{MOST:g}",
        "flags": "",
        "late": "",
        "counted": "",
    }
    line |= {"student": {"moodle": "Nia Out"}.get(platform, "nout"), "status": "not graded", "reason": "no notebook"}
    table.write_text(f"{table.read_text('utf-8')}{','.join(line.values())}\n", "utf-8")
    [path, *_], said = run(class_, platform)
    assert [*independent(path, platform)[COLUMN[platform]]][-1] == ""
    assert said[0].startswith("5 of 6 rows") and said[1:] == [
        "1 students of grades.csv handed in nothing: what stands in their rows stays"
    ]
    [path, *_], said = run(class_, platform, missing="zero")
    assert [*independent(path, platform)[COLUMN[platform]]][-1] == "0"
    assert said[1:] == ["1 rows of students who handed in nothing have 0"]
    [path, *_], _ = run(class_, platform, TABLES[platform](grade="7"), missing="zero")
    assert [*independent(path, platform)[COLUMN[platform]]][-1] == "7"
    without = TABLES[platform](PEOPLE[:-1])
    assert len(run(class_, platform, without, missing="zero")[1]) == 1  # who left the course is missed by nobody


def test_canvas_keeps_who_is_excused(class_):
    graded(class_, "canvas")
    text = canvas().replace('klee,"A, B",=1+1,,', 'klee,"A, B",=1+1,EX,')
    [path], said = run(class_, "canvas", text)
    assert [*independent(path, "canvas")[COLUMN["canvas"]]][3] == "EX"
    assert said[0].startswith("4 of 6 rows") and said[1].endswith(": excused")


def test_moodle_keeps_grades_that_are_locked(class_):
    graded(class_, "moodle")
    head, first, rest = moodle().split("\n", 2)
    [path, zipped], said = run(class_, "moodle", "\n".join([head, first.replace(",Yes,", ",No,"), rest]))
    table = independent(path, "moodle")
    assert (table["Grade"][0], table["Feedback comments"][0]) == ("", "")
    assert said[1].startswith("left as it is: row 2, Anna Berg: ")
    with zipfile.ZipFile(zipped) as archive:
        assert 501 not in {of_participant(name) for name in archive.namelist()}


def test_the_rule_for_late_work_counts(class_):
    graded(class_, "moodle")
    path = class_ / "grades.csv"
    head, *lines = path.read_text("utf-8").splitlines()
    new = [head.replace(",status", ",late,counted,status")]
    new += [line.replace(",complete", ",2,17.5,complete") for line in lines]
    path.write_text("\n".join(new) + "\n", "utf-8")
    [path, _], _ = run(class_, "moodle")
    table = independent(path, "moodle")
    assert [*table["Grade"]] == ["17.5"] * 5 + [""]
    assert table["Feedback comments"][0].startswith("17.5 of 21 points<br>21 before the rule for late work<br>")


def test_who_could_not_be_graded_is_named(class_):
    graded(class_, "moodle")
    path = class_ / "grades.csv"
    lines = path.read_text("utf-8").splitlines()
    lines[1] = f"Anna Berg,{LAB},0,21" + ",0" * len(ASKED.tasks) + ',not graded,,"no notebook, only x"'
    path.write_text("\n".join(lines) + "\n", "utf-8")
    [path, _], said = run(class_, "moodle")
    assert said[-1] == "not graded, with the points of grades.csv: Anna Berg"
    words = independent(path, "moodle")["Feedback comments"][0]
    assert words.startswith("0 of 21 points<br>Nothing could be graded: no notebook, only x<br>")


def test_the_command(class_, capsys):
    points = graded(class_, "canvas")
    path = save(class_.parent, "canvas", canvas())
    assert main(["export", LAB, "--for", "canvas", "--table", str(path), "--folder", str(class_)]) in (0, None)
    out = capsys.readouterr().out
    assert f"{len(points)} of 6 rows have points" in out and f"written: {class_ / 'export'}" in out
    assert main(["export", LAB, "--for", "moodle", "--table", str(path), "--folder", str(class_)])
    assert "this is Canvas's gradebook: give --for canvas" in capsys.readouterr().err


@pytest.mark.parametrize("asked", ["Lab 10", "Lab 10 (8810)"])
def test_a_column_may_be_named(class_, asked):
    graded(class_, "canvas")
    [path], _ = run(class_, "canvas", column=asked, scale=True)
    table = independent(path, "canvas")
    assert [*table["Lab 10 (8810)"]][2:] == ["5", "4.52", "5", "4.52", "5", "4.00"]
    assert [*table[COLUMN["canvas"]]][2:] == [""] * 6


def test_a_table_that_nobody_changes_is_written_byte_for_byte():
    odd = 'a,"b ""c""",\r\n"x,\n y",=1, \r\n\r\n"",z,"ü;"'
    for code in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"):
        assert read(odd.encode(code)).to_bytes() == odd.encode(code)
    table = read(odd.encode())
    assert [row.values for row in table.rows] == [row or [""] for row in cells(odd, ",")]
    assert table.changed({(2, 1): 'p"q'}).to_bytes().decode() == odd.replace("=1", '"p""q"')
    assert table.changed({(4, 0): "n"}).to_bytes().decode() == odd.replace('"",z', '"n",z')
