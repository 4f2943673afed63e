"""A writing that fails leaves what was there; what is private is private from its first moment."""

import os
import stat

import pytest

from course_utils.storage import replace_file, write_file


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
