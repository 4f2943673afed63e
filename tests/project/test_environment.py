"""What has to be installed is said once, in pyproject.toml; everything else keeps in step with it."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

import course

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))["dependencies"]
PIP_LINES = next(entry["pip"] for entry in CONDA if isinstance(entry, dict))
EXTRAS = PROJECT["optional-dependencies"]


def name(requirement: str) -> str:
    return re.split(r"[<>=!~\[; ]", requirement.strip())[0].lower().replace("_", "-")


def declared(*extras: str) -> set[str]:
    return {name(line) for lines in [PROJECT["dependencies"], *(EXTRAS[extra] for extra in extras)] for line in lines}


def imports(path: Path) -> set[str]:
    """Top-level names of the absolute imports anywhere in a file."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return {
        module.split(".")[0]
        for module in plain | {node.module for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    }


@pytest.mark.parametrize("package", ["torch", "matplotlib", "jupyterlab", "ipywidgets", "nbval", "seaborn"])
def test_asked_for_packages_are_declared(package: str):
    assert package in declared("test")


def test_dependencies_are_ranges():
    for lines in [PROJECT["dependencies"], *EXTRAS.values()]:
        assert [line for line in lines if ">=" not in line or "==" in line] == []


@pytest.mark.parametrize(
    ("files", "extras"),
    [
        ("course_utils/*.py", ["several"]),
        ("docs/*.py", ["teach"]),
        ("course_utils/*/**/*.py", []),
        ("course_grading/**/*.py", ["teach"]),
        ("tests/**/*.py", ["test", "teach"]),
    ],
)
def test_every_import_is_declared(files: str, extras: list[str]):
    providers = packages_distributions()
    own = {*sys.stdlib_module_names, "benchmarks", "course", "course_grading", "course_utils", "tests"}
    undeclared = {
        f"{path.relative_to(ROOT)}: {module}"
        for path in ROOT.glob(files)
        for module in imports(path) - own
        if not {name(dist) for dist in providers.get(module, [module])} & declared(*extras)
    }
    assert undeclared == set()


def test_conda_leaves_the_packages_to_pyproject():
    assert f"-e .[{course.EXTRAS}]" in PIP_LINES
    assert {name(entry) for entry in CONDA if isinstance(entry, str)} == {"python", "pip"}


def test_conda_takes_the_same_torch():
    assert f"--extra-index-url {course.CPU_INDEX}" in PIP_LINES


def test_the_oldest_python_is_the_same_everywhere():
    floor = PROJECT["requires-python"]
    assert floor == ">=" + ".".join(map(str, course.PYTHON_FLOOR))
    assert "python" + floor in CONDA


def test_the_version_is_the_same_everywhere():
    import course_utils

    assert course_utils.__version__ == PROJECT["version"]
    assert f"## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_extras_of_course_py_exist():
    assert set(course.EXTRAS.split(",")) == set(EXTRAS) - {"several"}
    assert set(EXTRAS["several"]) <= set(EXTRAS["test"])
