"""What has to be installed is said once, in pyproject.toml; everything else keeps in step with it."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import course
from course_setup import environment, packages

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))["dependencies"]
PIP_LINES = next(entry["pip"] for entry in CONDA if isinstance(entry, dict))
EXTRAS = PROJECT["optional-dependencies"]
PINS = [line for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines() if not line.startswith("#")]


def name(requirement: str) -> str:
    return re.split(r"[<>=!~\[; ]", requirement.strip())[0].lower().replace("_", "-")


def declared(*extras: str) -> set[str]:
    """Names of what the extras bring, and of what everybody has."""
    lines = {line for extra in extras for line in EXTRAS[extra]}
    held = {held for line in lines if name(line) == PROJECT["name"] for held in re.findall(r"\w+", line.split("[")[1])}
    own = {name(line) for line in [*PROJECT["dependencies"], *lines]} - {PROJECT["name"]}
    return own | (declared(*held) if held else set())


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
        ranges = [line.split(";")[0] for line in lines if name(line) != PROJECT["name"]]
        assert [line for line in ranges if ">=" not in line or "==" in line] == []
    assert "torch>=2.4" in PROJECT["dependencies"]  # no upper bound: constraints.txt says what is tested


@pytest.mark.parametrize(
    ("files", "extras"),
    [
        ("course_utils/*.py", ["several"]),
        ("docs/*.py", ["book"]),
        ("course_utils/*/**/*.py", []),
        ("course_grading/**/*.py", ["grade"]),
        ("course_grading/book.py", ["book"]),
        ("tests/**/*.py", ["test"]),
    ],
)
def test_every_import_is_declared(files: str, extras: list[str]):
    elsewhere = set() if files.endswith("book.py") else {"book.py"}
    providers = packages_distributions()
    own = {
        *sys.stdlib_module_names,
        "benchmarks",
        "course",
        "course_grading",
        "course_setup",
        "course_utils",
        "guest",
        "tests",
    }
    undeclared = {
        f"{path.relative_to(ROOT)}: {module}"
        for path in ROOT.glob(files)
        if path.name not in elsewhere
        for module in imports(path) - own
        if not {name(dist) for dist in providers.get(module, [module])} & declared(*extras)
    }
    assert undeclared == set()


def test_conda_leaves_the_packages_to_pyproject():
    assert [line.split("  #")[0] for line in PIP_LINES][-2:] == ["-c constraints.txt", "-e ."]
    assert {name(entry) for entry in CONDA if isinstance(entry, str)} == {"python", "pip"}


def test_conda_takes_the_same_torch():
    assert f"--extra-index-url {packages.CPU_INDEX}" in PIP_LINES


def test_the_oldest_python_is_the_same_everywhere():
    floor = PROJECT["requires-python"]
    assert floor == ">=" + ".".join(map(str, course.PYTHON_FLOOR))
    assert "python" + floor in CONDA


def test_the_version_is_the_same_everywhere():
    import course_utils

    assert course_utils.__version__ == PROJECT["version"]
    assert f"## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_extras_of_course_py_exist():
    assert {*environment.EXTRAS[1:], "several"} == set(EXTRAS)


def test_students_do_not_get_what_others_need():
    others = declared("test") - declared()
    assert {"nbgrader", "dask", "sphinx", "pytest", "playwright", "diffusers", "lightning-fabric"} <= others


# The versions that were tested together


def test_every_declared_package_is_pinned_once_and_exactly():
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in PINS)  # no place on a disk, no build of torch
    names = [name(line) for line in PINS]
    assert len(names) == len(set(names))
    assert declared("test") <= set(names)


def test_the_pins_lie_in_the_ranges():
    pinned = {name(line): line.split("==")[1] for line in PINS}
    for line in [line for lines in [PROJECT["dependencies"], *EXTRAS.values()] for line in lines]:
        requirement = Requirement(line)
        if requirement.name != PROJECT["name"]:
            assert requirement.specifier.contains(pinned[name(line)]), line


def test_what_is_tested_here_is_what_is_pinned():
    """In an environment made by course.py; another one may hold other versions."""
    if not environment.stamp(Path(sys.prefix)).is_file():
        pytest.skip("an environment of one's own")
    pinned = {name(line): line.split("==")[1] for line in PINS}
    assert {dist: version(dist).split("+")[0] for dist in declared("test")} == {d: pinned[d] for d in declared("test")}
