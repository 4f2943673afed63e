"""The gradebook: nbgrader's database, in which the formgrader shows what is to be marked by hand."""

import sqlite3
import warnings
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from alembic.script import ScriptDirectory
from msgspec.structs import replace
from nbgrader import api, dbutil
from sqlalchemy import URL, Connection, create_engine, inspect, select, table, text
from sqlalchemy.exc import ArgumentError, OperationalError, SAWarning, SQLAlchemyError

from course_grading.drawing import Drawn
from course_grading.late import Delay
from course_grading.model import Lab, Outcome, Task
from course_grading.rights import keep
from course_grading.turns import in_turn

NO_RESPONSE = "No response."
VERSION = "alembic_version"
"""The table in which a gradebook says of which version it is."""


@dataclass(frozen=True)
class Mark:
    """Points of one task of one student.

    Attributes:
        points: Those that count: a person's, else the judge's; None while somebody has to mark it.
        comment: What a person wrote.
        by_hand: Whether a person gave the points.
        waiting: Whether somebody has to look at it (again).
    """

    points: float | None
    comment: str = ""
    by_hand: bool = False
    waiting: bool = False


@dataclass(frozen=True)
class Row:
    """One student.

    Attributes:
        outcome: What the judge found, without what was printed.
        marks: The marks that count, by the name of the task's cell.
        delay: How late it was handed in; None where there is no deadline.
    """

    outcome: Outcome
    marks: Mapping[str, Mark]
    delay: Delay | None = None

    @property
    def total(self) -> float:
        """Points of all tasks that are marked."""
        return sum(mark.points or 0.0 for mark in self.marks.values())

    @property
    def counted(self) -> float | None:
        """What counts of them; None where nobody knows how late it was."""
        return self.delay.counted(self.total) if self.delay else self.total

    @property
    def waiting(self) -> int:
        """How many answers somebody has to look at."""
        return sum(mark.waiting for mark in self.marks.values())


def default_url(folder: str | Path) -> str:
    """Address of the gradebook in a class's folder."""
    file = Path(folder).resolve() / "gradebook.db"
    return URL.create("sqlite", database=str(file)).render_as_string()


def check_version(url: str) -> None:
    """Refuse what this nbgrader cannot use.

    Raises:
        ValueError: If the gradebook cannot be opened, or another version of nbgrader made it.
    """
    found = _revisions(url)
    here = _head()
    if found not in (None, [here]):
        raise ValueError(
            f"{url} was made by another version of nbgrader (revision {', '.join(found) or 'none'}, expected {here}): "
            f"bring it up to date with `nbgrader db upgrade`, or name another with --db"
        )


def _head() -> str | None:
    return ScriptDirectory(dbutil.ALEMBIC_DIR).get_current_head()


def _revisions(url: str) -> list[str] | None:
    """Which versions of nbgrader a gradebook says that it is of; None where there is no gradebook yet.

    Raises:
        ValueError: If it cannot be opened.
    """
    try:
        engine = create_engine(url)
        file = _file(engine.url)
        if file and not file.is_file():
            return None
        with engine.connect() as connection:
            names = inspect(connection).get_table_names()
            if not names or (file and _is_begun(connection, names)):
                return None
            rows = connection.execute(text("SELECT version_num FROM alembic_version")).all()
    except (ArgumentError, ImportError) as error:
        raise ValueError(f"expected the address of a database such as sqlite:///gradebook.db, got {url!r}") from error
    except SQLAlchemyError as error:
        raise ValueError(f"{url} is no gradebook or cannot be opened: name another with --db") from error
    engine.dispose()
    return [version for (version,) in rows]


def _file(url: URL) -> Path | None:
    """Where a gradebook lies; None where it is no file."""
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def _is_begun(connection: Connection, names: Collection[str]) -> bool:
    """Whether these are tables of a gradebook without a single row, as a run that was stopped could leave them."""
    if not {*names} <= {*api.Base.metadata.tables, VERSION}:
        return False
    return not any(connection.execute(select(text("1")).select_from(table(name)).limit(1)).first() for name in names)


def _create(url: str) -> None:
    """Make an empty gradebook as nbgrader does, unless there is one; nbgrader itself would start a program for it."""
    engine = create_engine(url)
    file = _file(engine.url)
    if file is None:
        with engine.begin() as connection:
            if not inspect(connection).get_table_names():
                _make_tables(connection)
    else:
        with in_turn(file):
            if _revisions(url) is None:
                _make_file(file)
    engine.dispose()


def _make_file(file: Path) -> None:
    """Make an empty gradebook in memory, then write it whole: at no moment is there a part of one."""
    if file.is_file():
        print(f"{file} held nothing yet: a run was stopped before it was whole. It is made anew.")
    with closing(sqlite3.connect(":memory:")) as memory:
        engine = create_engine("sqlite://", creator=lambda: memory)
        with engine.begin() as connection:
            _make_tables(connection)
        keep(file.parent, file, memory.serialize())


def _make_tables(connection: Connection) -> None:
    api.Base.metadata.create_all(connection)
    connection.execute(text(f"CREATE TABLE {VERSION} (version_num VARCHAR(32) NOT NULL)"))
    connection.execute(text(f"INSERT INTO {VERSION} (version_num) VALUES (:head)"), {"head": _head()})


class Book:
    """An open gradebook; use it in a `with` statement.

    Args:
        url: Its address, such as "sqlite:///gradebook.db".

    Raises:
        ValueError: As `check_version` says; at the end of the `with` statement, if the machine could not write it.
    """

    def __init__(self, url: str):
        check_version(url)
        _create(url)
        self.gradebook = api.Gradebook(url)
        self.gradebook.db().expire_on_commit = False  # `enter` forgets a student whole, once

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        self.gradebook.close()
        cause = error.__context__ if isinstance(error, api.InvalidEntry) else error  # nbgrader wraps some of them
        if isinstance(cause, OperationalError):  # of the machine: a disk is full, a lock is held for too long
            raise ValueError(
                f"the gradebook cannot be written ({cause.orig}): make room, then run it again with --resume"
            ) from error

    def prepare(self, lab: Lab) -> None:
        """Enter the lab and its tasks."""
        book, name = self.gradebook, lab.name
        book.update_or_create_assignment(name)
        book.update_or_create_notebook(name, name)
        for task in lab.tasks:
            kind = lab.cells[task.cell].kind
            self._rescale(lab, task)
            book.update_or_create_grade_cell(task.cell, name, name, max_score=task.points, cell_type=kind)
            book.update_or_create_solution_cell(task.cell, name, name)

    def _rescale(self, lab: Lab, task: Task) -> None:
        """Where a task has other points than it had, points that were given are the same part of these."""
        try:
            cell = self.gradebook.find_grade_cell(task.cell, lab.name, lab.name)
        except api.MissingEntry:
            return
        before = cell.max_score
        if task.points and before and before != task.points:
            for grade in cell.grades:
                for name in ("auto_score", "manual_score", "extra_credit"):
                    given = getattr(grade, name)
                    setattr(grade, name, given and task.points * (given / before))

    def enter(self, found: Drawn, delay: Delay | None = None) -> Row:
        """Enter what the judge found; a person's points and comments stay as they are.

        Args:
            found: The submission, judged and drawn, of a lab that is prepared.
            delay: How late it was handed in.

        Returns:
            The marks that count.
        """
        notebook = self._notebook(found.outcome)
        notebook.flagged = bool(notebook.flagged or found.outcome.flags or found.outcome.reason)
        places = _places(found.lab, notebook)
        for task in found.lab.tasks:
            grade, comment = places[task.cell]
            points = _points(task, found)
            _enter_points(grade, points, task.cell in found.changed)
            grade.needs_manual_grade &= bool(task.points)  # nobody marks what is left out
            empty = task.exercise is None and task.cell not in found.answered
            comment.auto_comment = NO_RESPONSE if empty else None
        self.gradebook.db.commit()
        row = Row(replace(found.outcome, printed={}), self.marks(found.lab, found.outcome.student), delay)
        self.gradebook.db.expunge_all()  # the next student finds as little in memory as the first
        return row

    def marks(self, lab: Lab, student: str) -> Mapping[str, Mark]:
        """The marks of one student by the name of the task's cell."""
        notebook = self.gradebook.find_submission_notebook(lab.name, lab.name, student)
        comments = {comment.name: comment.manual_comment or "" for comment in notebook.comments}
        grades = {grade.name: grade for grade in notebook.grades}
        return {task.cell: _mark(task, grades[task.cell], comments.get(task.cell, "")) for task in lab.tasks}

    def _notebook(self, outcome: Outcome) -> api.SubmittedNotebook:
        self.gradebook.update_or_create_student(outcome.student)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # about how nbgrader uses SQLAlchemy
            [notebook] = self.gradebook.update_or_create_submission(outcome.lab, outcome.student).notebooks
        return notebook


def _places(lab: Lab, notebook: api.SubmittedNotebook) -> dict[str, tuple[api.Grade, api.Comment]]:
    """Where points and comments of a task are kept, by the name of its cell; made where there is none."""
    grades = {grade.name: grade for grade in notebook.grades}
    comments = {comment.name: comment for comment in notebook.comments}
    marked = {cell.name: cell.id for cell in notebook.notebook.grade_cells}
    solved = {cell.name: cell.id for cell in notebook.notebook.solution_cells}
    found = {}
    for name in (task.cell for task in lab.tasks):
        grade = grades.get(name) or api.Grade(cell_id=marked[name], notebook=notebook)
        comment = comments.get(name) or api.Comment(cell_id=solved[name], notebook=notebook)
        found[name] = grade, comment
    return found


def _points(task: Task, found: Drawn) -> float | None:
    """The judge's points; None where a person has to mark, 0 where nothing was answered or the task is left out."""
    answer = found.outcome.answer(task)
    if answer:
        return answer.points
    return None if task.points and task.cell in found.answered else 0.0


def _enter_points(grade: api.Grade, points: float | None, changed: bool) -> None:
    """Enter the judge's points; a person who gave others is asked again where answer or points changed."""
    if grade.manual_score is None:
        grade.needs_manual_grade = points is None
    elif changed or points != grade.auto_score:
        grade.needs_manual_grade = True
    grade.auto_score = points


def _mark(task: Task, grade: api.Grade, comment: str) -> Mark:
    by_hand = grade.manual_score is not None
    points = grade.manual_score if by_hand else grade.auto_score
    if not task.points:
        return Mark(0.0, comment, by_hand)
    if points is not None:
        points += grade.extra_credit or 0.0
    return Mark(points, comment, by_hand or bool(grade.extra_credit), bool(grade.needs_manual_grade))
