"""Student notebooks: `labs/<lab>/<lab>.ipynb` is what nbgrader's preprocessors leave of `solutions/<lab>/<lab>.ipynb`.

Only the notebook is published; nothing else in the solution's folder is copied, and no gradebook is written. Cells that
only draw are folded: alt text does not stand between a student and the idea. Copies of all notebooks lie in
`labs/fresh.zip`, from which students put back what they want to begin anew.
"""

import ast
import warnings
from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbformat.warnings import DuplicateCellId, MissingIDFieldWarning
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.preprocessors import (
    ClearHiddenTests,
    ClearMarkScheme,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    LockCells,
)

from course_grading.labs import ROOT
from course_grading.model import natural
from course_utils.notebooks.fresh import ARCHIVE, pack, unpack
from course_utils.notebooks.start import START
from course_utils.storage import write_file

CODE_STUB = "raise NotImplementedError"
TEXT_STUB = "*Your answer here.*"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
FOLDED = {"jupyter": {"source_hidden": True}, "tags": ["hide-input"]}
"""Metadata of a cell whose code is one click away: for JupyterLab, and for the book."""


def solutions(root: str | Path = ROOT) -> dict[str, Path]:
    """Solution notebook of every lab, by the lab's name, in order."""
    paths = sorted(Path(root).glob("solutions/*/*.ipynb"), key=lambda path: natural(path.stem))
    found = {path.stem: path for path in paths if path.stem == path.parent.name}
    if not found:
        raise ValueError(f"expected solution notebooks solutions/<lab>/<lab>.ipynb in {root}, found none")
    return found


def strays(root: str | Path = ROOT) -> list[str]:
    """Notebooks below `labs/` and `solutions/` that are no lab, as paths relative to `root`."""
    root = Path(root)
    expected = {START} | {f"{top}/{lab}/{lab}.ipynb" for lab in solutions(root) for top in ("labs", "solutions")}
    found = (path.relative_to(root) for top in ("labs", "solutions") for path in (root / top).rglob("*.ipynb"))
    visible = {path.as_posix() for path in found if not any(part.startswith(".") for part in path.parts)}
    return sorted(visible - expected)


def read_notebook(path: str | Path) -> nbformat.NotebookNode:
    """Read a notebook whose cells all have an id of their own (nbformat would invent missing ones at random)."""
    with warnings.catch_warnings():
        for category in (MissingIDFieldWarning, DuplicateCellId):
            warnings.simplefilter("error", category)
        notebook = nbformat.reads(Path(path).read_text("utf-8"), as_version=4)
        if notebook.nbformat_minor < 5:
            raise ValueError(f"expected notebook format 4.5 or newer, found 4.{notebook.nbformat_minor}")
        nbformat.validate(notebook)
    return notebook


def only_draws(cell: nbformat.NotebookNode) -> bool:
    """Whether a cell is one call of `plotting.show` and nothing else, so that there is nothing in it to read.

    Cells that also prepare what they draw stay open: what they choose or subtract is often what the figure is about.
    """
    if cell.cell_type != "code" or "nbgrader" in cell.metadata:
        return False
    try:
        tree = ast.parse(cell.source)
    except SyntaxError:  # a magic, such as %timeit
        return False
    match tree.body:
        case [ast.Expr(ast.Call(ast.Attribute(ast.Name("plotting"), "show")))]:
            return not any(
                isinstance(node, ast.NamedExpr) for node in ast.walk(tree)
            )  # := makes a name for later cells
    return False


def student_version(solution: str | Path) -> str:
    """Text of the student notebook that belongs to a solution notebook.

    Args:
        solution: Path of the complete notebook, in which answers stand between `BEGIN SOLUTION` and `END SOLUTION`.

    Raises:
        ValueError: If the notebook cannot be read, or its nbgrader cells are marked wrongly; the cause is named.
    """
    clear_solutions = ClearSolutions(code_stub={"python": CODE_STUB}, text_stub=TEXT_STUB)
    steps = [LockCells(), clear_solutions, ClearOutput(), ClearHiddenTests(), ClearMarkScheme(), ComputeChecksums()]
    try:
        notebook = read_notebook(solution)
        resources: dict[str, object] = {}
        notebook.metadata = nbformat.from_dict(METADATA)
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)
            if only_draws(cell):
                cell.metadata.update(nbformat.from_dict(FOLDED))
        for step in steps:
            notebook, resources = step.preprocess(notebook, resources)
        MetadataValidator().validate_nb(notebook)
        return nbformat.writes(notebook) + "\n"
    except Exception as error:
        raise ValueError(f"{solution} cannot be released: {error}") from error


def release(lab: str | None = None, root: str | Path = ROOT) -> list[Path]:
    """Regenerate `labs/` from `solutions/`; the first lab is written when all could be generated.

    Args:
        lab: Name of one lab; every lab by default.
        root: Folder that holds `solutions/` and `labs/`.

    Returns:
        Paths of the student notebooks written, and of the archive of fresh copies that students reset them from.

    Raises:
        ValueError: If there is no such lab, or a solution cannot be released.
    """
    sources = solutions(root)
    if lab is not None and lab not in sources:
        raise ValueError(f"unknown lab {lab!r}, expected one of: {', '.join(sources)}")
    texts = {name: student_version(sources[name]) for name in ([lab] if lab else sources)}
    fresh = _fresh(texts, sources, Path(root))
    written = [write_file(Path(root) / "labs" / name / f"{name}.ipynb", text) for name, text in texts.items()]
    return [*written, write_file(Path(root) / ARCHIVE, fresh)]


def _fresh(texts: dict[str, str], sources: Iterable[str], root: Path) -> bytes:
    """The archive with these texts; of the labs beside them it keeps what it has."""
    kept = unpack(root) if len(texts) < len(list(sources)) and (root / ARCHIVE).exists() else {}
    return pack({name: kept[name].decode("utf-8") for name in sources if name in kept} | texts)
