"""The start page, `labs/start.ipynb`: a map of all labs, made from themselves and from what is remembered of checks."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from course_utils.notebooks.files import name_of, read, shown, text
from course_utils.notebooks.fresh import fresh_labs
from course_utils.notebooks.sections import Exercise, Lab, lab_of
from course_utils.progress import Result, in_words
from course_utils.storage import check_writable, write_file

__all__ = ["START", "Map", "all_labs", "go_on", "map_of", "write_start"]

START = "labs/start.ipynb"
HEAD = """# The labs

Choose one, or go on where you were. Each exercise is a function; the check below it says whether yours is right, and
then it counts here. To bring this page up to date, click on the map and press Shift + Enter."""
CELL = "from course_utils import checks\n\nchecks.start()"
PLACE = "map"
BAR = 12


@dataclass(frozen=True)
class Map:
    """A map of the labs, which a notebook shows.

    Attributes:
        markdown: Its text.
    """

    markdown: str

    def _repr_markdown_(self) -> str:
        return self.markdown

    def __repr__(self) -> str:
        return re.sub(r"\[(.*?)\]\(.*?\)|</?(?:details|summary)>", r"\1", self.markdown).replace("**", "")


def all_labs(root: Path) -> list[Lab]:
    """All labs as they were handed out, in order.

    Args:
        root: Folder of the course.
    """
    return [lab_of(name, notebook) for name, notebook in fresh_labs(root).items()]


def go_on(labs: Sequence[Lab], results: Mapping[str, Result]) -> tuple[Lab, Exercise] | None:
    """Where to go on: in the last lab that is begun and not done, else in the first that is not done.

    Args:
        labs: All labs, in order.
        results: How exercises stand, as `progress.recall` gives it.

    Returns:
        A lab and its first exercise that is not right; None if all are.
    """
    left = [lab for lab in labs if _left(lab, results)]
    begun = [lab for lab in left if any(one.key in results for one in lab.exercises)]
    lab = begun[-1] if begun else next(iter(left), None)
    return (lab, _left(lab, results)[0]) if lab else None


def map_of(labs: Sequence[Lab], results: Mapping[str, Result]) -> Map:
    """The map: where to go on, and of each lab its time, what is right and left, and what one should know.

    Args:
        labs: All labs, in order.
        results: How exercises stand, as `progress.recall` gives it.
    """
    next_one = go_on(labs, results)
    blocks = [_first_line(next_one, results), *(_block(lab, results) for lab in labs)]
    return Map("\n\n".join(blocks) + "\n")


def write_start(root: Path, results: Mapping[str, Result]) -> Path:
    """Bring the start page up to date, or make it; what else stands in it stays.

    Args:
        root: Folder of the course.
        results: How exercises stand, as `progress.recall` gives it.

    Raises:
        ValueError: If the file is something else, or cannot be written; it is left as it was.
    """
    path = root / START
    check_writable(path)
    page = read(path) if path.exists() else _new_page()
    place = next((cell for cell in page["cells"] if name_of(cell) == PLACE and "outputs" in cell), None)
    if place is None:
        raise ValueError(
            f"expected the start page in {shown(path)}, found no map in it: delete it, and it is made anew"
        )
    made = map_of(all_labs(root), results)
    data = {
        "text/markdown": made.markdown.splitlines(keepends=True),
        "text/plain": repr(made).splitlines(keepends=True),
    }
    place["outputs"] = [{"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": data}]
    place["execution_count"] = 1
    return write_file(path, text(page))


def _new_page() -> dict:
    head: dict = {"cell_type": "markdown", "id": "title", "metadata": {}, "source": HEAD.splitlines(keepends=True)}
    place: dict = {"cell_type": "code", "id": PLACE, "metadata": {}, "outputs": [], "execution_count": None}
    place["source"] = CELL.splitlines(keepends=True)
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": [head, place], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _left(lab: Lab, results: Mapping[str, Result]) -> list[Exercise]:
    return [one for one in lab.exercises if not (one.key in results and results[one.key].right)]


def _first_line(found: tuple[Lab, Exercise] | None, results: Mapping[str, Result]) -> str:
    if found is None:
        return "**All exercises are right.** What is left are the questions in words, and all that nobody asked."
    lab, one = found
    if not results:
        return f"**Begin here: [{lab.title}]({_link(lab)})**"
    return f"**Go on here: [Exercise {one.number} · {one.title}]({_link(lab, one)})** · {one.minutes} min · {lab.title}"


def _block(lab: Lab, results: Mapping[str, Result]) -> str:
    """A lab: headline, line of figures, and folded what one should know and the exercises."""
    done, count = len(lab.exercises) - len(_left(lab, results)), len(lab.exercises)
    full = BAR * done // max(count, 1)
    time = re.split(r"[,:.]", lab.time)[0]
    lines = [
        f"## [{lab.title}]({_link(lab)})",
        "",
        f"{'█' * full}{'░' * (BAR - full)} {done} of {count} exercises"
        + (f" · {time[0].lower()}{time[1:]}" if time else ""),
        "",
        "<details><summary>What you should know, and the exercises</summary>",
        "",
        lab.needs,
        "",
        *(_item(lab, one, results.get(one.key)) for one in lab.exercises),
        "",
        "</details>",
    ]
    return "\n".join(lines)


def _item(lab: Lab, one: Exercise, result: Result | None) -> str:
    return f"- [{one.number} {one.title}]({_link(lab, one)}) · {one.minutes} min · {_marked(result)}"


def _marked(result: Result | None) -> str:
    """How an exercise stands, in bold letters if it is right."""
    said = in_words(result)
    return f"**{said}**" if said == "right" else said


def _link(lab: Lab, exercise: Exercise | None = None) -> str:
    """To a lab, or to the heading of an exercise in it, as JupyterLab names places; other editors pass over that."""
    place = f"#cell-id={exercise.cells[0]['id']}" if exercise else ""
    return f"{lab.name}/{lab.name}.ipynb{place}"
