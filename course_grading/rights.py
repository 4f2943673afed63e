"""Who may read what the course writes into a class's folder: its owner, and those to whom the owner opened a folder.

Folders that the course makes are the owner's alone. Whoever is let into one of them may read what is written there from
then on. The class's own folder is often one that everybody may read, as new folders are: there, others get something
only if they may write in it. Where a file system refuses to change rights, as some network shares do, work goes on.
"""

import stat
from contextlib import suppress
from pathlib import Path

from course_utils.storage import write_file

OWNER_OF_FILE = 0o600
OWNER_OF_FOLDER = 0o700
FILE = 0o666


def keep(top: Path, path: Path, content: str | bytes) -> Path:
    """Write a file of a class whole; returns its path.

    Args:
        top: The class's folder.
        path: The file, in it or below.
        content: What it is to hold.
    """
    own_folder(top, path.parent)
    return write_file(path, content, rights_of_file(top, path.parent))


def own_folder(top: Path, folder: Path) -> Path:
    """Make a folder of a class, with those above it, unless it is there; returns it.

    Args:
        top: The class's folder.
        folder: The same, or one below it.
    """
    if folder.is_dir():
        return folder
    if folder == top:
        folder.mkdir(OWNER_OF_FOLDER, parents=True, exist_ok=True)
        return folder
    above = own_folder(top, folder.parent)
    folder.mkdir(OWNER_OF_FOLDER, exist_ok=True)
    with suppress(OSError):
        inherited = stat.S_IMODE(folder.stat().st_mode) & ~0o777  # the group of all that is made in it
        folder.chmod(inherited | OWNER_OF_FOLDER | _others(top, above))
    return folder


def rights_of_file(top: Path, folder: Path) -> int:
    """The rights of a file that is made in a folder of a class."""
    return OWNER_OF_FILE | _others(top, folder) & FILE


def _others(top: Path, folder: Path) -> int:
    """What others than the owner may do with what is made in a folder."""
    mode = folder.stat().st_mode
    if folder != top:
        return mode & 0o077
    if mode & stat.S_ISVTX:  # like /tmp, where everybody writes and nobody shares
        return 0
    group = mode & 0o070 if mode & stat.S_IWGRP else 0
    everybody = mode & 0o007 if mode & stat.S_IWOTH else 0
    return group | everybody
