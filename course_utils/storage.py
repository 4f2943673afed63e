"""Files that are whole at any moment: a reader finds the old content or the new, never a part."""

import os
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file beside `path`, then put it there in one move. Folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid4().hex}.part")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_file(path: str | Path, content: str | bytes, mode: int = 0o644) -> Path:
    """Write a file whole, with these permissions from its first moment on; returns its path."""
    path, raw = Path(path), content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content

    def write(temporary: Path) -> None:
        with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(raw)
        temporary.chmod(mode)  # whatever the umask is

    replace_file(path, write)
    return path
