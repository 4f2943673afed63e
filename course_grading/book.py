"""The course as a book to read, made by Sphinx: labs with their figures, glossary of symbols, reference of the package.

Nothing is run: the figures are those that the solution notebooks were saved with. The students' book shows the released
notebooks, so it has no answers; the instructors' book shows the solutions, and the guides for instructors as well.
"""

import importlib.util
import shutil
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NEEDED = ("nbgrader", "sphinx", "myst_nb", "furo", "math_core", "ziamath")
MODULES = (
    "shapes", "distributions", "schedules", "processes", "simulators", "paths", "losses", "networks", "guidance",
    "storage", "weights", "training", "likelihood", "metrics", "data", "digits", "plotting", "figures", "widgets",
    "checks",
)  # fmt: skip
"""What the reference describes, in the order in which the modules build on each other."""

PAGES = ("symbols.md",)
GUIDES = ("instructors.md", "add_a_lab.md")
GUIDE_LIST = "\n```{toctree}\n:caption: For instructors\n:titlesonly:\n\ndocs/instructors\ndocs/add_a_lab\n```\n"
ANSWER = {"<!-- BEGIN SOLUTION -->": ":::{admonition} Answer", "<!-- END SOLUTION -->": ":::"}


def lab_page(solution: Path, *, answers: bool):
    """The notebook that the book shows of a lab, with the saved outputs of its solution.

    Args:
        solution: Path of the solution notebook.
        answers: Whether to show the answers. Without them, cells of exercises and their checks have no outputs either.

    Raises:
        ValueError: If the notebook cannot be released.
    """
    import nbformat

    from course_grading.release import read_notebook, student_version

    saved = read_notebook(solution)
    page = saved if answers else nbformat.reads(student_version(solution), as_version=4)
    outputs = {cell.id: cell.get("outputs", []) for cell in saved.cells}
    for cell in page.cells:
        if cell.cell_type == "code":
            shown = answers or "nbgrader" not in cell.metadata
            cell.outputs = [output for output in outputs[cell.id] if shown and not _progress(output)]
        for mark, fence in ANSWER.items():
            cell.source = cell.source.replace(mark, fence)
    return page


def _progress(output) -> bool:
    """Whether an output is a bar or a live widget, of which only its name was saved."""
    return list(output.get("data", {})) == ["text/plain"]


def reference_page(module: str) -> str:
    """The page of a module: what its docstrings say."""
    return f"{module}\n{'=' * len(module)}\n\n.. automodule:: course_utils.{module}\n   :members:\n"


def lay_out(sources: Path, root: Path, *, instructors: bool) -> None:
    """Write all that Sphinx reads into an empty folder, in which the same links hold as in the repository."""
    import nbformat

    from course_grading.release import solutions

    labs = {lab: nbformat.writes(lab_page(path, answers=instructors)) for lab, path in solutions(root).items()}
    docs = {path.name: path.read_text("utf-8") for path in (root / "docs").glob("*.md")}
    pages = {f"labs/{lab}/{lab}.ipynb": text for lab, text in labs.items()}
    pages |= {f"docs/{name}": docs[name] for name in PAGES + GUIDES * instructors}
    pages |= {f"reference/{name}.rst": reference_page(name) for name in MODULES}
    pages["reference/index.md"] = docs["reference.md"].replace("MODULES", "\n".join(MODULES))
    pages["index.md"] = docs["book.md"] + GUIDE_LIST * instructors
    for name, text in pages.items():
        (sources / name).parent.mkdir(parents=True, exist_ok=True)
        (sources / name).write_text(text, "utf-8")
    for picture in (root / "docs").glob("*.png"):
        shutil.copy(picture, sources / "docs")


def build(root: str | Path = ROOT, *, instructors: bool = False) -> Path:
    """Make the book, `dist/book/` or `dist/book-instructors/`, anew and whole; returns its first page.

    Args:
        root: Folder of the course.
        instructors: Whether to make the book with answers and guides for instructors.

    Raises:
        ValueError: If a package is missing, there are no solutions, or Sphinx finds a broken link or formula.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ValueError(f"the book needs the packages of pip's extra `teach`; missing: {', '.join(missing)}")
    from sphinx.cmd.build import main

    root, name = Path(root), "book-instructors" if instructors else "book"
    with tempfile.TemporaryDirectory() as scratch:
        sources, made = Path(scratch, "sources"), Path(scratch, "made")
        lay_out(sources, root, instructors=instructors)
        options = ["--quiet", "--fail-on-warning", f"--conf-dir={root / 'docs'}", f"--doctree-dir={scratch}/doctrees"]
        if main([*options, str(sources), str(made)]):
            raise ValueError("the book was not made: Sphinx says above what is wrong with its sources")
        target = root / "dist" / name
        shutil.rmtree(target, ignore_errors=True)
        shutil.move(made, target)
    return target / "index.html"
