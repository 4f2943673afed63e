"""What pip is asked, without a network: its index is a folder of wheels made here, its mirrors are on the loopback."""

import base64
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import venv
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from course_setup import packages

pytestmark = pytest.mark.slow

POSIX = pytest.mark.skipif(os.name != "posix", reason="the stand-in for Python is a shell script")
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "tiny"
version = "1"
dependencies = ["torch>=2.4", "seaborn>=1"]
"""
BACKEND = """
from pathlib import Path
from shutil import copy


def build_editable(folder, config_settings=None, metadata_directory=None):
    return Path(copy("index/tiny-1-py3-none-any.whl", folder)).name
"""


def wheel(folder: Path, name: str, version: str, *requires: str, tag: str = "py3-none-any") -> None:
    """A wheel of one module, which knows its version."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files = {
        f"{name}.py": f"version = {version!r}\n",
        f"{info}/METADATA": metadata + "".join(f"Requires-Dist: {one}\n" for one in requires),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    lines = []
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        lines.append(f"{path},sha256={digest},{len(text)}\n")
    files[f"{info}/RECORD"] = "".join(lines) + f"{info}/RECORD,,\n"
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-{version}-{tag}.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """An environment with pip in it, to be copied."""
    folder = tmp_path_factory.mktemp("made") / ".venv"
    venv.create(folder, with_pip=True, symlinks=True)
    return folder


@pytest.fixture
def root(tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, its environment, and all that pip can find: torch 2.4 and 2.5, seaborn 1 and 2."""
    shutil.copytree(made, tmp_path / ".venv", symlinks=True)
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "backend.py").write_text(BACKEND)
    for version in ("2.4", "2.5", "2.5+cpu"):
        wheel(tmp_path / "index", "torch", version)
    for version in ("1", "2"):
        wheel(tmp_path / "index", "seaborn", version)
    wheel(tmp_path / "index", "tiny", "1", "torch>=2.4", "seaborn>=1")
    for variable in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setattr(packages, "cpu_options", list)
    return tmp_path


def versions(root: Path) -> dict[str, str]:
    """What is installed, by name; asked of the environment itself, far from the project."""
    line = [str(packages.python(root / ".venv")), "-I", "-m", "pip", "--isolated", "list", "--format=freeze"]
    listed = subprocess.run(line, capture_output=True, text=True, check=True, cwd=root / ".venv").stdout
    found = dict(line.split("==") for line in listed.splitlines())
    return {name: found[name] for name in ("torch", "seaborn", "tiny") if name in found}


# Versions


def compiled(root: Path) -> bool:
    return bool(list(root.glob(".venv/lib/*/site-packages/__pycache__/seaborn.*.pyc")))


def test_the_pinned_versions_are_installed_the_cpu_build_too(root: Path):
    (root / "constraints.txt").write_text("torch==2.5\nseaborn==1\n")
    packages.install(root, "", pinned=True)
    assert versions(root) == {"torch": "2.5+cpu", "seaborn": "1", "tiny": "1"}
    assert not compiled(root)  # a student's Python does that when it imports


def test_other_pins_replace_what_is_installed(root: Path):
    for pins, expected in {"torch==2.5\nseaborn==2\n": "2", "torch==2.5\nseaborn==1\n": "1"}.items():
        (root / "constraints.txt").write_text(pins)
        packages.install(root, "", pinned=True)
        assert versions(root)["seaborn"] == expected


@pytest.mark.parametrize("pins", ["torch==2.4.9\nseaborn==1\n", "torch==2.4\nseaborn==1.5\n"])
def test_where_a_pinned_version_has_no_build_the_ranges_are_used_and_it_is_said(root: Path, pins: str, capfd):
    wheel(root / "index", "seaborn", "1.5", tag="cp399-cp399-any")  # for another Python
    (root / "constraints.txt").write_text(pins)
    packages.install(root, "", pinned=True)
    assert versions(root)["seaborn"] == "2"
    said = [
        line for line in capfd.readouterr().out.splitlines() if "constraints.txt has versions with no build" in line
    ]
    assert len(said) == 1 and packages.HERE in said[0]


def test_without_pins_the_newest_are_installed_and_can_be_pinned(root: Path, monkeypatch: pytest.MonkeyPatch):
    (root / "constraints.txt").write_text("torch==2.4\nseaborn==1\n")
    packages.install(root, "more", pinned=False)
    assert versions(root) == {"torch": "2.5+cpu", "seaborn": "2", "tiny": "1"}
    assert compiled(root)
    monkeypatch.setenv("PIP_USER", "1")
    lines = packages.pin(root).read_text("utf-8").splitlines()
    assert lines[0].startswith("# Tested together")
    assert {"torch==2.5", "seaborn==2"} <= set(lines)
    assert not [line for line in lines if "tiny" in line or line.startswith("pip=") or "+" in line]


# Settings of a person's own


@pytest.mark.parametrize("place", ["variables", "file"])
def test_settings_that_lead_astray_are_not_followed(root: Path, monkeypatch: pytest.MonkeyPatch, place: str):
    away = str(root / "away")
    astray = {"user": "1", "target": away, "prefix": away, "root": away, "no-deps": "1", "dry-run": "1"}
    monkeypatch.setenv("PYTHONUSERBASE", away)
    if place == "file":
        lines = [f"{name} = {value}\n" for name, value in astray.items()]
        (root / "pip.conf").write_text("[install]\n" + "".join(lines))
        monkeypatch.setenv("PIP_CONFIG_FILE", str(root / "pip.conf"))
    for name, value in astray.items() if place == "variables" else []:
        monkeypatch.setenv("PIP_" + name.upper().replace("-", "_"), value)
    packages.install(root, "", pinned=False)
    assert versions(root).keys() == {"torch", "seaborn", "tiny"}
    assert not (root / "away").exists()


@pytest.mark.parametrize("section", ["global", "install"])
def test_settings_of_where_packages_come_from_are_followed(root: Path, monkeypatch, section: str):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    (root / "other").mkdir()
    text = f"[{section}]\nno-index = true\nfind-links =\n    {root / 'other'}\n    {root / 'index'}\n"
    (root / "pip.conf").write_text(text)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(root / "pip.conf"))
    packages.install(root, "", pinned=False)
    assert versions(root).keys() == {"torch", "seaborn", "tiny"}


def test_the_variable_has_the_last_word(root: Path, monkeypatch: pytest.MonkeyPatch):
    (root / "pip.conf").write_text("[global]\ntimeout = 5\nproxy = a\n[install]\ntimeout = 6\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(root / "pip.conf"))
    assert packages.pip_variables(root / ".venv")["PIP_TIMEOUT"] == "6"
    monkeypatch.setenv("PIP_TIMEOUT", "7")
    kept = packages.pip_variables(root / ".venv")
    assert (kept["PIP_TIMEOUT"], kept["PIP_PROXY"], kept["PIP_CONFIG_FILE"]) == ("7", "a", os.devnull)


def test_packages_on_pythonpath_do_not_count_as_installed(root: Path, monkeypatch: pytest.MonkeyPatch):
    with zipfile.ZipFile(root / "index" / "seaborn-1-py3-none-any.whl") as archive:
        archive.extractall(root / "mine")
    monkeypatch.setenv("PYTHONPATH", str(root / "mine"))
    packages.install(root, "", pinned=False)
    assert versions(root)["seaborn"] == "2"


# What pip says when it fails


def test_a_real_pip_without_any_package_names_the_cause(root: Path, monkeypatch: pytest.MonkeyPatch, capfd):
    monkeypatch.setenv("PIP_FIND_LINKS", str(root / "nothing"))
    with pytest.raises(packages.PipFailed, match="No build of a package fits Python"):
        packages.install(root, "", pinned=True)
    assert "No matching distribution found for torch>=2.4" in capfd.readouterr().err


def test_a_real_pip_without_a_network_names_the_cause(root: Path, monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{port}/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(packages.PipFailed, match="The network does not answer"):
        packages.pip(root / ".venv", "a-package-that-is-not-installed")


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
def test_the_cause_of_a_failed_pip_is_named(root: Path, words: str, sentence: str, capfd):
    (root / "words").write_text(words)
    python = packages.python(root / ".venv")
    python.unlink()
    python.write_text(f"#!/bin/sh\ncase \"$*\" in *config*) exit;; esac\ncat '{root / 'words'}' >&2\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(packages.PipFailed, match=sentence):
        packages.pip(root / ".venv", "torch")
    assert words in capfd.readouterr().err


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
    assert packages.reachable(index + "/whl/torch/", 30)
    assert not packages.reachable(index + "/refused/", 30)


def test_a_server_that_stalls_is_not_waited_for():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not packages.reachable(f"http://127.0.0.1:{silent.getsockname()[1]}", 0.2)


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
        assert not packages.reachable(f"http://127.0.0.1:{listener.getsockname()[1]}", 0.5)
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    ("system", "gpu", "answers", "expected"),
    [
        ("linux", None, True, ["--extra-index-url", packages.CPU_INDEX]),
        ("linux", None, False, []),
        ("linux", "/usr/bin/nvidia-smi", True, []),
        ("darwin", None, True, []),
        ("win32", None, True, []),
    ],
)
def test_the_cpu_build_is_asked_for_where_it_matters(monkeypatch, system, gpu, answers, expected):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(shutil, "which", lambda name: gpu)
    monkeypatch.setattr(packages, "reachable", lambda url: answers)
    assert packages.cpu_options() == expected
