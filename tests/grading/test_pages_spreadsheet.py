"""`grades.csv` is read in every form in which spreadsheets save it; what cannot be understood is never lost."""

import csv
import io

import pytest

from course_grading.labs import read_lab
from course_grading.marks import Mark, Row
from course_grading.pages import spreadsheet
from course_grading.pages.spreadsheet import earlier, number, read, taken_over
from course_grading.pages.table import grades_csv

LAB = read_lab("lab5_family")
NAMES = ("Jörg Émile", "O'Neil, Ann", 'Bo "B" Fu', "=cmd()")
ROWS = [
    Row(LAB.ungraded(name, "no notebook, only a").flagged(("late", 'a "b", c')), dict.fromkeys(LAB.cells, Mark(2.5)))
    for name in NAMES
]
TABLE = grades_csv(LAB, ROWS)
LINES = list(csv.DictReader(io.StringIO(TABLE)))


def saved(delimiter=",", code="utf-8", end="\r\n", mark="", quoting=csv.QUOTE_MINIMAL, change=lambda rows: rows):
    """The table as a spreadsheet saves it."""
    out = io.StringIO()
    rows = change([[*LINES[0]], *([*line.values()] for line in LINES)])
    csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(rows)
    return (mark + out.getvalue()).encode(code)


def columns(order):
    return lambda rows: [[row[i] for i in order] for row in rows]


def each(do):
    return lambda rows: [[do(value) for value in row] for row in rows]


def in_one_cell(rows):
    """What a spreadsheet that expects semicolons makes of commas."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return [[line] for line in out.getvalue().splitlines()]


def decimal_commas(value):
    return value.replace(".", ",") if value.replace(".", "").isdigit() and "." in value else value


def padded(value):
    return f"{value},0" if value.isdigit() else value


WIDE = len(LINES[0])
FORMS = {
    "ours": saved(end="\n"),
    "byte order mark": saved(code="utf-8-sig"),
    "semicolons": saved(";"),
    "semicolons, as Excel asks for": saved(";", mark="sep=;\r\n"),
    "tabs": saved("\t"),
    "Excel in western Europe": saved(";", "cp1252"),
    "Excel's Unicode text": saved("\t", "utf-16"),
    "UTF-16, the other way round": saved("\t", "utf-16-be", mark="\ufeff"),
    "UTF-16 without a mark": saved("\t", "utf-16-le"),
    "an old Macintosh": saved(";", "mac_roman", "\r"),
    "ends of lines of a Macintosh": saved(end="\r"),
    "everything in quotes": saved(quoting=csv.QUOTE_ALL),
    "decimal commas": saved(";", change=each(decimal_commas)),
    "numbers with a nought": saved(";", change=each(padded)),
    "numbers with an apostrophe": saved(change=each(lambda value: f"'{value}" if value.isdigit() else value)),
    "columns in another order": saved(change=columns([*range(WIDE)][::-1])),
    "columns renamed": saved(change=lambda rows: [[f" {name.upper()} " for name in rows[0]], *rows[1:]]),
    "blank lines": saved(change=lambda rows: [row for one in rows for row in ([], one, [""] * WIDE)]),
    "a title above": saved(change=lambda rows: [["Autumn"], [], *rows]),
    "empty columns behind": saved(";", change=lambda rows: [[*row, "", ""] for row in rows]),
    "lines cut short": saved(change=lambda rows: [rows[0], *([*row[:-1]] for row in rows[1:])]),
    "in one column": saved(";", change=in_one_cell),
    "in one column, in quotes": saved(";", quoting=csv.QUOTE_ALL, change=in_one_cell),
    "in one column of tabs": saved("\t", change=in_one_cell),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_lines_of_another_lab_stay_in_every_form(form):
    lab = read_lab("lab1_simulation")
    after = list(csv.DictReader(io.StringIO(grades_csv(lab, [], read(FORMS[form])))))
    cut = {"reason"} if form == "lines cut short" else set()
    for line, now in zip(LINES, after, strict=True):
        assert {k: v for k, v in now.items() if k not in cut and k in line} == {
            k: v for k, v in line.items() if k not in cut
        }


@pytest.mark.parametrize("missing", sorted({*LINES[0]} - {"student", "lab"}))
def test_any_other_column_may_be_missing(missing):
    kept = [i for i, name in enumerate(LINES[0]) if name != missing]
    lines = read(saved(";", change=columns(kept)))
    assert [line["student"] for line in lines] == [line["student"] for line in LINES] and missing not in lines[0]


def test_two_columns_that_became_one_name_are_both_kept():
    assert read(b"student,lab,1.1,1.1,,\nbo,lab2,1,2,3,4\n") == [
        {"student": "bo", "lab": "lab2", "1.1": "1", "1.1 (2)": "2"}
    ]


@pytest.mark.parametrize(("text", "value"), [
    ("12,0", "12"), ("12.50", "12.5"), ("'3", "3"), (" 0 ", "0"), ("-1", "-1"), ("", None), ("1,234,5", None),
    ("12.", None), ("nan", None), ("1e3", None), ("late", None),
])  # fmt: skip
def test_numbers(text, value):
    assert number(text) == value


@pytest.mark.parametrize(
    "raw", [b"", b"\n\n", b"\xef\xbb\xbf", b" \r\n", b"\xff\xfe", "student;lab\n".encode("utf-16")]
)
def test_an_empty_table_has_no_lines(raw, tmp_path):
    (tmp_path / "grades.csv").write_bytes(raw)
    assert read(raw) == earlier(tmp_path / "grades.csv") == []
    assert earlier(tmp_path / "none.csv") == []


STRANGE = {
    "a workbook": b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00",
    "no names": b"anna,lab1,3\n",
    "another name": b"name,lab\nanna,lab1\n",
    "a letter": "Dear Jörg".encode("cp1252"),
    "no text": bytes(range(128, 256)),
    "odd UTF-16": b"\xff\xfea",
    "a huge cell": b"student,lab\n" + b"x" * 200_000 + b",lab1\n",
}


@pytest.mark.parametrize("what", STRANGE)
def test_what_cannot_be_understood_is_kept_beside_and_said_in_a_line(what, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(spreadsheet.time, "strftime", lambda form: "2026-01-02-030405")
    path = tmp_path / "grades.csv"
    for name in ("grades.before-2026-01-02-030405.csv", "grades.before-2026-01-02-030405-.csv"):
        path.write_bytes(STRANGE[what])
        assert taken_over(path) == [] and not path.exists()
        assert (tmp_path / name).read_bytes() == STRANGE[what]
        said = capsys.readouterr().out
        assert said.count("\n") == 1 and f"grades.csv cannot be understood: it is kept as {name}" in said


def test_lines_of_nobody_are_kept_beside(tmp_path, capsys):
    path = tmp_path / "grades.csv"
    path.write_text("student,lab,total\nbo,lab2,3\n,,3\nmean of all,,3\n")
    assert len(earlier(path)) == 3 and capsys.readouterr().out == ""
    assert taken_over(path) == [{"student": "bo", "lab": "lab2", "total": "3"}]
    [kept] = tmp_path.glob("grades.before-*.csv")
    assert kept.read_bytes() == path.read_bytes() and f"it is kept as {kept.name}" in capsys.readouterr().out


def test_what_cannot_be_read_is_said_before_the_work(tmp_path):
    (tmp_path / "grades.csv").mkdir()
    with pytest.raises(OSError, match=r"grades\.csv"):
        earlier(tmp_path / "grades.csv")
