"""What several gradings of one class write, they write in turn."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

PATIENCE_SECONDS = 2


@contextmanager
def in_turn(file: Path) -> Iterator[None]:
    """Hold the lock of a file, `.<name>.lock` beside it; the system frees it when this process ends, however it ends.

    Who waits for long says so.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(file.with_name(f".{file.name}.lock"))
    try:
        lock.acquire(timeout=PATIENCE_SECONDS)
    except Timeout:
        print(f"waiting: another program is writing {file}", file=sys.stderr, flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
