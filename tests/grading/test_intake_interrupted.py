"""A check-in that a kill or a full disk ended: it is known, and done again; in the end nothing tells of it."""

import errno
import os
import shutil
import subprocess
import sys

import pytest

from course_grading.intake.checkin import check_in, sources, submissions
from tests.grading.test_intake import zipped
from tests.support.grading_class import LAB, ROOT

CLASS = {f"s{i:02}_{i}_assignsubmission_file_/{LAB}.ipynb": b'{"cells": [%d]}' % i for i in range(5)}
CLASS |= {"s05_5_assignsubmission_onlinetext_/a.html": b"words", "s06_6_assignsubmission_file_/x.ipynb": b"{}"}
MOVES = len(CLASS) + 1
"""Files that are put in their places: what has begun, a notebook for each but one, and what was seen."""


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return zipped(tmp_path_factory.mktemp("in") / "class.zip", CLASS)


@pytest.fixture(scope="module")
def whole(source, tmp_path_factory):
    """What an undisturbed check-in leaves."""
    folder = tmp_path_factory.mktemp("whole")
    check_in(source, folder, LAB)
    return everything(folder)


def again(source, folder):
    """What the next run does, as it is or with the source once more."""
    for place in sources(folder, LAB) or [source]:
        check_in(place, folder, LAB)


def everything(folder):
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    return {name: path.is_file() and path.read_bytes() for name, path in files.items()}


def killed(number: int, source, folder, *, after: bool) -> bool:
    """Check in, in a process that ends just before or after a file is put in its place; whether it got so far."""
    move = os.replace
    seen = iter(range(99))

    def replace(*names):
        last = next(seen) == number
        if last and not after:
            os._exit(9)
        move(*names)
        if last:
            os._exit(9)

    child = os.fork()
    if not child:
        os.replace = replace
        try:
            check_in(source, folder, LAB)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", range(MOVES))
def test_killed_at_any_file(tmp_path, source, whole, number, after):
    assert killed(number, source, tmp_path, after=after)
    begun = sources(tmp_path, LAB)
    assert begun == ([source] if number or after else [])
    again(source, tmp_path)
    assert everything(tmp_path) == whole and sources(tmp_path, LAB) == []


def test_not_killed_there_are_no_more_files(tmp_path, source, whole):
    assert not killed(MOVES, source, tmp_path, after=True)
    assert everything(tmp_path) == whole


@pytest.mark.parametrize("number", range(MOVES))
def test_a_full_disk_at_any_file(tmp_path, monkeypatch, source, whole, number):
    move = os.replace
    seen = iter(range(99))

    def replace(*names):
        if next(seen) >= number:
            raise OSError(errno.ENOSPC, "No space left on device")
        move(*names)

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr(os, "replace", replace)
        check_in(source, tmp_path, LAB)
    again(source, tmp_path)
    assert everything(tmp_path) == whole


def test_what_was_there_before_stays_until_it_is_replaced_whole(tmp_path, source):
    check_in(source, tmp_path, LAB)
    again = {name: data.replace(b"[", b"[7, ") for name, data in CLASS.items()}
    newer = zipped(tmp_path / "newer.zip", again)
    assert killed(3, newer, tmp_path, after=False)
    contents = [one.content for one in submissions(tmp_path, LAB)]
    assert contents[:2] == [b'{"cells": [7, 0]}', b'{"cells": [7, 1]}'] and contents[2] == b'{"cells": [2]}'
    assert sources(tmp_path, LAB) == [newer] == sources(tmp_path, LAB, newer)
    seen = check_in(newer, tmp_path, LAB)
    assert [one.content for one in submissions(tmp_path, LAB)][:5] == [b'{"cells": [7, %d]}' % i for i in range(5)]
    assert seen.replaced == ("s02", "s03", "s04")


def test_where_the_source_is_gone_it_is_asked_for(tmp_path, source):
    moved = shutil.copy(source, tmp_path / "class.zip")
    assert killed(2, moved, tmp_path / "class", after=True)
    os.unlink(moved)
    with pytest.raises(ValueError, match=r"checking in .*class.zip was interrupted, and it is gone: name it.*--from"):
        sources(tmp_path / "class", LAB)
    assert sources(tmp_path / "class", LAB, source) == [source]
    seen = check_in(source, tmp_path / "class", LAB)
    assert list(seen.sentences())[-1] == f"not checked in whole, since that was interrupted: {moved}"
    assert sources(tmp_path / "class", LAB) == [] and check_in(source, tmp_path / "class", LAB).lost is None


def test_another_source_comes_after_the_one_that_was_interrupted(tmp_path, source):
    assert killed(2, source, tmp_path, after=True)
    late = zipped(tmp_path / "late.zip", {f"zoe/{LAB}.ipynb": b"{}"})
    assert sources(tmp_path, LAB, late) == [source, late]
    for place in sources(tmp_path, LAB, late):
        assert check_in(place, tmp_path, LAB).lost is None
    assert len(list(submissions(tmp_path, LAB))) == len(CLASS) + 1


SMALL_DISK = """
import sys
from pathlib import Path
from course_grading.intake.checkin import check_in, sources, submissions
source, disk, lab = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
filler, room = disk / "filler", 4096 * int(sys.argv[4])
free = __import__("shutil").disk_usage(disk).free
filler.write_bytes(bytes(free - room))
try:
    check_in(source, disk / "class", lab)
except OSError as error:
    print(error.strerror)
filler.unlink()
begun = sources(disk / "class", lab)
check_in(*begun or [source], disk / "class", lab)
print(bool(begun), len(list(submissions(disk / "class", lab))), sum(one.content is not None for one in
      submissions(disk / "class", lab)), len(list(disk.rglob(".*"))))
"""


@pytest.mark.parametrize("room", [0, 1, 3, 6])
def test_a_small_disk(tmp_path, source, room):
    """A real one: of 1.2 MB, filled up to some blocks."""
    mounted = 'mount -t tmpfs -o size=1200k none "$1" && shift && exec "$@"'
    line = ["unshare", "--mount", "sh", "-c", mounted, "sh", tmp_path]
    if not shutil.which("unshare") or subprocess.run([*line, "true"], capture_output=True).returncode:
        pytest.skip("needs the right to mount")
    line += [sys.executable, "-c", SMALL_DISK, source, tmp_path, LAB, str(room)]
    said = subprocess.run(line, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert said.stdout == f"No space left on device\n{room > 0} 7 6 0\n" and not said.stderr
