"""Where submissions lie: a folder or a zip, as a list of entries; no link is followed and nothing is unpacked."""

import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path, PurePosixPath

from course_grading.notebook import MOST_BYTES, Unreadable

MOST_ENTRIES = 50_000
DEEPEST = 8
NOISE = {"__MACOSX", "Thumbs.db", "desktop.ini"}
LEAVES = re.compile(r"^[/\\]|^[A-Za-z]:|(^|[/\\])\.\.([/\\]|$)")
BROKEN_MEMBER = (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError, ValueError, zlib.error)


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
    """

    path: PurePosixPath
    kind: Kind
    read: Callable[[], bytes] = lambda: b""

    def notebook(self) -> bytes:
        """The bytes of a notebook.

        Raises:
            Unreadable: If it is no regular file, too large, or damaged.
        """
        if self.kind != Kind.FILE:
            raise Unreadable(f"{self.path.name} is a {self.kind}: only a file that is the notebook itself is taken")
        data = self.read()
        if len(data) > MOST_BYTES:
            raise Unreadable(f"{self.path.name} has more than {MOST_BYTES >> 20} MB: clear its outputs")
        return data

    def below(self) -> "Entry":
        """The same as it is seen from the topmost folder that it lies in."""
        return Entry(PurePosixPath(*self.path.parts[1:]), self.kind, self.read)


def entries(source: str | Path) -> list[Entry]:
    """Everything in a folder or a zip.

    Raises:
        ValueError: If there is no such folder or zip, or it is unreadable or too large.
    """
    source = Path(source)
    if source.is_dir():
        found = [entry for entry in _in_folder(source, source, 0) if _matters(entry.path)]
    elif source.is_file():
        found = [entry for entry in _in_zip(source) if _matters(entry.path)]
    else:
        raise ValueError(f"expected a folder or a zip of submissions, found nothing at {source}")
    if not found:
        raise ValueError(f"expected submissions in {source}, which is empty")
    return found


def read_regular(path: str | Path) -> bytes:
    """The first bytes of a regular file; anything else, such as a link or a pipe, is refused without waiting."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        number = os.open(path, flags)
    except OSError as error:
        raise Unreadable(f"{Path(path).name} cannot be read ({error.strerror})") from error
    with os.fdopen(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise Unreadable(f"{Path(path).name} is no regular file")
        return file.read(MOST_BYTES + 1)


def kind_of(mode: int) -> Kind:
    """What a file mode says."""
    kinds = {stat.S_IFREG: Kind.FILE, stat.S_IFDIR: Kind.FOLDER, stat.S_IFLNK: Kind.LINK}
    return kinds.get(stat.S_IFMT(mode), Kind.OTHER)


def _matters(path: PurePosixPath) -> bool:
    return bool(path.parts) and not any(part in NOISE or part.startswith(".") for part in path.parts)


def _in_folder(top: Path, folder: Path, depth: int) -> list[Entry]:
    found = []
    for item in sorted(os.scandir(folder), key=lambda item: item.name):
        kind = kind_of(item.stat(follow_symlinks=False).st_mode)
        path = Path(item.path)
        found.append(Entry(PurePosixPath(path.relative_to(top).as_posix()), kind, partial(read_regular, path)))
        if kind == Kind.FOLDER and depth < DEEPEST:
            found += _in_folder(top, path, depth + 1)
        if len(found) > MOST_ENTRIES:
            raise ValueError(f"expected at most {MOST_ENTRIES:,} files in {top}, found more")
    return found


def _in_zip(path: Path) -> list[Entry]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except BROKEN_MEMBER as error:
        raise ValueError(f"{path} cannot be read as a zip ({error}): download it again") from error
    if len(members) > MOST_ENTRIES:
        raise ValueError(f"expected at most {MOST_ENTRIES:,} files in {path}, found {len(members):,}")
    outside = [member.filename for member in members if LEAVES.search(member.filename)]
    if outside:
        raise ValueError(f"{path} holds a name that leads out of it, {outside[0]!r}: nothing was taken from it")
    return [_member(path, member) for member in members]


def _member(archive: Path, member: zipfile.ZipInfo) -> Entry:
    mode = member.external_attr >> 16
    special = stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR)
    kind = kind_of(mode) if special else Kind.FOLDER if member.is_dir() else Kind.FILE
    name = PurePosixPath(member.filename.replace("\\", "/"))

    def read() -> bytes:
        try:
            with zipfile.ZipFile(archive) as opened, opened.open(member) as file:
                return file.read(MOST_BYTES + 1)
        except BROKEN_MEMBER as error:
            raise Unreadable(f"{name.name} is damaged or encrypted in the zip") from error

    return Entry(name, kind, read)
