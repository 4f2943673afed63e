"""The order of the modules: each imports only those before it; a reader can start at the top."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.layers import ORDER

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "course_utils"
FREE = {"checks", "__main__"}  # may import every module
FILES = sorted(PACKAGE.rglob("*.py"))
DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.AugAssign)


def module(path: Path) -> str:
    """Name in the order: `distributions` for any file of that folder, `course_utils` for the package's own."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return "course_utils" if parts == ("__init__",) else parts[0]


def imported(tree: ast.AST, path: Path) -> set[str]:
    """Dotted names of everything that a module imports, anywhere in it: `a.b` and `a.b.c` for `from a.b import c`."""
    names = set()
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            origin = ".".join([*base, *([node.module] if node.module else [])])
            names |= {origin} | {f"{origin}.{alias.name}" for alias in node.names}
    return names


def modules_used(tree: ast.AST, path: Path) -> set[str]:
    names = [name.split(".") for name in imported(tree, path)]
    return {name[1] for name in names if name[0] == "course_utils" and len(name) > 1 and name[1] in ORDER}


def out_of_order(text: str, path: Path) -> set[str]:
    """Modules that this text, if it stood at `path`, would import from at or after its own place."""
    own = module(path)
    if own in FREE:
        return set()
    allowed = [] if own == "course_utils" else ORDER[: ORDER.index(own)]
    return modules_used(ast.parse(text), path) - set(allowed) - {own}


def is_main_guard(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"


def is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@pytest.fixture(params=FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_every_module_has_a_place():
    assert {module(path) for path in FILES} - {"course_utils"} <= set(ORDER)


def test_imports_only_what_stands_before_it(path: Path):
    assert out_of_order(path.read_text("utf-8"), path) == set()


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("paths.py", "from course_utils.training import fit"),
        ("paths.py", "from course_utils import training"),
        ("paths.py", "import course_utils.training as t"),
        ("paths.py", "def f():\n    from .training import fit"),
        ("distributions/base.py", "from ..training import fit"),
        ("distributions/base.py", "from .. import training"),
        ("__init__.py", "from . import training"),
    ],
)
def test_an_import_against_the_order_is_seen(place: str, text: str):
    assert out_of_order(text, PACKAGE / place) == {"training"}


def test_no_module_is_long(path: Path):
    assert len(path.read_text("utf-8").splitlines()) <= 300


def test_only_widgets_knows_ipywidgets(path: Path):
    names = imported(ast.parse(path.read_text("utf-8")), path)
    assert module(path) == "widgets" or not any(name.split(".")[0] == "ipywidgets" for name in names)


def test_importing_only_defines(path: Path):
    body = ast.parse(path.read_text("utf-8")).body
    acts = [node for node in body if not isinstance(node, DEFINITIONS) and not is_docstring(node)]
    assert [ast.unparse(node) for node in acts if not is_main_guard(node)] == []


def test_importing_the_package_brings_no_figures_and_no_notebook():
    heavy = "{'matplotlib', 'seaborn', 'IPython', 'ipywidgets', 'sklearn', 'scipy', 'pandas', 'mlxtend'}"
    code = f"import course_utils, sys; print({heavy} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert result.stdout.strip() == "set()"


def test_this_run_checks_the_shapes_in_the_annotations():
    from course_utils import shapes

    assert type(shapes.__spec__.loader).__name__ == "_JaxtypingLoader"


def test_ruff_finds_nothing():
    line = [sys.executable, "-m", "ruff", "check", "--output-format=concise"]
    result = subprocess.run(line, capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
