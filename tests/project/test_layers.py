"""The order of the modules: each imports only those before it; a reader can start at the top."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import course_utils

ORDER = [*course_utils.__all__, "__main__"]
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
    assert {module(path) for path in FILES} - {"course_utils"} == set(ORDER)
    assert len(ORDER) == len(set(ORDER))


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


def is_mistake(node: ast.FunctionDef | ast.ClassDef) -> bool:
    """Whether a function belongs to an exercise as one of its mistakes, or shows one in a bug hunt."""
    names = [ast.unparse(decorator).partition("(")[0] for decorator in node.decorator_list]
    return any(name.endswith(".mistake") or name == "bug_hunt.of" for name in names)


def own_names(text: str, package: str) -> tuple[set[str], set[str]]:
    """Public functions and classes that a text defines, and all names that it defines or takes from its own files."""
    public, known = set(), set()
    for node in ast.parse(text).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            known.add(node.name)
            public |= set() if node.name.startswith("_") or is_mistake(node) else {node.name}
        if isinstance(node, ast.Assign):
            known |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        if isinstance(node, ast.AnnAssign):
            known.add(node.target.id)
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(f"{package}."):
            known |= {alias.asname or alias.name for alias in node.names}
    return public, known


def said_public(text: str) -> list[str] | None:
    """The list `__all__` of a text, without parts that are found when it runs; None if it has none."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets) == "__all__":
            return [ast.literal_eval(name) for name in node.value.elts if not isinstance(name, ast.Starred)]
    return None


def wrong_all(text: str, package: str) -> set[str]:
    """What a text's `__all__` lacks, or has although it is not the module's own."""
    said = said_public(text)
    if said is None:
        return {"no __all__"}
    public, known = own_names(text, package)
    twice = {name for name in said if said.count(name) > 1}
    return (public - set(said)) | (set(said) - known) | twice


def test_all_is_what_is_public(path: Path):
    text = path.read_text("utf-8")
    if module(path) in ("course_utils", "__main__"):
        return
    assert wrong_all(text, ".".join(path.relative_to(ROOT).parent.parts)) == set()


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("def f(): pass", {"no __all__"}),
        ("__all__ = []\ndef f(): pass\nclass C: pass\ndef _g(): pass", {"f", "C"}),
        ("from torch import Tensor\n__all__ = ['Tensor', 'f']\ndef f(): pass", {"Tensor"}),
        ("from course_utils.paths.base import g\nLIMIT = 3\nn: int = 2\n__all__ = ['g', 'LIMIT', 'n']", set()),
        ("from course_utils.paths import base\n__all__ = ['base']", set()),
        ("from course_utils.shapes import g\n__all__ = ['g']", {"g"}),
        ("__all__ = ['f', 'f']\ndef f(): pass", {"f"}),
        ("__all__ = []\n@euler.mistake('a sentence')\ndef f(): pass", set()),
        ("__all__ = []\n@bug_hunt.of(euler, 'no step size')\ndef f(): pass", set()),
        ("__all__ = []\n@cache.of(euler)\ndef f(): pass", {"f"}),
    ],
)
def test_a_wrong_all_is_seen(text: str, wrong: set[str]):
    assert wrong_all(text, "course_utils.paths") == wrong


def test_no_module_is_long(path: Path):
    assert len(path.read_text("utf-8").splitlines()) <= 300


def test_only_widgets_knows_ipywidgets(path: Path):
    names = imported(ast.parse(path.read_text("utf-8")), path)
    assert module(path) == "widgets" or not any(name.split(".")[0] == "ipywidgets" for name in names)


LAB = re.compile(r"lab\d+")


def test_no_lab_imports_another(path: Path):
    names = {part for name in imported(ast.parse(path.read_text("utf-8")), path) for part in name.split(".")}
    own = LAB.search(path.stem) or LAB.search(path.parent.name)
    assert own is None or set(filter(LAB.fullmatch, names)) <= {own.group()}


def test_importing_only_defines(path: Path):
    body = ast.parse(path.read_text("utf-8")).body
    acts = [node for node in body if not isinstance(node, DEFINITIONS) and not is_docstring(node)]
    assert [ast.unparse(node) for node in acts if not is_main_guard(node)] == []


def printed(code: str) -> str:
    """What a fresh interpreter prints."""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    return result.stdout.strip()


def test_importing_the_package_brings_nothing_but_itself():
    heavy = (
        "{'torch', 'numpy', 'matplotlib', 'seaborn', 'IPython', 'ipywidgets', 'sklearn', 'scipy', 'pandas', 'mlxtend'}"
    )
    assert printed(f"import course_utils, sys; print({heavy} & set(sys.modules))") == "set()"
    assert printed("import course_utils, sys; print([m for m in sys.modules if m.startswith('course_utils.')])") == "[]"


def test_what_computes_brings_no_figures_and_no_notebook():
    heavy = "{'matplotlib', 'seaborn', 'IPython', 'ipywidgets', 'sklearn', 'scipy', 'pandas', 'mlxtend'}"
    modules = ", ".join(f"course_utils.{name}" for name in ORDER[: ORDER.index("losses")])
    assert printed(f"import course_utils, sys; {modules}; print({heavy} & set(sys.modules))") == "set()"


def test_a_module_is_loaded_on_its_first_use():
    code = "import course_utils; print(course_utils.simulators.simulate.__name__, course_utils.simulators.__name__)"
    assert printed(code) == "simulate course_utils.simulators"


def test_the_package_shows_its_modules():
    assert dir(course_utils) == sorted([*ORDER[:-1], "__version__"])
    for name in course_utils.__all__:
        assert getattr(course_utils, name).__name__ == f"course_utils.{name}"
    with pytest.raises(AttributeError, match="has no attribute 'simulator'; it has shapes, manifolds"):
        course_utils.simulator  # noqa: B018


def test_this_run_checks_the_shapes_in_the_annotations():
    from course_utils import shapes

    assert type(shapes.__spec__.loader).__name__ == "_JaxtypingLoader"


def assert_content(*tool: str) -> None:
    """Run a tool on the whole checkout, with the settings in pyproject.toml: it has nothing to say against it."""
    result = subprocess.run([sys.executable, "-m", *tool], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


def test_ruff_finds_nothing():
    assert_content("ruff", "check", "--output-format=concise")


def test_ruff_formatted_every_module():
    assert_content("ruff", "format", "--check", "--exclude=*.ipynb")


@pytest.mark.slow
def test_mypy_finds_nothing():
    assert_content("mypy")
