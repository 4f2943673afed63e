"""Verbs: bad input, a missing package and Ctrl-C are one line each, and that line is true of the verb."""

import importlib
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from course_utils import commands
from course_utils.commands import Verb, positive

ROOT = Path(commands.__file__).parents[1]
PACKAGES = ("course_utils", "course_grading")
EVERY = [(package, name) for package in PACKAGES for name in importlib.import_module(f"{package}.__main__").VERBS]
REQUIRED = {
    "export": ["lab1_simulation", "--for", "moodle", "--table", "grades.csv"],
    "grade": ["lab1_simulation"],
    "generate": ["--out", "digits.npz"],
    "entry": ["mine.py"],
    "hand-in": ["lab1_simulation"],
    "reset": ["lab1_simulation"],
    "copies": ["lab1_simulation"],
    "gradescope": ["lab1_simulation"],
}


def verb(act=lambda args: None, **options) -> dict[str, Verb]:
    act.__doc__ = "Do it."
    return {"do": Verb(act, **{"arguments": {"--n": {"type": positive, "default": 3}}, "stopped": "", **options})}


def fail(error: BaseException):
    def act(args):
        raise error

    return verb(act, stopped="there are {n} left")


def test_a_verb_gets_its_arguments_and_gives_the_exit_code():
    assert commands.run("package", verb(), ["do"]) == 0
    assert commands.run("package", verb(lambda args: args.n), ["do", "--n", "5"]) == 5


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.5"])
def test_numbers_are_positive(text, capsys):
    with pytest.raises(SystemExit) as stop:
        commands.run("package", verb(), ["do", "--n", text])
    assert stop.value.code == 2
    assert "usage: python -m package do" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["fly"]])
def test_a_word_that_is_no_verb_is_refused(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        commands.run("package", verb(), arguments)
    assert stop.value.code == 2
    assert "usage: python -m package" in capsys.readouterr().err


@pytest.mark.parametrize("error", [ValueError("expected 1,\n got 2"), OSError("expected 1, got 2")])
def test_bad_input_is_one_line(error, capsys):
    assert commands.run("package", fail(error), ["do"]) == 2
    assert capsys.readouterr().err == "error: expected 1, got 2\n"


def test_a_missing_package_is_one_line_that_says_how_to_get_it(capsys):
    assert commands.run("package", fail(ModuleNotFoundError("x", name="nbgrader.api")), ["do"]) == 2
    said = "error: `do` needs nbgrader.api, which is not installed: python course.py do installs it\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize("error", [ModuleNotFoundError("x", name="package.lost"), TypeError("x")])
def test_a_fault_of_our_own_is_not_hidden(error):
    with pytest.raises(type(error)):
        commands.run("package", fail(error), ["do"])


def test_ctrl_c_says_what_is_left(capsys, monkeypatch):
    monkeypatch.setattr(commands.signal, "signal", lambda *arguments: None)
    assert commands.run("package", fail(KeyboardInterrupt()), ["do", "--n", "7"]) == 130
    assert capsys.readouterr().err == "\nstopped: there are 7 left\n"
    told = verb(stopped=lambda args: f"{args.n} by a function")["do"]
    assert told.after_ctrl_c(commands.parser("package", {"do": told}).parse_args(["do"])) == "3 by a function"


@pytest.mark.parametrize(("package", "name"), EVERY)
def test_every_verb_has_help_and_tells_what_a_stop_leaves(package, name):
    verbs = importlib.import_module(f"{package}.__main__").VERBS
    args = commands.parser(package, verbs).parse_args([name, *REQUIRED.get(name, [])])
    said = verbs[name].after_ctrl_c(args)
    assert said and "{" not in said and "\n" not in said
    assert verbs[name].act.__doc__.endswith(".")


@pytest.mark.parametrize("package", PACKAGES)
def test_a_command_line_needs_only_the_standard_library_to_answer(package):
    line = [sys.executable, "-S", "-m", package, "--help"]
    result = subprocess.run(line, capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", ["release", "grade", "book"])
def test_without_the_graders_packages_an_instructor_is_told(name):
    """With a Python that has none of the packages."""
    line = [sys.executable, "-S", "-m", "course_grading", name, *REQUIRED.get(name, [])]
    result = subprocess.run(line, capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 2
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1


# What a stopped verb leaves is what it says


def test_a_stopped_training_goes_on_only_where_there_is_one(tmp_path):
    from course_utils import digits
    from course_utils.__main__ import VERBS

    file = tmp_path / "my digits.safetensors"
    args = commands.parser("course_utils", VERBS).parse_args(["train", "--out", str(file)])
    assert VERBS["train"].after_ctrl_c(args) == "no training was begun"
    digits.prepare(file, source="offline", resume=False)
    assert f"`python course.py train --resume --out '{file}'`" in VERBS["train"].after_ctrl_c(args)


def test_a_stopped_book_leaves_the_earlier_one(tmp_path, monkeypatch):
    from course_grading import book

    (tmp_path / "dist" / "book").mkdir(parents=True)
    (tmp_path / "dist" / "book" / "index.html").write_text("earlier")

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    (tmp_path / "solutions" / "lab1_toy").mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "solutions" / "lab1_toy" / "lab1_toy.ipynb")
    monkeypatch.setattr(book, "lay_out", interrupted)
    with pytest.raises(KeyboardInterrupt):
        book.build(tmp_path, stills=True)
    assert (tmp_path / "dist" / "book" / "index.html").read_text() == "earlier"


def test_a_stopped_generator_leaves_the_earlier_file(tmp_path, monkeypatch):
    from course_utils import digits
    from course_utils.__main__ import main

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(digits, "load", interrupted)
    monkeypatch.setattr(commands.signal, "signal", lambda *arguments: None)
    (tmp_path / "digits.npz").write_text("earlier")
    assert main(["generate", "--out", str(tmp_path / "digits.npz")]) == 130
    assert (tmp_path / "digits.npz").read_text() == "earlier"
