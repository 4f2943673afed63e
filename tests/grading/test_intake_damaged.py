"""Damaged and hostile archives: whoever handed one in is named with the reason, the others are taken."""

import io
import os
import random
import resource
import socket
import stat
import struct
import warnings
import zipfile

import pytest

from course_grading.intake import archives
from course_grading.intake.archives import LONGEST_TOLD
from course_grading.intake.checkin import check_in, submissions
from course_grading.notebook import MOST_BYTES
from tests.support.grading_class import LAB

A = b'{"cells": ["a"]}' * 20
B = b'{"cells": ["b"]}' * 20
BO = f"bo/{LAB}.ipynb"
CENTRAL, LOCAL = b"PK\x01\x02", b"PK\x03\x04"
FLAGS, METHOD, CRC, PACKED, SIZE, OFFSET = (8, 6, 2), (10, 8, 2), (16, 14, 4), (20, 18, 4), (24, 22, 4), (42, None, 4)
"""Where a field stands in a member's entry of the list and in the header before its data, and how long it is."""


def packed(members, method=zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of (name or ZipInfo, data)."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive, warnings.catch_warnings(action="ignore"):
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


def with_anna(*members, method=zipfile.ZIP_DEFLATED) -> bytes:
    return packed([("anna/x.ipynb", A), *members], method)


def changed(field, value: int, name: str = BO, raw: bytes | None = None, where: str = "both") -> bytes:
    """A class's zip in which one field of one member is another."""
    data = bytearray(with_anna((name, B)) if raw is None else raw)
    central, local, size = field
    starts = {"list": (data.find(name.encode(), data.find(CENTRAL)) - 46 + central, "header")}
    starts["header"] = (data.find(name.encode()) - 30 + (local or 0), "list")
    for place, (start, other) in starts.items():
        if where != other and (place == "list" or local is not None):
            data[start : start + size] = value.to_bytes(size, "little")
    return bytes(data)


def with_mode(mode: int) -> bytes:
    member = zipfile.ZipInfo(BO)
    member.external_attr = mode << 16
    return with_anna((member, b"/etc/passwd"))


def broken(start: int, new: bytes) -> bytes:
    """A class's zip with other bytes from some place after the member's header on."""
    data = bytearray(with_anna((BO, os.urandom(500))))
    at = data.find(BO.encode()) + len(BO) + start
    data[at : at + len(new)] = new
    return bytes(data)


def renamed(old: str, new: bytes, data: bytes = B) -> bytes:
    """A class's zip with a name that `zipfile` would not write."""
    assert len(old) == len(new)
    return with_anna((old, data)).replace(old.encode(), new)


def handed_in(data: bytes) -> bytes:
    """A class's zip in which one student handed in a zip."""
    return with_anna(("bo/work.zip", data), method=zipfile.ZIP_STORED)


def packed_as(method: int) -> bytes:
    """A class's zip in which one member is packed in another way."""
    file = io.BytesIO(packed([("anna/x.ipynb", A)]))
    with zipfile.ZipFile(file, "a", method) as archive:
        archive.writestr(BO, B)
    return file.getvalue()


def lzma(properties: bytes) -> bytes:
    """LZMA with properties of its own, such as a dictionary of 4 GB."""
    data = bytearray(packed_as(zipfile.ZIP_LZMA))
    at = data.find(BO.encode()) + len(BO) + 4
    data[at : at + len(properties)] = properties
    return bytes(data)


ONE = f"{LAB}.ipynb"
MEMBERS = {  # what is wrong: the class's zip, and what the row says of it
    "encrypted": (lambda: changed(FLAGS, 0x1), "is encrypted"),
    "strongly encrypted": (lambda: changed(FLAGS, 0x40), "damaged"),
    "patched data": (lambda: changed(FLAGS, 0x20), "damaged"),
    "shrunk": (lambda: changed(METHOD, 1), "method 1)"),
    "imploded": (lambda: changed(METHOD, 6), "method 6)"),
    "deflate64": (lambda: changed(METHOD, 9), "method 9)"),
    "bzip2": (lambda: packed_as(zipfile.ZIP_BZIP2), "method 12)"),
    "LZMA": (lambda: packed_as(zipfile.ZIP_LZMA), "method 14)"),
    "LZMA, 4 GB of dictionary": (lambda: lzma(b"\x5d\xff\xff\xff\xff"), "method 14)"),
    "LZMA, damaged": (lambda: lzma(b"\x5d\0\0\1\0" + b"\xff" * 20), "method 14)"),
    "zstd": (lambda: changed(METHOD, 93), "method 93)"),
    "encrypted by AES": (lambda: changed(METHOD, 99), "method 99)"),
    "wrong sum": (lambda: changed(CRC, 7), "damaged"),
    "no deflate": (lambda: broken(0, b"\xff" * 40), "damaged"),
    "zeros": (lambda: broken(0, bytes(200)), "damaged"),
    "one other byte": (lambda: broken(250, b"\0\1\2\3"), "damaged"),
    "smaller than it is": (lambda: changed(SIZE, 5), "damaged"),
    "packed smaller than it is": (lambda: changed(PACKED, 5), "damaged"),
    "behind the end": (lambda: changed(OFFSET, 1 << 30), "damaged"),
    "where another is": (lambda: changed(OFFSET, 0), "damaged"),
    "no header": (lambda: b"PK\0\0\x14".join(with_anna((BO, B)).rsplit(LOCAL + b"\x14", 1)), "damaged"),
    "another name before it": (lambda: with_anna((BO, B)).replace(BO.encode(), BO.upper().encode(), 1), "damaged"),
    "bomb": (lambda: with_anna((BO, bytes(5 * MOST_BYTES))), "more than 20 MB"),
    "upwards": (lambda: with_anna((f"bo/../{ONE}", B)), "leads out of the zip (bo/../"),
    "from the root": (lambda: with_anna((f"/bo/{ONE}", B)), "leads out of the zip (/bo/"),
    "backwards and upwards": (lambda: with_anna((f"..\\bo\\{ONE}", B)), "leads out of the zip (..\\bo"),
    "on a drive": (lambda: with_anna((f"C:\\bo\\{ONE}", B)), "leads out of the zip (C:\\bo"),
    "on a share": (lambda: with_anna((f"//bo/{ONE}", B)), "leads out of the zip (//bo"),
    "link": (lambda: with_mode(stat.S_IFLNK | 0o777), "is a symbolic link"),
    "device": (lambda: with_mode(stat.S_IFBLK), "is a pipe, socket or device"),
    "pipe": (lambda: with_mode(stat.S_IFIFO), "is a pipe, socket or device"),
    "socket": (lambda: with_mode(stat.S_IFSOCK), "is a pipe, socket or device"),
    "a crowd": (lambda: with_anna((BO, B), *[(f"bo/{i}", b"") for i in range(50)]), "bo holds more than 50 files"),
    "a long name": (lambda: with_anna((f"bo/{'x' * 60_000}.txt", B)), f"only {'x' * LONGEST_TOLD}..."),
    "a name of many lines": (lambda: with_anna(("bo/a\nb\x1b[1m.txt", B)), "only a?b?[1m.txt"),
    "a name with a zero": (lambda: renamed("bo/ab.txt", b"bo/a\0.txt"), "no notebook"),
    "many folders": (lambda: with_anna((f"bo/{'a/' * 9000}x.txt", B)), "no notebook, only x.txt"),
    "a folder called so": (lambda: with_anna((f"bo/{ONE}/", b"")), "no notebook"),
    "two notebooks": (lambda: with_anna(("bo/a.ipynb", A), ("bo/b.ipynb", B)), "several notebooks: a.ipynb, b.ipynb"),
    "no zip": (lambda: handed_in(b"no zip"), "work.zip cannot be read as a zip"),
    "a cut zip": (lambda: handed_in(packed([(ONE, B)])[:-30]), "work.zip cannot be read as a zip"),
    "an empty zip": (lambda: handed_in(packed([])), "no notebook"),
    "a zip in a zip": (lambda: handed_in(packed([("in.zip", packed([(ONE, B)]))])), "no notebook, only in.zip"),
    "two zips": (lambda: with_anna(("bo/a.zip", B), ("bo/b.zip", B)), "no notebook, only a.zip, b.zip"),
    "a zip of two": (lambda: handed_in(packed([("a.ipynb", B), ("b.ipynb", B)])), "several notebooks"),
    "a zip with a bomb": (lambda: handed_in(packed([(ONE, bytes(5 * MOST_BYTES))])), "more than 20 MB"),
    "a zip with bzip2": (lambda: handed_in(packed([(ONE, B)], zipfile.ZIP_BZIP2)), "method 12)"),
    "a zip with LZMA": (lambda: handed_in(packed([(ONE, B)], zipfile.ZIP_LZMA)), "method 14)"),
    "a zip with a way out": (lambda: handed_in(packed([(f"../{ONE}", B)])), "leads out of the zip (../"),
    "a crowd in a zip": (lambda: handed_in(packed([(f"{i}", b"") for i in range(51)])), "zip holds more than 50 files"),
    "a zip of the future": (lambda: handed_in(changed((6, 4, 2), 999)), "cannot be read as a zip (zip file version"),
    "a zip with another's name": (lambda: handed_in(changed(FLAGS, 0x800, "é", packed([("é", B)]).replace(
        "é".encode(), b"\xff\xff"))), "work.zip cannot be read as a zip"),
    "a list of 4 GB": (lambda: handed_in(packed([(ONE, B)])[:-10] + struct.pack("<LLH", 1 << 31, 0, 0)), "cannot be"),
    "a zip that is too large": (lambda: handed_in(os.urandom(MOST_BYTES + 1)), "work.zip has more than 20 MB"),
    "an empty file": (lambda: with_anna((BO, b"")), "the file is empty"),
}  # fmt: skip


def rows(folder):
    return {one.student: one for one in submissions(folder, LAB, [LAB])}


@pytest.mark.parametrize("what", MEMBERS)
def test_a_damaged_member_costs_its_owner_alone(tmp_path, monkeypatch, what):
    monkeypatch.setattr(archives, "MOST_FILES", 50)
    make, said = MEMBERS[what]
    (tmp_path / "class.zip").write_bytes(make())
    seen = check_in(tmp_path / "class.zip", tmp_path / "class", LAB, [LAB])
    found = rows(tmp_path / "class")
    assert seen.rows == ("anna", "bo") and list(found) == ["anna", "bo"] and found["anna"].content == A
    assert not found["bo"].content and said in (found["bo"].reason or found["bo"].notebook().reason)
    assert len(found["bo"].reason or "") < 300 and (found["bo"].reason or "").isprintable()
    written = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {"class.zip", "x.ipynb", "intake.json", ONE} - {"x.ipynb"}


GOOD = {
    "larger than it says": lambda: changed(SIZE, 5000, where="list"),
    "packed larger than it is": lambda: changed(PACKED, 5000, where="list"),
    "twice: the last is taken, as when it is unpacked": lambda: with_anna((BO, A), (BO, B)),
    "dots in a name": lambda: with_anna((BO, B), ("bo/notes..txt", A), ("bo/a../..b", A)),
    "a drive's letter in a name": lambda: with_anna((BO, B), ("bo/C: my notes.txt", A)),
    "a file beside all": lambda: with_anna((BO, B), ("C: my notes.txt", A)),
    "stored": lambda: with_anna((BO, B), method=zipfile.ZIP_STORED),
    "in a zip": lambda: handed_in(packed([(f"my work/{ONE}", B), ("my work/data.csv", A), ("__MACOSX/._x.ipynb", A)])),
    "in a zip, with another lab's": lambda: with_anna((f"bo/{LAB}.ZIP", packed([("mine.ipynb", B)]))),
    "a comment": lambda: with_anna((BO, B))[:-2] + b"\x05\0hello",
    "something before": lambda: b"#!/bin/sh\n" + with_anna((BO, B)),
    "a system's files": lambda: with_anna((BO, B), ("__MACOSX/bo/._x.ipynb", A), ("bo/.DS_Store", A), ("Thumbs.db", A),
                                          ("bo/.ipynb_checkpoints/x-checkpoint.ipynb", A), (".git/a", A)),
}  # fmt: skip


@pytest.mark.parametrize("what", GOOD)
def test_what_is_odd_but_whole_is_taken(tmp_path, what):
    (tmp_path / "class.zip").write_bytes(GOOD[what]())
    seen = check_in(tmp_path / "class.zip", tmp_path / "class", LAB, [LAB])
    found = rows(tmp_path / "class")
    assert seen.rows == ("anna", "bo") == tuple(found) and not seen.empty
    assert {name: one.content for name, one in found.items()} == {"anna": A, "bo": B}


SOURCES = {  # what is wrong with the whole: nobody could be told from it
    "no zip": b"hello",
    "empty": b"",
    "cut": with_anna((BO, B))[:200],
    "its end is cut": with_anna((BO, B))[:-5],
    "a version of the future": changed((6, 4, 2), 999),
    "a name in no letters": changed(FLAGS, 0x800, "é", with_anna(("é", B))).replace("é".encode(), b"\xff\xff"),
}


@pytest.mark.parametrize("what", SOURCES)
def test_a_source_of_which_nothing_can_be_read_is_refused_whole(tmp_path, what):
    (tmp_path / "class.zip").write_bytes(SOURCES[what])
    with pytest.raises(ValueError, match="class.zip cannot be read as a zip.*download it again"):
        check_in(tmp_path / "class.zip", tmp_path / "class", LAB, [LAB])
    assert not (tmp_path / "class").exists()


def test_any_byte_may_be_another(tmp_path):
    """In whatever place a zip is damaged: a sentence, or a row for everybody whose name is still there."""
    whole = with_anna((BO, B), ("cy/work.zip", packed([(ONE, A)])), (f"di_4_assignsubmission_file_{ONE}", A))
    rng = random.Random(0)
    taken = 0
    for number in range(150):
        data = bytearray(whole)
        for _ in range(rng.choice([1, 1, 3, 20])):
            data[rng.randrange(len(data))] = rng.randrange(256)
        source = tmp_path / f"{number}.zip"
        source.write_bytes(data[: rng.choice([len(data), len(data), rng.randrange(len(data))])])
        try:
            seen = check_in(source, tmp_path / f"{number}", LAB, [LAB])
        except ValueError as error:
            assert f"{number}.zip" in str(error)
            continue
        assert set(seen.rows) == set(rows(tmp_path / f"{number}"))
        taken += 1
    assert 30 < taken < 145


def test_a_bomb_takes_no_memory(tmp_path):
    """Neither packed by deflate, which is read in pieces, nor by bzip2, of which a piece may be gigabytes."""
    zeros = [packed([(ONE, bytes(10 * MOST_BYTES))], method) for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number, inner in enumerate(zeros):
        (tmp_path / "class.zip").write_bytes(handed_in(inner))
        check_in(tmp_path / "class.zip", tmp_path / f"{number}", LAB, [LAB])
        assert rows(tmp_path / f"{number}")["bo"].content is None
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10


# The same in a folder


def link(place):
    place.parent.mkdir(parents=True)
    place.symlink_to("/etc/passwd")


def folder_link(place):
    place.parent.symlink_to(place.parent.parent / "anna")


def loop(place):
    place.parent.mkdir()
    (place.parent / "again").symlink_to(place.parent)


def pipe(place):
    place.parent.mkdir()
    os.mkfifo(place)


def listening(place):
    place.parent.mkdir()
    here = os.getcwd()
    os.chdir(place.parent)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(place.name)
    os.chdir(here)


def sparse(place):
    place.parent.mkdir()
    with place.open("wb") as file:
        file.truncate(1 << 40)


def crowd(place):
    place.parent.mkdir()
    place.write_bytes(B)
    for i in range(50):
        (place.parent / f"{i}").touch()


def deep(place):
    (place.parent / "/".join("abcdefghijkl")).mkdir(parents=True)
    (place.parent / "/".join("abcdefghijkl") / place.name).write_bytes(B)


def longest(place):
    place.parent.mkdir()
    (place.parent / f"{'x' * 251}.txt").touch()


def no_letters(place):
    place.parent.mkdir()
    with open(os.fsencode(place.parent) + b"/\xff\xfe.txt", "wb"):
        pass


def called_so(place):
    place.mkdir(parents=True)


def bad_zip(place):
    place.parent.mkdir()
    place.with_suffix(".zip").write_bytes(b"PK\x03\x04 no zip")


FOLDERS = {
    link: "is a symbolic link", folder_link: "is a symbolic link", loop: "again is a symbolic link", pipe: "is a pipe",
    listening: "is a pipe, socket", sparse: "more than 20 MB", crowd: "holds more than 50 files", deep: "no notebook",
    longest: f"only {'x' * LONGEST_TOLD}...", no_letters: "only ??.txt", called_so: "no notebook",
    bad_zip: "cannot be read as a zip",
}  # fmt: skip


@pytest.mark.parametrize("make", FOLDERS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("wrapper", ["", "class 7/"])
def test_an_odd_folder_costs_its_owner_alone(tmp_path, monkeypatch, make, wrapper):
    monkeypatch.setattr(archives, "MOST_FILES", 50)
    source = tmp_path / "source"
    (source / wrapper / "anna").mkdir(parents=True)
    (source / wrapper / "anna" / "x.ipynb").write_bytes(A)
    make(source / wrapper / "bo" / ONE)
    check_in(source, tmp_path / "class", LAB, [LAB])
    found = rows(tmp_path / "class")
    assert list(found) == ["anna", "bo"] and found["anna"].content == A
    assert found["bo"].content is None and FOLDERS[make] in found["bo"].reason


def test_a_folder_that_may_not_be_read_costs_its_owner_alone(tmp_path, monkeypatch):
    for name in ("anna", "bo"):
        (tmp_path / "source" / name).mkdir(parents=True)
        (tmp_path / "source" / name / ONE).write_bytes(A)
    listed = type(tmp_path).iterdir

    def iterdir(path):
        if path.name == "bo":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(type(tmp_path), "iterdir", iterdir)
    check_in(tmp_path / "source", tmp_path / "class", LAB, [LAB])
    found = rows(tmp_path / "class")
    assert found["anna"].content == A and "the folder cannot be read (Permission denied)" in found["bo"].reason


@pytest.mark.parametrize("wrapper", ["", "class 7/"])
def test_no_more_of_a_crowd_is_listed_than_shows_that_it_is_one(tmp_path, monkeypatch, wrapper):
    """Of 600 files in 20 folders of one student; of the others, each file."""
    monkeypatch.setattr(archives, "MOST_FILES", 50)
    for name in [f"bo/{i}/{j}" for i in range(20) for j in range(30)] + ["anna/x.ipynb", "cy/x.ipynb"]:
        (tmp_path / wrapper / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / wrapper / name).touch()
    listed = [entry.path.as_posix() for entry in archives.entries(tmp_path)]
    assert sum("bo" in name for name in listed) == 52 and f"{wrapper}cy/x.ipynb" in listed
