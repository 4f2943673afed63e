"""The box in which submissions run: bubblewrap around one warm Python, which forks a process for each of them.

The box sees the system and the Python environment, read-only, and of the course only what students import: no
solutions, oracles, gradebook or other submission, no network, no variables of the environment.
"""

import functools
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from course_grading.model import MB, Limits
from course_grading.sandbox import box, cgroups, syscalls
from course_grading.sandbox.box import SandboxError
from course_grading.sandbox.guest.messages import Bounds, Control, Ended, Ready, Settings, Walls
from course_grading.sandbox.owners import abandoned, own_name
from course_grading.sandbox.protocol import Broken, Channel, Session
from course_grading.sandbox.remedies import remedy

FIRST_USER = 0x70000000
"""User numbers from here on belong to nobody on any system; ours is this plus the number of the process."""

WARM = 1024 * MB
"""Memory of the warm process itself, on top of what a submission may use."""

START_SECONDS = 180
CLOCKS_APART = 1
"""Seconds by which the kernel's clock for the bound on processor time may differ from the one that it tells."""

JOIN = 'echo 0 > "$0" && exec "$@"'
"""Joins the control group whose list of processes is the first argument, and runs the rest."""

NO_CGROUP = (
    "No control group could be written here: memory is limited for each process of a submission, not for all of them "
    "together."
)
APART_USERS = {0x60000000: 1 << 26, 40_000: 10_000}
"""The same without namespaces: from where on, and how many even ones; some containers have only small numbers."""

APART = (
    "No namespace could be made here: submissions ran as another user, which sees the system's files and processes, "
    "and without a bound on the size of all its files together."
)
UNSAFE = "Graded without a sandbox: submissions ran with all rights of the person who graded."


class Sandbox:
    """One warm process in its box.

    Args:
        limits: What a submission may use; `unsafe` leaves the box out.
        changed: Changes the folder that submissions see of the course, before anything runs.

    Attributes:
        killed: How many processes of submissions were killed from outside so far, for no limit of this sandbox.

    Raises:
        SandboxError: If the box cannot be made.
    """

    def __init__(self, limits: Limits, changed: Callable[[Path], object] | None = None):
        ours, theirs = socket.socketpair()
        self.limits = limits
        self._walls = walls(limits)
        self.killed = 0
        self._group_kills = 0
        self._control = Channel(ours)
        self._process: subprocess.Popen[bytes] | None = None
        self._tree = _new_folder()
        self._group = None if self._walls is Walls.NONE else cgroups.limit_memory(limits.memory + WARM)
        self._errors = tempfile.TemporaryFile()
        try:
            with theirs:
                box.copy_course(self._tree)
                if changed:
                    changed(self._tree)
                self._process = self._start(theirs)
            self._wait_for(self._process)
            self._try_out()
        except BaseException:
            self.close()
            raise

    @property
    def warnings(self) -> tuple[str, ...]:
        """What this sandbox cannot promise."""
        if self._walls is Walls.NONE:
            return (UNSAFE,)
        apart = (APART,) if self._walls is Walls.USER else ()
        return apart if self._group else (*apart, NO_CGROUP)

    def _start(self, theirs: socket.socket) -> subprocess.Popen[bytes]:
        """Start the warm process, with its end of our channel."""
        return subprocess.Popen(
            [*self._command(), str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            env=self._variables(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
        )

    def _wait_for(self, process: subprocess.Popen[bytes]) -> None:
        """Tell the warm process its settings, and wait until it has imported everything."""
        try:
            self._control.send(self._settings(), START_SECONDS)
            self._control.receive(Ready, START_SECONDS)
        except Broken:
            process.kill()
            process.wait()
            raise self._refused("The sandbox cannot be started here") from None

    def _variables(self) -> dict[str, str]:
        """Of the environment; without a box, the warm process reads no settings from where a submission may write."""
        if self._walls is Walls.NAMESPACES:
            return box.variables(*box.import_paths())
        found = box.variables(str(self._tree))
        names = ("MPLCONFIGDIR", "IPYTHONDIR", "TORCHINDUCTOR_CACHE_DIR")
        own = {name: f"{self._tree}/settings" for name in names}
        return found | own if self._walls is Walls.USER else found

    def _command(self) -> list[str]:
        """The warm process, in its box, in its control group."""
        program = [sys.executable]
        if self._walls is Walls.NAMESPACES:
            program = [*box.box(self._tree, root=os.geteuid() == 0), box.interpreter()]
        command = [*program, "-s", "-B", "-m", "guest.zygote"]
        if self._group:
            command = ["/bin/sh", "-c", JOIN, str(self._group.join), *command]
        return command

    def _settings(self) -> Settings:
        return Settings(
            bounds=Bounds(**{name: getattr(self.limits, name) for name in Bounds.__struct_fields__}),
            walls=self._walls,
            uid=user(self._walls),
            calls=b"" if self._walls is Walls.NONE else syscalls.compile_filter(),
        )

    def _try_out(self) -> None:
        """Start a submission that does nothing: a box without the right to confine it is none."""
        try:
            session = self.open(0)
            session.run("", START_SECONDS)
            session.end()
        except Broken:
            raise self._refused("Nothing runs in the sandbox here") from None

    def _refused(self, what: str) -> SandboxError:
        said = self._last_error()
        return SandboxError(f"{what}: {said}. {remedy(said, root=os.geteuid() == 0)}")

    def _last_error(self) -> str:
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - 2000))
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def open(self, functions: int) -> Session:
        """Start a process for one submission, with a channel for its cells and one for each function that it may hold.

        Raises:
            Broken: If the warm process is gone.
        """
        pairs = [socket.socketpair() for _ in range(1 + functions)]
        try:
            self._control.control(Control.START, [theirs for _, theirs in pairs])
        finally:
            for _, theirs in pairs:
                theirs.close()
        cells, *others = [Channel(ours) for ours, _ in pairs]
        return Session(cells, others, self._end)

    def _end(self) -> float:
        """Kill the submission with everything that it started: the processor time that it used.

        Raises:
            Broken: If the warm process is gone.
        """
        self._control.control(Control.END)
        ended = self._control.receive(Ended, 30)
        kills = self._group.kills() if self._group else 0
        own = ended.cpu_seconds > self.limits.cpu_seconds - CLOCKS_APART or kills > self._group_kills
        self.killed += ended.killed and not own
        self._group_kills = kills
        return ended.cpu_seconds

    def close(self) -> None:
        """End the warm process and all others in the box."""
        self._control.close()
        if self._process is not None:
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._errors.close()
        shutil.rmtree(self._tree, ignore_errors=True)
        if self._group:
            _remove(self._group)


def walls(limits: Limits) -> Walls:
    """What is around a submission with these limits."""
    return Walls.NONE if limits.unsafe else Walls.USER if limits.apart else Walls.NAMESPACES


def user(around: Walls) -> int | None:
    """The user that a submission becomes: nobody else has its number or the next; None where there is none to become.

    Raises:
        SandboxError: If another user is needed, and only root could become one.
    """
    root = os.geteuid() == 0
    if around is Walls.USER and not root:
        raise SandboxError("Only root can run a submission as another user.")
    if not root:
        return None
    return FIRST_USER + os.getpid() if around is Walls.NAMESPACES else _user_apart()


@functools.cache
def _user_apart() -> int:
    """Drawn by chance: other containers of this machine have the same bound on the processes of one number."""
    told = [map(int, line.split()) for line in Path("/proc/self/uid_map").read_text().splitlines()]
    end = max(first + count for first, _, count in told)
    first, many = next(pair for pair in APART_USERS.items() if pair[0] + 2 * pair[1] < end or pair[0] < 1 << 16)
    return first + 2 * secrets.randbelow(many)


def _new_folder() -> Path:
    """A folder of our own among the temporary ones, from which those of graders that were killed are removed."""
    place = Path(tempfile.gettempdir())
    for old in abandoned(place):
        shutil.rmtree(old, ignore_errors=True)
    folder = place / own_name()
    folder.mkdir(0o700)
    return folder


def _remove(group: cgroups.Group) -> None:
    """A control group can be removed once the last of its processes is gone."""
    for _ in range(50):
        group.remove()
        if not group.folder.exists():
            return
        time.sleep(0.02)
