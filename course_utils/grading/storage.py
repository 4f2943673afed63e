"""Files that are whole at any moment, whenever the power fails."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


def write(path: str | Path, content: str | bytes, mode: int = 0o644) -> Path:
    """Write a file at once: a reader finds the old content or the new, never a part. Folders are made."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    number, partial = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".partial")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content)
        os.chmod(partial, mode)
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)
        raise
    return path


@contextlib.contextmanager
def alone(path: str | Path) -> Iterator[None]:
    """Hold a lock that the system frees when this process ends, however it ends.

    Raises:
        ValueError: If another process holds it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # Windows, where nothing is graded without --unsafe
            pass
        except OSError as error:
            raise ValueError(f"another grading of this lab is running in {path.parent}: wait for it") from error
        yield
