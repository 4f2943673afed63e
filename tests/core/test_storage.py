"""A writing that fails leaves what was there; what is private is private from its first moment."""

import os
import stat
from pathlib import Path

import pytest

from course_utils.storage import beside, check_writable, folder_from, replace_file, write_file


def test_a_failed_writing_keeps_the_old_file(tmp_path):
    path = tmp_path / "new" / "words.txt"
    replace_file(path, lambda temporary: temporary.write_text("old"))

    def half(temporary):
        temporary.write_text("ha")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        replace_file(path, half)
    assert path.read_text() == "old" and [p.name for p in path.parent.iterdir()] == ["words.txt"]


def test_text_and_bytes_are_written_as_they_are(tmp_path):
    assert write_file(tmp_path / "a" / "text", "ä\n\ud800").read_bytes() == "ä\n".encode() + b"\\ud800"
    assert write_file(str(tmp_path / "a" / "text"), b"\x00\xff").read_bytes() == b"\x00\xff"
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["text"]


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no such permissions")
def test_nobody_else_can_open_a_private_file_while_it_is_written(tmp_path, monkeypatch):
    seen, chmod = [], type(tmp_path).chmod

    def spy(path, mode):
        seen.append(stat.S_IMODE(path.stat().st_mode))
        chmod(path, mode)

    monkeypatch.setattr(type(tmp_path), "chmod", spy)
    path = write_file(tmp_path / "seed", "1", 0o600)
    assert seen == [0o600] and stat.S_IMODE(path.stat().st_mode) == 0o600


def refuse(*args, **options):
    raise PermissionError(1, "Operation not permitted")


@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_a_share_that_knows_no_permissions_costs_nothing(tmp_path, monkeypatch, mode):
    """A network share may refuse every change of permissions; what is private stays no wider than asked."""
    for module, name in ((os, "chmod"), (Path, "chmod"), (os, "fchmod")):
        monkeypatch.setattr(module, name, refuse, raising=False)
    path = write_file(tmp_path / "a.txt", "words", mode)
    assert path.read_text() == "words" and not stat.S_IMODE(path.stat().st_mode) & ~mode


def test_what_can_be_written_leaves_no_trace_of_the_question(tmp_path):
    (tmp_path / "old").write_text("old")
    for path in (tmp_path / "a", tmp_path / "new" / "deep" / "a", tmp_path / "old", tmp_path / "[a]*.b"):
        check_writable(path)
    check_writable(str(tmp_path / "a"))
    assert [path.name for path in tmp_path.iterdir()] == ["old"] and (tmp_path / "old").read_text() == "old"


def test_what_cannot_be_written_is_refused(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "a", tmp_path / "file" / "deep" / "a", tmp_path / ("a" * 300)):
        with pytest.raises(ValueError, match="expected a file that can be written, got"):
            check_writable(path)
    monkeypatch.setattr("tempfile.NamedTemporaryFile", refuse)
    with pytest.raises(ValueError, match="Operation not permitted"):
        check_writable(tmp_path / "a")


@pytest.mark.parametrize(
    "name, expected",
    [("d.safetensors", "d.md"), ("lr0.1", "lr0.1.md"), ("lr0.1.safetensors", "lr0.1.md"), ("a[1]", "a[1].md"),
     ("safetensors", "safetensors.md"), (".hidden", ".hidden.md"), ("a.md", "a.md.md")],
)  # fmt: skip
def test_a_file_beside_another(name, expected):
    assert beside(Path("folder") / name, ".md") == Path("folder") / expected


def test_a_folder_named_by_a_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for value, expected in (("~/x", tmp_path / "x"), ("~", tmp_path), ("/a/b", Path("/a/b")), ("a~b", Path("a~b"))):
        monkeypatch.setenv("COURSE_TRY", value)
        assert folder_from("COURSE_TRY") == expected
    monkeypatch.setenv("COURSE_TRY", "")
    assert folder_from("COURSE_TRY") is None
    monkeypatch.delenv("COURSE_TRY")
    assert folder_from("COURSE_TRY") is None
