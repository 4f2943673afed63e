"""What several gradings of one class write, they write in turn."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from course_grading.rights import rights_of_file

PATIENCE_SECONDS = 2


@contextmanager
def in_turn(file: Path) -> Iterator[None]:
    """Hold the lock of a file, `.<name>.lock` beside it; the system frees it when this process ends, however it ends.

    Who waits for long says so.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    rights = rights_of_file(file.parent, file.parent)
    lock = FileLock(file.with_name(f".{file.name}.lock"), mode=rights)
    try:
        lock.acquire(timeout=PATIENCE_SECONDS)
    except Timeout:
        print(f"waiting: another program is writing {file}", file=sys.stderr, flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
