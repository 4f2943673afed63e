"""Files that are whole at any moment: a reader finds the old content or the new, never a part."""

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

__all__ = ["beside", "check_writable", "folder_from", "replace_file", "write_file"]


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file beside `path`, then put it there in one move. Folders are made.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     note = Path(folder, "note.txt")
        ...     storage.replace_file(note, lambda part: part.write_text("whole"))
        ...     note.read_text()
        'whole'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid4().hex}.part")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_file(path: str | Path, content: str | bytes, mode: int = 0o644) -> Path:
    """Write a file whole, with these permissions from its first moment on; returns its path.

    Where a file system refuses to change permissions, as some network shares do, the file has those that the umask
    leaves of `mode`: never more.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     storage.write_file(f"{folder}/secret", "42", mode=0o600).read_text()
        '42'
    """
    path = Path(path)
    raw = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content

    def write(temporary: Path) -> None:
        with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(raw)
        with suppress(OSError):
            temporary.chmod(mode)  # whatever the umask is

    replace_file(path, write)
    return path


def check_writable(path: str | Path) -> None:
    """Refuse a file that cannot be written, before the work that it is for. Nothing is left behind.

    Raises:
        ValueError: If `path` is a folder, or its folder cannot be made or written to.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     storage.check_writable(folder)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: expected a file that can be written, got ...: it is a folder
    """
    path = Path(path).absolute()
    try:
        if path.is_dir():
            raise IsADirectoryError("it is a folder")
        nearest = next(parent for parent in path.parents if parent.exists())
        with tempfile.NamedTemporaryFile(dir=nearest):
            pass
    except OSError as error:
        raise ValueError(f"expected a file that can be written, got {path}: {error.strerror or error}") from error


def beside(path: Path, suffix: str, own: str = ".safetensors") -> Path:
    """The file of the same name with another suffix: `digits.safetensors` to `digits.md`, `lr0.1` to `lr0.1.md`.

    Only `own` counts as a suffix that is replaced: in `lr0.1` and `lr0.2` the dot is part of the name.

    Example:
        >>> from pathlib import Path
        >>> storage.beside(Path("lr0.1"), ".md").name, storage.beside(Path("lr0.1.safetensors"), ".md").name
        ('lr0.1.md', 'lr0.1.md')
    """
    return path.with_name(path.name.removesuffix(own) + suffix)


def folder_from(variable: str) -> Path | None:
    """The folder that an environment variable names, `~` being the user's own; None if it is not set.

    Example:
        >>> storage.folder_from("COURSE_NO_SUCH_VARIABLE") is None
        True
    """
    value = os.environ.get(variable)
    return Path(value).expanduser() if value else None
