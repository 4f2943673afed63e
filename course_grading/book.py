"""The course as a book to read, made by Sphinx: labs with their figures, glossary of symbols, reference of the package.

The solution notebooks are run, so that their players play; what came out is kept until a notebook or the package
changes. The students' book shows the released notebooks, so it has no answers; the instructors' book shows the
solutions, and the guides for instructors as well.
"""

import base64
import hashlib
import importlib
import importlib.util
import inspect
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import course_utils

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "course_utils"
LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn", "matplotlib", "seaborn", "ipywidgets")
"""Besides the package, what draws and computes in a notebook."""

NEEDED = ("nbclient", "nbgrader", "sphinx", "myst_nb", "furo", "math_core", "ziamath")
MODULES = course_utils.__all__
"""What the reference describes, in the order in which the modules build on each other."""

IN_PARTS = ("figures", "widgets")
"""Those whose parts, such as `figures.lab1`, are described as well."""

PAGES = ("symbols.md", "contest.md", "troubleshooting.md")
GUIDES = ("instructors.md", "architecture.md", "add_a_lab.md")
GUIDE_LIST = "\n".join(
    ["", "```{toctree}", ":caption: For instructors", ":titlesonly:", ""]
    + [f"docs/{Path(name).stem}" for name in GUIDES]
    + ["```", ""]
)
EXPLORER = re.compile(r'<figure class="course-explorer" data-about="[^"]*"')
STRIP = re.compile(r"data:image/webp;base64,[\w+/=]+")
ANSWER = {"<!-- BEGIN SOLUTION -->": ":::{admonition} Answer", "<!-- END SOLUTION -->": ":::"}


def fingerprint(solution: Path) -> str:
    """What the outputs of a notebook depend on: its cells, the package, the libraries, the length of its trainings."""
    from course_grading.release import read_notebook

    parts = [f"{cell.id}\n{cell.source}" for cell in read_notebook(solution).cells if cell.cell_type == "code"]
    parts += [f"{name} {version(name)}" for name in LIBRARIES]
    parts += [platform.python_version(), os.environ.get("COURSE_BUDGET", "full")]
    digest = hashlib.sha256("\0".join(parts).encode())
    for file in sorted(PACKAGE.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(file.relative_to(PACKAGE).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def live(lab: str, solution: Path, root: Path):
    """The notebook with its outputs of a run, which takes minutes the first time; then kept in `dist/live/`.

    Args:
        lab: Its name.
        solution: Its path.
        root: Folder of the course.

    Raises:
        ValueError: If a cell fails; lab and cell are named.
    """
    import nbformat

    from course_grading import saving
    from course_utils.storage import write_file

    kept = root / "dist" / "live" / f"{lab}-{fingerprint(solution)}.ipynb"
    if not kept.exists():
        write_file(kept, nbformat.writes(saving.run(lab, solution, root, prepared=True)))
        for old in set(kept.parent.glob(f"{lab}-*.ipynb")) - {kept}:
            old.unlink()
    return nbformat.read(kept, as_version=4)


def lab_page(solution: Path, shown, *, answers: bool):
    """The notebook that the book shows of a lab, with the outputs of its solution.

    Args:
        solution: Path of the solution notebook.
        shown: A notebook of the same cells with the outputs to show.
        answers: Whether to show the answers. Without them, cells of exercises and their checks have no outputs either.

    Raises:
        ValueError: If the notebook cannot be released.
    """
    import nbformat

    from course_grading.release import read_notebook, student_version

    page = read_notebook(solution) if answers else nbformat.reads(student_version(solution), as_version=4)
    outputs = {cell.id: cell.get("outputs", []) for cell in shown.cells}
    for cell in page.cells:
        if cell.cell_type == "code":
            cell.outputs = outputs[cell.id] if answers or "nbgrader" not in cell.metadata else []
        for mark, fence in ANSWER.items():
            cell.source = cell.source.replace(mark, fence)
    return page


def reference_page(module: str) -> str:
    """The page of a module: what its docstrings say, and those of its parts if it is made of some."""
    parts = []
    if module in IN_PARTS:
        package = importlib.import_module(f"course_utils.{module}")
        parts = [f"{module}.{name}" for name in package.__all__ if inspect.ismodule(getattr(package, name))]
    blocks = [f".. automodule:: course_utils.{name}\n   :members:\n" for name in (module, *parts)]
    return f"{module}\n{'=' * len(module)}\n\n" + "\n".join(blocks)


def lay_out(sources: Path, root: Path, notebooks: Mapping[str, object], *, instructors: bool) -> None:
    """Write all that Sphinx reads into an empty folder, in which the same links hold as in the repository.

    Args:
        sources: The folder.
        root: Folder of the course.
        notebooks: Of every lab, with the outputs to show.
        instructors: Whether for the book with answers.
    """
    import nbformat

    from course_grading.release import solutions

    labs = {
        lab: nbformat.writes(lab_page(path, notebooks[lab], answers=instructors))
        for lab, path in solutions(root).items()
    }
    docs = {path.name: path.read_text("utf-8") for path in (root / "docs").glob("*.md")}
    pages = {f"labs/{lab}/{lab}.ipynb": text for lab, text in labs.items()}
    pages |= {f"docs/{name}": docs[name] for name in PAGES + GUIDES * instructors}
    pages |= {f"reference/{name}.rst": reference_page(name) for name in MODULES}
    pages["reference/index.md"] = docs["reference.md"].replace("MODULES", "\n".join(MODULES))
    pages["index.md"] = docs["book.md"] + GUIDE_LIST * instructors
    for name, text in pages.items():
        (sources / name).parent.mkdir(parents=True, exist_ok=True)
        (sources / name).write_text(text, "utf-8")
    for picture in (root / "docs").iterdir():
        if picture.suffix in (".png", ".svg"):
            shutil.copy(picture, sources / "docs")


def build(root: str | Path = ROOT, *, instructors: bool = False, stills: bool = False) -> Path:
    """Make the book, `dist/book/` or `dist/book-instructors/`, anew and whole; returns its first page.

    Args:
        root: Folder of the course.
        instructors: Whether to make the book with answers and guides for instructors.
        stills: Whether to show the figures that the solutions were saved with, and to run nothing.

    Raises:
        ValueError: If a package is missing, there are no solutions, a cell of one fails, or Sphinx finds a broken
            link or formula; the book that was there stays.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ValueError(f"the book needs the packages of pip's extra `book`; missing: {', '.join(missing)}")
    from course_grading.release import read_notebook, solutions
    from course_utils.storage import check_writable

    root = Path(root)
    target = root / "dist" / ("book-instructors" if instructors else "book")
    check_writable(target / "index.html")
    notebooks = {lab: read_notebook(path) if stills else live(lab, path, root) for lab, path in solutions(root).items()}
    with tempfile.TemporaryDirectory() as scratch:
        sources = Path(scratch, "sources")
        lay_out(sources, root, notebooks, instructors=instructors)
        made = _made(sources, root / "docs")
        put_strips_apart(made)
        shutil.rmtree(target, ignore_errors=True)
        shutil.move(made, target)
    return target / "index.html"


def _made(sources: Path, settings: Path) -> Path:
    """The folder of pages that Sphinx makes of laid-out sources, beside them."""
    from sphinx.cmd.build import main

    made = sources.with_name("made")
    folders = [f"--conf-dir={settings}", f"--doctree-dir={sources.with_name('doctrees')}"]
    if main(["--quiet", "--fail-on-warning", *folders, str(sources), str(made)]):
        raise ValueError("the book was not made: Sphinx says above what is wrong with its sources")
    return made


def put_strips_apart(made: Path) -> None:
    """Write the pictures of explorers into files beside the pages, which are loaded when an explorer is seen.

    Args:
        made: Folder of pages, with the pictures in them.
    """
    folder = made / "_static" / "explorers"
    for page in made.rglob("*.html"):
        text = page.read_text("utf-8")
        for strip in {strip for explorer in EXPLORER.findall(text) for strip in STRIP.findall(explorer)}:
            picture = base64.b64decode(strip.partition(",")[2])
            name = f"{hashlib.sha256(picture).hexdigest()[:16]}.webp"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(picture)
            to_root = "../" * (len(page.relative_to(made).parts) - 1)
            text = text.replace(strip, f"{to_root}_static/explorers/{name}")
        page.write_text(text, "utf-8")
