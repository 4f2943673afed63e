"""course.py: what it says before anything is installed, and what it hands on."""

import ast
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import venv
from pathlib import Path

import pytest

import course
from benchmarks import __main__ as bench
from course_setup import environment, packages

ROOT = Path(course.__file__).parent
FILES = [ROOT / "course.py", *sorted((ROOT / "course_setup").glob("*.py"))]
POSIX = pytest.mark.skipif(os.name != "posix", reason="the stand-in for Python is a shell script")
EVERY = [verb for verbs in course.VERBS.values() for verb in verbs]
OURS = {home: [verb.name for verb in EVERY if verb.home == home] for home in ("course_utils", "course_grading")}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository in which nothing is installed, with a link in it to everything that the verbs belong to."""
    shutil.copy(ROOT / "course.py", tmp_path)
    shutil.copytree(ROOT / "course_setup", tmp_path / "course_setup")
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "7.8.9"\ndependencies = ["torch>=2.4"]\n')
    for home in {verb.home for verb in EVERY}:
        (tmp_path / home).symlink_to(ROOT / home)
    return tmp_path


@pytest.fixture
def fake(checkout: Path) -> Path:
    """A finished environment whose Python prints what it is asked to run, then fails with code 3."""
    python = packages.python(checkout / ".venv")
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$PWD" "$OMP_NUM_THREADS" "$PYTHONPATH" "$PATH"\nprintf "%s\\n" "$@"\nexit 3\n')
    python.chmod(0o755)
    environment.finished(checkout, "test")
    return checkout


def call(root: Path, *arguments: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess:
    line = [sys.executable, str(root / "course.py"), *arguments]
    return subprocess.run(line, capture_output=True, text=True, cwd=cwd or root, env=os.environ | variables)


# Before anything is installed


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_an_old_python_can_read_the_file(path: Path):
    ast.parse(path.read_text("utf-8"), feature_version=(3, 6))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_only_the_standard_library_is_needed(path: Path):
    nodes = [node for node in ast.walk(ast.parse(path.read_text("utf-8")))]
    names = {alias.name.split(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module.split(".")[0] for node in nodes if isinstance(node, ast.ImportFrom)}
    assert names <= {*sys.stdlib_module_names, "course_setup"}


@pytest.mark.parametrize("version", [(3, 6, 15), (3, 10, 13)])
def test_an_old_python_is_named_in_one_sentence(checkout: Path, version: tuple):
    number = ".".join(map(str, version))
    pretend = f"""
import platform, runpy, sys
sys.path.insert(0, ".")
sys.version_info, platform.python_version, sys.argv = {version}, lambda: "{number}", ["course.py", "lab"]
runpy.run_path("course.py", run_name="__main__")
"""
    result = subprocess.run([sys.executable, "-c", pretend], capture_output=True, text=True, cwd=checkout)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "3.11" in result.stderr and number in result.stderr
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_lists_every_verb_by_group_and_installs_nothing(checkout: Path, arguments: list[str]):
    result = call(checkout, *arguments)
    assert result.returncode == 0
    assert "python course.py lab" in result.stdout
    groups = result.stdout.split("\n\n")[1:-1]
    assert [group.split("\n")[0] for group in groups] == [f"for {name}:" for name in course.VERBS]
    for group, verbs in zip(groups, course.VERBS.values(), strict=True):
        assert [line.split(None, 1) for line in group.split("\n")[1:]] == [[verb.name, verb.does] for verb in verbs]
    assert not (checkout / ".venv").exists()


def test_the_version_is_that_of_the_project_and_installs_nothing(checkout: Path):
    assert call(checkout, "--version").stdout == "7.8.9\n"
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize(
    ("word", "said"), [("lbas", "did you mean `lab`"), ("xyzzy", "is no verb ("), ("--fast", "is no verb")]
)
def test_a_word_that_is_no_verb_installs_nothing(checkout: Path, word: str, said: str):
    result = call(checkout, word)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error: `{word}` ") and said in result.stderr and result.stderr.count("\n") == 1
    assert not (checkout / ".venv").exists()


def test_a_students_copy_shows_what_it_has_and_names_what_the_rest_needs(checkout: Path):
    for home in ("course_grading", "benchmarks", "tests"):
        (checkout / home).unlink()
    shown = call(checkout, "--help").stdout
    assert "for instructors" not in shown and "lab " in shown and "generate" in shown
    result = call(checkout, "grade", "lab1_simulation")
    assert result.returncode == 2
    assert "needs the whole repository" in result.stderr and result.stderr.count("\n") == 1


@pytest.mark.parametrize("verb", [verb.name for verb in EVERY if verb.name not in ("lab", "test")])
def test_the_help_of_a_verb_of_ours_needs_nothing_installed(checkout: Path, verb: str):
    """With a Python that has none of the packages: `-I` and `-S` leave out all but the standard library."""
    python = f"#!/bin/sh\nexec '{sys.executable}' -S \"$@\"\n"
    (checkout / "bare").write_text(python)
    (checkout / "bare").chmod(0o755)
    code = f"import course, sys; sys.executable = './bare'; course.main(['{verb}', '--help'])"
    result = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, cwd=checkout)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("usage: ")
    assert not (checkout / ".venv").exists()


# The table of verbs


def test_every_verb_has_one_name():
    assert len({verb.name for verb in EVERY}) == len(EVERY)


@pytest.mark.parametrize("home", OURS)
def test_each_command_line_has_just_the_verbs_of_the_table(home: str):
    assert sorted(importlib.import_module(f"{home}.__main__").VERBS) == sorted(OURS[home])


@pytest.mark.parametrize("verb", EVERY, ids=lambda verb: verb.name)
def test_every_verb_names_an_extra_and_a_folder_that_exist(verb: course.Verb):
    assert verb.extra in environment.EXTRAS
    assert (ROOT / verb.home).is_dir()


def test_students_need_no_extra():
    assert {verb.extra for verb in course.VERBS["students"]} == {""}


# Handing on


@POSIX
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["test", "tests/project", "-k", "a b"], ["-m", "pytest", "tests/project", "-k", "a b"]),
        (["test", "tests/project/test_course.py::test_x"], ["-m", "pytest", "tests/project/test_course.py::test_x"]),
        (["generate", "--n", "3"], ["-m", "course_utils", "generate", "--n", "3"]),
        (["release", "lab 1", "-x"], ["-m", "course_grading", "release", "lab 1", "-x"]),
        (["bench", "sde", "--against", "x y"], ["-m", "benchmarks", "sde", "--against", "x y"]),
    ],
)
def test_arguments_and_exit_code_pass_through(fake: Path, arguments: list[str], expected: list[str]):
    result = call(fake, *arguments, OMP_NUM_THREADS="7", PYTHONPATH="mine")
    assert result.returncode == 3
    first, *rest = result.stdout.splitlines()
    assert rest == expected
    scripts = packages.scripts(fake / ".venv")
    assert first.startswith(f"{fake} 7 {fake}{os.pathsep}mine {scripts}{os.pathsep}")


@POSIX
def test_other_verbs_than_lab_and_test_run_where_they_are_called(fake: Path, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert call(fake, "bench", cwd=elsewhere).stdout.startswith(f"{elsewhere} ")
    assert call(fake, "test", cwd=elsewhere).stdout.startswith(f"{fake} ")


@POSIX
@pytest.mark.parametrize("page", ["", "/start.ipynb"])
def test_lab_opens_the_start_page_and_hands_options_on(fake: Path, page: str):
    """The page is brought up to date before; where that fails, the labs open all the same."""
    (fake / "labs").unlink()
    (fake / "labs").mkdir()
    (fake / "labs" / (page.strip("/") or "other")).touch()
    lines = call(fake, "lab", "--no-browser", PYTHONPATH="mine").stdout.splitlines()
    start, (said, first, *line) = lines[:4], lines[4:]
    assert f" {fake}{os.pathsep}mine " in start[0] and start[1:] == ["-m", "course_utils", "start"]
    assert "Ctrl-C" in said
    assert f"{fake}{os.pathsep}mine" not in first  # what students run finds no other folder of the repository
    place = [f"--ServerApp.root_dir={fake}", f"--LabApp.default_url=/lab/tree/labs{page}"]
    assert line[:4] == ["-m", "jupyterlab", *place]
    assert line[-1] == "--no-browser"
    assert ("--allow-root" in line) == (os.geteuid() == 0)


@POSIX
def test_lab_can_open_another_folder(fake: Path):
    line = call(fake, "lab", "--ServerApp.root_dir=solutions").stdout.splitlines()
    assert [word for word in line if "root_dir" in word or "default_url" in word] == ["--ServerApp.root_dir=solutions"]
    line = call(fake, "lab", "--LabApp.default_url=/lab/tree/solutions").stdout.splitlines()
    assert [word for word in line if "default_url" in word] == ["--LabApp.default_url=/lab/tree/solutions"]
    assert f"--ServerApp.root_dir={fake}" in line


@POSIX
@pytest.mark.parametrize("options", [[], ["-m", "not slow"], ["-k", "euler", "-x"]])
def test_many_tests_run_side_by_side_on_one_thread_each(fake: Path, monkeypatch: pytest.MonkeyPatch, options: list):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    first, *line = call(fake, "test", *options, PYTHONPATH="").stdout.splitlines()
    assert line[:3] == ["-m", "pytest", "-n"] and line[4:] == options
    assert first.split()[1] == "1"


ONE_ROW = """
from benchmarks.rows import alone


def imports(quick):
    return [alone("imports", "nothing", 1.0, "ms", most=2.0)]
"""


@POSIX
def test_a_benchmark_runs_beside_an_earlier_run(fake: Path):
    """From `course.py bench` to the table. This environment stands in for both of the course's; `imports` is a row."""
    (fake / "benchmarks").unlink()
    shutil.copytree(ROOT / "benchmarks", fake / "benchmarks", ignore=shutil.ignore_patterns("results"))
    (fake / "benchmarks" / "package.py").write_text(ONE_ROW)
    packages.python(fake / ".venv").write_text(f"#!/bin/sh\nexec '{sys.executable}' \"$@\"\n")
    peers = fake / ".venv-peers"
    venv.create(peers)
    scheme = {"base": str(peers), "platbase": str(peers)}
    Path(sysconfig.get_path("purelib", "venv", scheme), "course.pth").write_text(sysconfig.get_path("purelib"))
    environment.stamp(peers).write_text("\n".join([sys.version, *bench.PACKAGES, *bench.WITHOUT_DEPENDENCIES]))
    first = call(fake, "bench", "imports", "--quick", "--out", "first")
    assert (fake / "first" / "rows.json").is_file(), first.stderr
    second = call(fake, "bench", "imports", "--quick", "--json", "--out", "second", "--against", "first")
    assert (fake / "second" / "second.md").is_file(), second.stderr
    assert [row["name"] for row in json.loads(second.stdout)] == ["imports"]
    refused = call(fake, "bench", "imports", "--against", "nowhere")
    assert refused.returncode == 2 and "expected the rows of an earlier run in nowhere" in refused.stderr


# Ctrl-C


@POSIX
def test_ctrl_c_during_an_installation_is_one_sentence(checkout: Path):
    """It waits for another installation, which this test pretends to be."""
    with environment.alone(checkout):
        line = [sys.executable, "-u", str(checkout / "course.py"), "lab"]
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": checkout}
        hear = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)  # noqa: E731
        with subprocess.Popen(line, preexec_fn=hear, **options) as process:
            assert "waiting" in process.stdout.readline()
            time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate()
    assert process.returncode == 1
    assert said.strip() == "Interrupted: the same command makes anew what is unfinished."


# Pinning


@pytest.mark.parametrize("failing", [0, 1])
def test_new_versions_are_pinned_only_if_the_tests_pass(checkout: Path, monkeypatch: pytest.MonkeyPatch, failing: int):
    asked = []
    monkeypatch.setattr(course, "ROOT", checkout)
    monkeypatch.setattr(environment, "install", lambda root, extra, renew: asked.append((extra, renew)))
    monkeypatch.setattr(subprocess, "call", lambda line, **_: asked.append(line[2:]) or failing)
    monkeypatch.setattr(packages, "pin", lambda root: asked.append("pinned"))
    monkeypatch.setattr(environment, "finished", lambda root, extra: asked.append("ready"))
    if failing:
        with pytest.raises(SystemExit, match="left as it is"):
            course.constraints(["tests"])
    else:
        course.constraints(["tests"])
    assert asked[:2] == [("test", True), ["pytest", "tests"]]
    assert asked[2:] == ([] if failing else ["pinned", "ready"])
