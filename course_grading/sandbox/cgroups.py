"""A limit on the memory of all processes of a sandbox together, where the kernel lets us set one."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from course_grading.sandbox.owners import abandoned, own_name

MOUNT = Path("/sys/fs/cgroup")
LIMITS = ("memory.max", "memory.swap.max", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes")
"""Files that hold a limit, in the order in which they have to be written: of version 2, of version 1."""

EVENTS = ("memory.events", "memory.oom_control")
"""Files that count what the kernel did at the limit: of version 2, of version 1."""


@dataclass
class Group:
    """A control group of our own below this process's; a process joins it by writing 0 into `join`."""

    folder: Path

    @property
    def join(self) -> Path:
        """The file that lists the processes."""
        return self.folder / "cgroup.procs"

    def kills(self) -> int:
        """How many of its processes the kernel has killed since the group has no memory left."""
        for name in EVENTS:
            with suppress(OSError):
                counts = dict(line.split() for line in (self.folder / name).read_text().splitlines())
                return int(counts.get("oom_kill", 0))
        return 0

    def remove(self) -> None:
        """Remove the group once its processes are gone."""
        try:
            self.folder.rmdir()
        except OSError:
            pass  # a process is still on its way out


def limit_memory(size: int) -> Group | None:
    """A group whose processes get at most `size` bytes together, None where no such group can be made."""
    for parent in _parents():
        for old in abandoned(parent):
            Group(old).remove()
        group = Group(parent / own_name())
        try:
            group.folder.mkdir()
        except OSError:
            continue
        if _write_limits(group.folder, size) and os.access(group.join, os.W_OK):
            return group
        group.remove()
    return None


def _write_limits(folder: Path, size: int) -> bool:
    written = set()
    for name in LIMITS:
        value = 0 if name == "memory.swap.max" else size
        try:
            (folder / name).write_text(str(value))
            written.add(name)
        except OSError:
            continue
    return bool(written & {"memory.max", "memory.limit_in_bytes"})


def _parents() -> list[Path]:
    """Groups in which ours could be made: this process's own, in both versions of control groups."""
    found: list[Path] = []
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return found
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            own = MOUNT / path.strip("/")
            found.append(own)
            if own != MOUNT:
                found.append(own.parent)
        elif "memory" in controllers.split(","):
            found.append(MOUNT / "memory" / path.strip("/"))
    return [folder for folder in found if folder.is_dir()]
