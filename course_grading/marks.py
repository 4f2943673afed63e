"""The gradebook: nbgrader's database, in which the formgrader shows what is to be marked by hand."""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from alembic.script import ScriptDirectory
from nbgrader import api, dbutil
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import ArgumentError, SAWarning, SQLAlchemyError

from course_grading.model import Lab, Outcome

NO_RESPONSE = "No response."


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


def default_url(folder: str | Path) -> str:
    """Address of the gradebook in a class's folder."""
    return f"sqlite:///{Path(folder).resolve() / 'gradebook.db'}"


def check_version(url: str) -> None:
    """Refuse what this nbgrader cannot use.

    Raises:
        ValueError: If the gradebook cannot be opened, or another version of nbgrader made it.
    """
    try:
        engine = create_engine(url)
        if engine.url.get_backend_name() == "sqlite" and not Path(engine.url.database or "").is_file():
            return
        with engine.connect() as connection:
            tables = inspect(connection).get_table_names()
            rows = connection.execute(text("SELECT version_num FROM alembic_version")).all() if tables else []
        engine.dispose()
    except (ArgumentError, ImportError) as error:
        raise ValueError(f"expected the address of a database such as sqlite:///gradebook.db, got {url!r}") from error
    except SQLAlchemyError as error:
        raise ValueError(f"{url} is no gradebook or cannot be opened: name another with --db") from error
    here = ScriptDirectory(dbutil.ALEMBIC_DIR).get_current_head()
    if tables and [version for (version,) in rows] != [here]:
        found = rows[0][0] if rows else "none"
        raise ValueError(
            f"{url} was made by another version of nbgrader (revision {found}, expected {here}): "
            f"bring it up to date with `nbgrader db upgrade`, or name another with --db"
        )


def _create(url: str) -> None:
    """Make an empty gradebook as nbgrader does, unless there is one; nbgrader itself would start a program for it."""
    engine = create_engine(url)
    with engine.begin() as connection:
        if not inspect(connection).get_table_names():
            api.Base.metadata.create_all(connection)
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
            head = ScriptDirectory(dbutil.ALEMBIC_DIR).get_current_head()
            connection.execute(text("INSERT INTO alembic_version (version_num) VALUES (:head)"), {"head": head})
    engine.dispose()


class Book:
    """An open gradebook; use it in a `with` statement.

    Args:
        url: Its address, such as "sqlite:///gradebook.db".

    Raises:
        ValueError: As `check_version` says.
    """

    def __init__(self, url: str):
        check_version(url)
        _create(url)
        self.gradebook = api.Gradebook(url)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.gradebook.close()

    def prepare(self, lab: Lab) -> None:
        """Enter the lab and its tasks."""
        book, name = self.gradebook, lab.name
        book.update_or_create_assignment(name)
        book.update_or_create_notebook(name, name)
        for task in lab.tasks:
            kind = lab.cells[task.cell].kind
            book.update_or_create_grade_cell(task.cell, name, name, max_score=task.points, cell_type=kind)
            book.update_or_create_solution_cell(task.cell, name, name)

    def record(self, lab: Lab, outcome: Outcome, answered: Iterable[str], changed: Iterable[str]) -> None:
        """Enter what the judge found; a person's points and comments stay as they are.

        Args:
            lab: The lab, which is prepared.
            outcome: What the judge found.
            answered: Cells of the questions in words that were answered.
            changed: Cells whose answer is another than when it was last recorded.
        """
        self.gradebook.update_or_create_student(outcome.student)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # about how nbgrader uses SQLAlchemy
            [notebook] = self.gradebook.update_or_create_submission(lab.name, outcome.student).notebooks
        notebook.flagged = bool(notebook.flagged or outcome.flags or outcome.reason)
        grades = {grade.name: grade for grade in notebook.grades}
        comments = {comment.name: comment for comment in notebook.comments}
        cells = {cell.name: cell for cell in notebook.notebook.grade_cells}
        solutions = {cell.name: cell for cell in notebook.notebook.solution_cells}
        earned = {answer.exercise: answer.points for answer in outcome.answers}
        answered, changed = set(answered), set(changed)
        for task in lab.tasks:
            name = task.cell
            grade = grades.get(name) or api.Grade(cell_id=cells[name].id, notebook=notebook)
            comment = comments.get(name) or api.Comment(cell_id=solutions[name].id, notebook=notebook)
            auto = earned[task.exercise] if task.exercise else None if name in answered else 0.0
            comment.auto_comment = None if task.exercise or name in answered else NO_RESPONSE
            self._enter(grade, auto, name in changed)
        self.gradebook.db.commit()

    @staticmethod
    def _enter(grade: api.Grade, auto: float | None, changed: bool) -> None:
        if grade.manual_score is None:
            grade.needs_manual_grade = auto is None
        elif changed or (auto != grade.auto_score and not (auto is None and grade.auto_score is None)):
            grade.needs_manual_grade = True
        grade.auto_score = auto

    def marks(self, lab: Lab, student: str) -> Mapping[str, Mark]:
        """The marks of one student by cell."""
        notebook = self.gradebook.find_submission_notebook(lab.name, lab.name, student)
        comments = {comment.name: comment.manual_comment or "" for comment in notebook.comments}
        return {grade.name: _mark(grade, comments.get(grade.name, "")) for grade in notebook.grades}


def _mark(grade: api.Grade, comment: str) -> Mark:
    by_hand = grade.manual_score is not None
    points = grade.manual_score if by_hand else grade.auto_score
    if points is not None:
        points += grade.extra_credit or 0.0
    return Mark(points, comment, by_hand or bool(grade.extra_credit), bool(grade.needs_manual_grade))
