"""Where submissions lie: a folder or a zip, as a list of entries; no link is followed and nothing is unpacked."""

import io
import os
import re
import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from course_grading.notebook import MOST_BYTES, Unreadable

MOST_FILES = 50_000
"""Files and folders of one student."""

DEEPEST = 8
JUNK = {".ipynb_checkpoints", ".git", ".venv"}
"""Folders that programs make: no student is called so, and no work lies in them."""

FORK = "._"
"""What macOS puts before the name of a file for what it knows about it: no file of the student."""

DRIVE = re.compile(r"^[A-Za-z]:(?=[/\\])")
LEADS_OUT = re.compile(r"^([A-Za-z]:)?[/\\]|(^|[/\\])\.\.([/\\]|$)")
READ = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Methods of packing whose reading takes bounded memory; bzip2 makes gigabytes of a few bytes."""

ENCRYPTED = 0x1
UTF_8 = 0x800
MEMBER = b"PK\x01\x02"
"""What a zip's list of contents has before each name."""

LONGEST_TOLD = 80


class Kind(StrEnum):
    """What an entry is, in words."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "symbolic link"
    OTHER = "pipe, socket or device"


@dataclass(frozen=True)
class Entry:
    """One thing in the source.

    Attributes:
        path: Below the source.
        kind: What it is.
        read: Its first `MOST_BYTES + 1` bytes at most.
        trouble: Why it is not read, as the end of a sentence that begins with its name.
    """

    path: PurePosixPath
    kind: Kind
    read: Callable[[], bytes] = lambda: b""
    trouble: str = ""

    @property
    def is_notebook(self) -> bool:
        """Whether it is called so."""
        return self.kind != Kind.FOLDER and self.path.suffix.lower() == ".ipynb"

    @property
    def why_not(self) -> str:
        """Why it is not read; empty where it may be."""
        odd = self.kind in (Kind.LINK, Kind.OTHER)
        return self.trouble or (f"is a {self.kind}: only a file that is the notebook itself is taken" if odd else "")

    def content(self) -> bytes:
        """Its bytes.

        Raises:
            Unreadable: If it is no regular file, too large, damaged, or in a form that is not read.
        """
        if self.why_not or self.kind != Kind.FILE:
            raise Unreadable(f"{told(self.path.name)} {self.why_not or 'is a folder'}")
        data = self.read()
        if len(data) > MOST_BYTES:
            raise Unreadable(f"{told(self.path.name)} has more than {MOST_BYTES >> 20} MB: clear its outputs")
        return data

    def below(self) -> "Entry":
        """The same as it is seen from the topmost folder that it lies in."""
        return replace(self, path=PurePosixPath(*self.path.parts[1:]))


def entries(source: str | Path) -> list[Entry]:
    """Everything in a folder or a zip but what programs leave there.

    Raises:
        ValueError: If there is no such folder or zip, or it is unreadable or empty.
    """
    source = Path(source)
    if source.is_dir():
        found = list(_in_folder(source, source))
    elif source.is_file():
        found = _downloaded(source)
    else:
        raise ValueError(f"expected a folder or a zip of submissions, found nothing at {source}")
    found = [entry for entry in found if not _is_junk(entry.path)]
    if not found:
        raise ValueError(f"expected submissions in {source}, which is empty")
    return found


def inside(entry: Entry) -> list[Entry]:
    """Everything in a zip that lies in the source.

    Raises:
        Unreadable: If it cannot be read as a zip, or holds too much.
    """
    data = entry.content()
    name = told(entry.path.name)
    if trouble := crowded(data.count(MEMBER)):
        raise Unreadable(f"{name} {trouble}")
    return [found for found in _in_zip(io.BytesIO(data), name) if not _is_junk(found.path)]


def read_regular(path: str | Path) -> bytes:
    """The first bytes of a regular file; anything else, such as a link or a pipe, is refused without waiting."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    name = told(Path(path).name)
    try:
        number = os.open(path, flags)
    except OSError as error:
        raise Unreadable(f"{name} cannot be read ({error.strerror})") from error
    with os.fdopen(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise Unreadable(f"{name} is no regular file")
        return file.read(MOST_BYTES + 1)


def kind_of(mode: int) -> Kind:
    """What a file mode says."""
    kinds = {stat.S_IFREG: Kind.FILE, stat.S_IFDIR: Kind.FOLDER, stat.S_IFLNK: Kind.LINK}
    return kinds.get(stat.S_IFMT(mode), Kind.OTHER)


def crowded(files: int) -> str:
    """Why so many files of one student are not read, as the end of a sentence; empty where they may be."""
    return f"holds more than {MOST_FILES:,} files: only the notebook is to be handed in" if files > MOST_FILES else ""


def told(name: str) -> str:
    """A name that somebody chose, as part of a sentence: one line, not too long."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in name)
    return plain if len(plain) <= LONGEST_TOLD else f"{plain[:LONGEST_TOLD]}..."


def _is_junk(path: PurePosixPath) -> bool:
    return not path.parts or any(part in JUNK or part.startswith(FORK) for part in path.parts)


def _in_folder(source: Path, folder: Path) -> Iterator[Entry]:
    """What lies in a folder: of each person little more than is allowed, so that nobody's crowd costs the others."""
    items = sorted(folder.iterdir())
    folders = [item for item in items if _kind(item) == Kind.FOLDER]
    for item in items:
        deep = len(item.relative_to(source).parts) > DEEPEST
        if folders == [item] and item.name not in JUNK and not deep:  # it may be around all of them
            yield _entry(source, item)
            yield from _in_folder(source, item)
        else:
            yield from islice(_walk(source, item, 0), MOST_FILES + 2)  # itself, and one too many


def _walk(source: Path, item: Path, depth: int) -> Iterator[Entry]:
    """An item, then what it holds."""
    entry = _entry(source, item)
    inner: list[Path] = []
    if entry.kind == Kind.FOLDER and depth < DEEPEST and item.name not in JUNK:
        try:
            inner = sorted(islice(item.iterdir(), MOST_FILES + 1))
        except OSError as error:
            entry = replace(entry, trouble=f"cannot be read ({error.strerror})")
    yield entry
    for one in inner:
        yield from _walk(source, one, depth + 1)


def _entry(source: Path, item: Path) -> Entry:
    return Entry(PurePosixPath(item.relative_to(source).as_posix()), _kind(item), partial(read_regular, item))


def _kind(item: Path) -> Kind:
    return kind_of(item.lstat().st_mode)


def _downloaded(source: Path) -> list[Entry]:
    try:
        return _in_zip(source, str(source))
    except Unreadable as error:
        raise ValueError(f"{error}: download it again") from error


def _in_zip(file: Path | BinaryIO, name: str) -> list[Entry]:
    """The members of a zip; of two with one name the later, which is what unpacking leaves."""
    try:
        archive = zipfile.ZipFile(file)  # stays open as long as there are entries to read
        members = archive.infolist()
    except Exception as error:  # of damaged bytes, anything may come
        raise Unreadable(f"{name} cannot be read as a zip ({error})") from error
    found = {(entry.path, entry.kind): entry for entry in (_member(archive, member) for member in members)}
    return list(found.values())


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Entry:
    mode = member.external_attr >> 16
    special = stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR)
    kind = kind_of(mode) if special else Kind.FOLDER if member.is_dir() else Kind.FILE
    name = _name(member)
    path = PurePosixPath(*[part for part in re.split(r"[/\\]", DRIVE.sub("", name)) if part not in ("", ".", "..")])

    def read() -> bytes:
        try:
            with archive.open(member) as file:
                return file.read(MOST_BYTES + 1)
        except Exception as error:  # of damaged bytes, anything may come
            raise Unreadable(f"{told(path.name)} is damaged in the zip") from error

    return Entry(path, kind, read, _trouble(member, name))


def _name(member: zipfile.ZipInfo) -> str:
    """The name of a member: UTF-8, which many programs write without saying so, else the letters of old zips."""
    if member.flag_bits & UTF_8:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.filename


def _trouble(member: zipfile.ZipInfo, name: str) -> str:
    if LEADS_OUT.search(name):
        return f"has a name that leads out of the zip ({told(name)})"
    if member.flag_bits & ENCRYPTED:
        return "is encrypted"
    if member.compress_type not in READ:
        return f"is packed in a way that is not read (method {member.compress_type}): pack it again, as zip does"
    return ""
