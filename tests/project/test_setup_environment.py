"""The folder .venv: when it is made, brought up to date and trusted, and what is never touched."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections import namedtuple
from pathlib import Path

import pytest

from course_setup import environment, packages
from course_setup.environment import EXTRAS

ROOT = Path(environment.__file__).parents[1]
Disk = namedtuple("Disk", "total used free")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a project to install, on a disk with room."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "tiny"\ndependencies = ["torch>=2.4"]\n')
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Disk(1e12, 0, 1e12))
    return tmp_path


@pytest.fixture
def asked(root: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the stand-ins for pip, for Python's venv and for the trial of imports were asked."""
    seen = []

    def call(line: list[str], **_) -> int:
        if line[1:3] == ["-m", "venv"]:
            seen.append("venv")
            python = packages.python(root / ".venv")
            python.parent.mkdir(parents=True, exist_ok=True)
            python.touch()
        else:
            seen.append("imports")
        return 0

    monkeypatch.setattr(subprocess, "call", call)
    monkeypatch.setattr(packages, "install", lambda root, extra, pinned: seen.append(f"[{extra}] {pinned=}"))
    return seen


PLAIN = ["[] pinned=True", "imports"]


# When it installs


def test_the_stamp_belongs_to_one_project_file_python_and_place(root: Path, asked: list, monkeypatch):
    environment.ensure(root, "")
    before = environment.fingerprint(root)
    assert environment.ready(root, "")
    for name in ("pyproject.toml", "constraints.txt"):
        (root / name).write_text("[project]\n" + name)
        changed = environment.fingerprint(root)
        assert changed[0] == before[0] and changed[1] != before[1]
        assert not environment.ready(root, "")
        before = changed
    environment.finished(root, "")
    assert environment.ready(root, "")
    monkeypatch.setattr(sys, "version", "3.99.0 (elsewhere)")
    assert environment.fingerprint(root)[0] != before[0] and not environment.ready(root, "")
    monkeypatch.undo()
    moved = root.rename(root.with_name("moved"))
    assert not environment.ready(moved, "")


def test_without_its_python_an_environment_is_not_installed(root: Path, asked: list):
    environment.ensure(root, "")
    packages.python(root / ".venv").unlink()
    assert environment.installed(root) == []


def test_installs_once_and_again_only_after_a_change(root: Path, asked: list, monkeypatch: pytest.MonkeyPatch):
    environment.ensure(root, "")
    assert asked == ["venv", *PLAIN]
    environment.ensure(root, "")
    assert asked == ["venv", *PLAIN]
    (root / "constraints.txt").write_text("torch==2.4\n")
    environment.ensure(root, "")
    assert asked == ["venv", *PLAIN, *PLAIN]
    monkeypatch.setattr(sys, "version", "3.99.0 (elsewhere)")
    environment.ensure(root, "")
    assert asked == ["venv", *PLAIN, *PLAIN, "venv", *PLAIN]


def test_after_pip_nothing_is_silent_for_long(root: Path, asked: list, capsys, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(environment, "try_imports", lambda root, extra: print("imports"))
    environment.ensure(root, "")
    assert capsys.readouterr().out.splitlines() == [
        "Making the environment .venv from the network: this takes minutes.",
        "All is installed. Trying it, which takes longest this first time.",
        "imports",
    ]


def test_an_extra_is_added_on_first_use_and_said_in_one_line(root: Path, asked: list, capsys):
    environment.ensure(root, "")
    capsys.readouterr()
    environment.ensure(root, "book")
    assert capsys.readouterr().out == "Adding the extra `book` to the environment .venv: this may take minutes.\n"
    assert asked[3:] == ["[book] pinned=True", "imports"]
    for extra in ("", "grade", "book"):  # it has these
        environment.ensure(root, extra)
    assert len(asked) == 5
    environment.ensure(root, "test")
    assert asked[5:] == ["[test] pinned=True", "imports"]


def test_an_update_keeps_the_extra(root: Path, asked: list):
    environment.ensure(root, "grade")
    (root / "constraints.txt").write_text("torch==2.4\n")
    environment.ensure(root, "")
    assert asked == ["venv", *2 * ["[grade] pinned=True", "imports"]]
    assert environment.ready(root, "grade")


def test_renewing_begins_anew_without_pins(root: Path, asked: list):
    environment.ensure(root, "test")
    environment.install(root, "test", renew=True)
    assert asked[3:] == ["venv", "[test] pinned=False", "imports"]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize(("module", "step"), [(packages, "install"), (environment, "try_imports")])
def test_what_breaks_off_is_not_ready_and_is_made_anew(root: Path, asked: list, monkeypatch, failure, module, step):
    environment.ensure(root, "")
    (root / "constraints.txt").write_text("torch==2.4\n")

    def break_off(*arguments, **options) -> None:
        raise failure

    with monkeypatch.context() as broken:
        broken.setattr(module, step, break_off)
        with pytest.raises(failure):
            environment.ensure(root, "")
    assert not environment.ready(root, "")
    asked.clear()
    environment.ensure(root, "")
    assert asked[0] == "venv"
    assert environment.ready(root, "")


def test_what_cannot_be_imported_is_not_ready(root: Path, asked: list, monkeypatch: pytest.MonkeyPatch, capfd):
    environment.ensure(root, "")
    monkeypatch.undo()
    monkeypatch.setitem(environment.TRIED, "", "json, a_module_that_nobody_has")
    python = packages.python(root / ".venv")
    python.unlink()
    python.symlink_to(sys.executable)
    with pytest.raises(SystemExit, match="cannot be imported"):
        environment.try_imports(root, "")
    assert "No module named 'a_module_that_nobody_has'" in capfd.readouterr().err


def test_imports_are_tried_of_every_extra_that_is_there(root: Path, monkeypatch: pytest.MonkeyPatch):
    lines = []
    monkeypatch.setattr(subprocess, "call", lambda line, **_: lines.append(line[-1]) or 0)
    environment.try_imports(root, "book")
    assert lines == ["import " + ", ".join(environment.TRIED[extra] for extra in ("", "grade", "book"))]


@pytest.mark.parametrize("module", ", ".join(environment.TRIED.values()).split(", "))
def test_what_is_tried_is_there(module: str):
    assert importlib.util.find_spec(module)


def test_students_do_not_see_the_buttons_for_instructors(root: Path, asked: list):
    environment.ensure(root, "")
    config = json.loads((root / ".venv/etc/jupyter/labconfig/page_config.json").read_text())
    assert config["disabledExtensions"]["@jupyter/nbgrader"] is True


def test_two_at_once_install_one_after_the_other(root: Path):
    wait = "from course_setup.environment import alone; import pathlib\nwith alone(pathlib.Path()): open('mine', 'x')"
    options = {"cwd": root, "stdout": subprocess.PIPE, "text": True, "env": os.environ | {"PYTHONPATH": str(ROOT)}}
    with environment.alone(root):
        other = subprocess.Popen([sys.executable, "-c", wait], **options)
        assert "waiting" in other.stdout.readline()
        assert not (root / "mine").exists()
    other.communicate()
    assert other.returncode == 0
    assert (root / "mine").exists()


# What is not ours


def foreign_environment(folder: Path) -> None:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").touch()
    (folder / "pyvenv.cfg").touch()


def link_to_an_environment(folder: Path) -> None:
    foreign_environment(folder.parent / "elsewhere")
    folder.symlink_to(folder.parent / "elsewhere")


def link_to_one_of_ours(folder: Path) -> None:
    link_to_an_environment(folder)
    environment.stamp(folder).touch()


def link_to_nothing(folder: Path) -> None:
    folder.symlink_to(folder.parent / "nowhere")


def file(folder: Path) -> None:
    folder.touch()


@pytest.mark.parametrize(
    "make", [foreign_environment, link_to_an_environment, link_to_one_of_ours, link_to_nothing, file]
)
def test_what_is_not_ours_is_refused_and_left_as_it_is(root: Path, asked: list, make):
    make(root / ".venv")
    before = sorted(root.rglob("*"))
    with pytest.raises(SystemExit, match="was not made by the course and stays as it is: move it away"):
        environment.ensure(root, "")
    assert asked == []
    assert set(root.rglob("*")) - set(before) <= {root / ".venv.lock"} and set(before) <= set(root.rglob("*"))


def test_an_empty_folder_may_be_used(root: Path, asked: list):
    (root / ".venv").mkdir()
    environment.ensure(root, "")
    assert environment.ready(root, "")


@pytest.mark.parametrize("moment", ["rmtree", "call"])
def test_what_was_broken_off_at_any_moment_is_still_ours(root: Path, asked: list, monkeypatch, moment: str):
    environment.ensure(root, "")
    (root / ".venv" / "lib" / "python").mkdir(parents=True)

    def break_off(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(shutil if moment == "rmtree" else subprocess, moment, break_off)
        with pytest.raises(KeyboardInterrupt):
            environment.create(root / ".venv")
    environment.ensure(root, "")
    assert environment.ready(root, "") and not (root / ".venv" / "lib").exists()


def test_links_inside_ours_are_removed_and_not_followed(root: Path, asked: list):
    environment.ensure(root, "")
    (root / "mine").mkdir()
    (root / "mine" / "thesis").touch()
    (root / ".venv" / "lib64").symlink_to(root / "mine")
    environment.create(root / ".venv")
    assert (root / "mine" / "thesis").exists() and not (root / ".venv" / "lib64").exists()


# What may be missing


def test_a_python_without_ensurepip_names_the_package(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(SystemExit, match=r"sudo apt install python3\.\d+-venv"):
        environment.ensure(root, "")
    assert not (root / ".venv").exists()


def test_a_full_disk_is_seen_beforehand(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Disk(1e12, 1e12 - 1.5e9, 1.5e9))
    with pytest.raises(SystemExit, match=r"needs \d+ GB .* has 1\.5"):
        environment.ensure(root, "")
    assert not (root / ".venv").exists()


def test_a_failed_pip_is_a_sentence(root: Path, asked: list, monkeypatch: pytest.MonkeyPatch):
    def fail(*arguments, **options):
        raise packages.PipFailed("The disk is full: free some space")

    monkeypatch.setattr(packages, "install", fail)
    with pytest.raises(SystemExit, match="The disk is full: free some space, then run the same command again"):
        environment.ensure(root, "")
    assert not environment.ready(root, "")


# In step with pyproject.toml


def test_each_extra_holds_those_before_it():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    held = {extra: " ".join(line for line in extras[extra] if line.startswith("course-utils[")) for extra in EXTRAS[1:]}
    assert held == {"grade": "", "book": "course-utils[grade]", "test": "course-utils[book,several]"}
    assert set(environment.TRIED) == set(EXTRAS)
