"""course.py, without a network: its pip has no index, its mirrors are on the loopback interface."""

import ast
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections import namedtuple
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

import course

SCRIPT = Path(course.__file__)
POSIX = pytest.mark.skipif(os.name != "posix", reason="the stand-in for Python is a shell script")
Disk = namedtuple("Disk", "total used free")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with course.py and a project to install."""
    shutil.copy(SCRIPT, tmp_path)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "tiny"\ndependencies = ["torch>=2.4"]\n')
    return tmp_path


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """pip finds no package anywhere, and no CPU index answers."""
    for variable in [variable for variable in os.environ if variable.startswith("PIP_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setattr(course, "reachable", lambda url: False)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Disk(1e12, 0, 1e12))


@pytest.fixture
def fake(checkout: Path) -> Path:
    """A finished environment whose Python prints what it is asked to run, then fails with code 3."""
    python = course.venv_python(checkout)
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$PWD" "$OMP_NUM_THREADS" "$PATH"\nprintf "%s\\n" "$@"\nexit 3\n')
    python.chmod(0o755)
    course.stamp(checkout).write_text(course.fingerprint(checkout))
    return checkout


def call(root: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
    line = [sys.executable, str(root / "course.py"), *arguments]
    return subprocess.run(line, capture_output=True, text=True, cwd=root, env=os.environ | variables)


# An old Python


def test_an_old_python_can_read_the_file():
    ast.parse(SCRIPT.read_text("utf-8"), feature_version=(3, 6))


@pytest.mark.parametrize("version", [(3, 6, 15), (3, 10, 13)])
def test_an_old_python_is_named_in_one_sentence(checkout: Path, version: tuple):
    number = ".".join(map(str, version))
    pretend = f"""
import platform, runpy, sys
sys.version_info, platform.python_version, sys.argv = {version}, lambda: "{number}", ["course.py", "lab"]
runpy.run_path("course.py", run_name="__main__")
"""
    result = subprocess.run([sys.executable, "-c", pretend], capture_output=True, text=True, cwd=checkout)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "3.11" in result.stderr and number in result.stderr
    assert not (checkout / ".venv").exists()


# Handing on


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_help_names_the_verbs_and_installs_nothing(checkout: Path, arguments: list[str]):
    result = call(checkout, *arguments)
    assert result.returncode == 0
    assert all(f"course.py {verb}" in result.stdout for verb in ("lab", "test", "VERB"))
    assert not (checkout / ".venv").exists()


@POSIX
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["test", "tests/test_a.py", "-k", "a b"], ["-m", "pytest", "tests/test_a.py", "-k", "a b"]),
        (["release", "lab 1", "--help"], ["-m", "course_utils", "release", "lab 1", "--help"]),
    ],
)
def test_arguments_and_exit_code_pass_through(fake: Path, arguments: list[str], expected: list[str]):
    result = call(fake, *arguments, OMP_NUM_THREADS="7")
    assert result.returncode == 3
    first, *rest = result.stdout.splitlines()
    assert rest == expected
    assert first.startswith(f"{fake} 7 {course.scripts(fake)}{os.pathsep}")


@POSIX
def test_lab_opens_the_labs_and_hands_options_on(fake: Path):
    _, *line = call(fake, "lab", "--no-browser").stdout.splitlines()
    place = [f"--ServerApp.root_dir={fake}", "--LabApp.default_url=/lab/tree/labs"]
    assert line[:4] == ["-m", "jupyterlab", *place]
    assert line[-1] == "--no-browser"
    assert ("--allow-root" in line) == (os.geteuid() == 0)


@POSIX
def test_lab_can_open_another_folder(fake: Path):
    _, *line = call(fake, "lab", "--ServerApp.root_dir=solutions").stdout.splitlines()
    assert [word for word in line if "root_dir" in word or "default_url" in word] == ["--ServerApp.root_dir=solutions"]
    _, *line = call(fake, "lab", "--LabApp.default_url=/lab/tree/solutions").stdout.splitlines()
    assert [word for word in line if "default_url" in word] == ["--LabApp.default_url=/lab/tree/solutions"]
    assert f"--ServerApp.root_dir={fake}" in line


@POSIX
def test_all_tests_run_side_by_side_on_one_thread_each(fake: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    first, *line = call(fake, "test").stdout.splitlines()
    assert line[:3] == ["-m", "pytest", "-n"]
    assert first.split()[1] == "1"


# When to install


def test_the_stamp_belongs_to_one_project_file_python_and_place(fake: Path, monkeypatch: pytest.MonkeyPatch):
    before = course.fingerprint(fake)
    assert course.installed(fake) == before
    (fake / "pyproject.toml").write_text("[project]\n")
    changed = course.fingerprint(fake)
    assert changed.split("\n")[0] == before.split("\n")[0] and changed != before
    monkeypatch.setattr(sys, "version", "3.99.0 (elsewhere)")
    assert course.fingerprint(fake).split("\n")[0] != before.split("\n")[0]
    monkeypatch.undo()
    moved = fake.rename(fake.with_name("moved"))
    assert course.installed(moved) != course.fingerprint(moved)


def test_without_its_python_an_environment_is_not_installed(fake: Path):
    course.venv_python(fake).unlink()
    assert course.installed(fake) == ""


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let `install` run with a stand-in for pip and for the making of environments; returns what they were asked."""
    asked = []

    def make(line: list[str]) -> int:
        asked.append("venv")
        python = course.venv_python(Path(line[-1]).parent)
        python.parent.mkdir(parents=True, exist_ok=True)
        python.touch()
        return 0

    monkeypatch.setattr(subprocess, "call", make)
    monkeypatch.setattr(course, "pip", lambda root, *arguments: asked.append(arguments[-1]))
    monkeypatch.setattr(course, "cpu_options", list)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Disk(1e12, 0, 1e12))
    return asked


def test_installs_once_and_again_only_after_a_change(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    asked = recorded(monkeypatch)
    packages = ["torch>=2.4", f".[{course.EXTRAS}]"]
    course.ensure(checkout)
    assert asked == ["venv", *packages]
    course.ensure(checkout)
    assert asked == ["venv", *packages]
    with (checkout / "pyproject.toml").open("a") as file:
        file.write("version = '2'\n")
    course.ensure(checkout)
    assert asked == ["venv", *packages, *packages]
    monkeypatch.setattr(sys, "version", "3.99.0 (elsewhere)")
    course.ensure(checkout)
    assert asked == ["venv", *packages, *packages, "venv", *packages]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, SystemExit])
def test_what_breaks_off_is_not_ready_and_is_made_anew(checkout: Path, monkeypatch: pytest.MonkeyPatch, failure: type):
    asked = recorded(monkeypatch)
    course.ensure(checkout)
    with (checkout / "pyproject.toml").open("a") as file:
        file.write("version = '2'\n")

    def break_off(root: Path, *arguments: str) -> None:
        raise failure

    with monkeypatch.context() as broken:
        broken.setattr(course, "pip", break_off)
        with pytest.raises(failure):
            course.ensure(checkout)
    assert course.installed(checkout) == ""
    asked.clear()
    course.ensure(checkout)
    assert asked[0] == "venv"
    assert course.installed(checkout) == course.fingerprint(checkout)


def test_students_do_not_see_the_buttons_for_instructors(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    recorded(monkeypatch)
    course.ensure(checkout)
    config = json.loads((checkout / ".venv/etc/jupyter/labconfig/page_config.json").read_text())
    assert config["disabledExtensions"]["@jupyter/nbgrader"] is True


def test_two_at_once_install_one_after_the_other(checkout: Path):
    wait = "import course, pathlib\nwith course.alone(pathlib.Path()): open('mine', 'x')"
    with course.alone(checkout):
        other = subprocess.Popen([sys.executable, "-c", wait], cwd=checkout, stdout=subprocess.PIPE, text=True)
        assert "waiting" in other.stdout.readline()
        assert not (checkout / "mine").exists()
    other.communicate()
    assert other.returncode == 0
    assert (checkout / "mine").exists()


# What may be missing


def test_a_python_without_ensurepip_names_the_package(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(SystemExit, match=r"sudo apt install python3\.\d+-venv"):
        course.ensure(checkout)
    assert not (checkout / ".venv").exists()


def test_a_full_disk_is_seen_beforehand(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Disk(1e12, 1e12 - 1.5e9, 1.5e9))
    with pytest.raises(SystemExit, match=r"needs \d+ GB .* has 1\.5"):
        course.ensure(checkout)
    assert not (checkout / ".venv").exists()


def test_a_real_pip_without_any_package_stops_with_a_sentence(checkout: Path, offline: None, capfd):
    with pytest.raises(SystemExit, match="No build of a package fits Python .* run the same command again"):
        course.ensure(checkout)
    assert "No matching distribution found for torch>=2.4" in capfd.readouterr().err
    assert course.venv_python(checkout).exists()
    assert course.installed(checkout) == ""


@POSIX
def test_a_real_pip_without_a_network_stops_with_a_sentence(fake: Path, offline: None, monkeypatch):
    course.venv_python(fake).write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{port}/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(SystemExit, match="The network does not answer"):
        course.pip(fake, "a-package-that-is-not-installed")


@POSIX
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        ("ReadTimeoutError\nERROR: No matching distribution found for torch", "The network does not answer"),
        ("ERROR: No matching distribution found for torch", "No build of a package fits Python"),
        ("error: metadata-generation-failed", "for the reason above"),
    ],
)
def test_the_cause_of_a_failed_pip_is_named(fake: Path, words: str, sentence: str, capfd):
    (fake / "words").write_text(words)
    course.venv_python(fake).write_text(f"#!/bin/sh\ncat '{fake / 'words'}' >&2\nexit 1\n")
    with pytest.raises(SystemExit, match=sentence):
        course.pip(fake, "torch")
    assert words in capfd.readouterr().err


def test_a_folder_that_cannot_be_written_is_named(checkout: Path):
    (checkout / ".venv.lock").mkdir()  # where a file has to go
    result = call(checkout, "lab")
    assert result.returncode == 1
    assert "Cannot install in" in result.stderr and "Traceback" not in result.stderr


# The index of CPU builds


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/whl/torch/" else 403)
        self.end_headers()

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def index():
    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_reachable_asks_for_an_answer(index: str):
    assert course.reachable(index + "/whl/torch/", 30)
    assert not course.reachable(index + "/refused/", 30)


def test_a_server_that_stalls_is_not_waited_for():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not course.reachable(f"http://127.0.0.1:{silent.getsockname()[1]}", 0.2)


def test_a_server_that_trickles_is_not_waited_for():
    stop = threading.Event()

    def trickle(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            while not stop.wait(0.05):  # never silent for as long as the limit, and never finished
                connection.send(b"H")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=trickle, args=(listener,))
        thread.start()
        assert not course.reachable(f"http://127.0.0.1:{listener.getsockname()[1]}", 0.5)
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    ("system", "gpu", "answers", "expected"),
    [
        ("linux", None, True, ["--extra-index-url", course.CPU_INDEX]),
        ("linux", None, False, []),
        ("linux", "/usr/bin/nvidia-smi", True, []),
        ("darwin", None, True, []),
        ("win32", None, True, []),
    ],
)
def test_the_cpu_build_is_asked_for_where_it_matters(monkeypatch, system, gpu, answers, expected):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(shutil, "which", lambda name: gpu)
    monkeypatch.setattr(course, "reachable", lambda url: answers)
    assert course.cpu_options() == expected
