"""The box in which submissions run: bubblewrap around one warm Python, which forks a process for each of them.

The box sees the system and the Python environment, read-only, and of the course only what students import: no
solutions, oracles, gradebook or other submission, no network, no variables of the environment.
"""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from course_grading import cgroups
from course_grading.channel import Broken, Channel
from course_grading.model import MB, Limits

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent / "course_utils"
INSIDE = ("__init__.py", "confine.py", "inside.py", "syntax.py", "syscalls.py", "wire.py", "zygote.py")
HOME = "/course"
FIRST_USER = 0x70000000
"""User numbers from here on belong to nobody on any system; ours is this plus the number of the process."""

WARM = 1024 * MB
"""Memory of the warm process itself, on top of what a submission may use."""

START_SECONDS = 180
REMEDY = (
    "Grading runs strangers' code in bubblewrap, which needs Linux: install it (`apt install bubblewrap`, "
    "`dnf install bubblewrap`), or grade in a Linux machine or container that may create namespaces. `--unsafe` runs "
    "submissions with all your rights."
)
NO_CGROUP = (
    "No control group could be written here: memory is limited for each process of a submission, not for all of them "
    "together."
)
UNSAFE = "Graded without a sandbox: submissions ran with all rights of the person who graded."


class SandboxError(RuntimeError):
    """The sandbox cannot be had on this machine; the text says why and what to do."""


class Sandbox:
    """One warm process in its box.

    Args:
        limits: What a submission may use; `unsafe` leaves the box out.

    Raises:
        SandboxError: If the box cannot be made.
    """

    def __init__(self, limits: Limits):
        self.limits = limits
        self._tree = Path(tempfile.mkdtemp(prefix="course-grader-"))
        self._group = None if limits.unsafe else cgroups.limit_memory(limits.memory + WARM)
        self._errors = tempfile.TemporaryFile()
        try:
            copy_course(self._tree)
            self._start()
        except BaseException:
            self.close()
            raise

    @property
    def warnings(self) -> tuple[str, ...]:
        """What this sandbox cannot promise."""
        if self.limits.unsafe:
            return (UNSAFE,)
        return () if self._group else (NO_CGROUP,)

    def _start(self) -> None:
        root, course = os.geteuid() == 0, self._tree if self.limits.unsafe else HOME
        settings = {"confined": not self.limits.unsafe, "limits": asdict(self.limits)}
        settings |= {"uid": FIRST_USER + os.getpid() if root else None}
        settings["kept"] = [str(place) for place in environment() if place.is_relative_to("/tmp")]
        command = [sys.executable, "-s", "-B", "-m", "course_grading.zygote", json.dumps(settings)]
        if not self.limits.unsafe:
            command = [*box(self._tree, root), *command]
        if self._group:
            command = ["/bin/sh", "-c", 'echo 0 > "$0" && exec "$@"', str(self._group.join), *command]
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno())], pass_fds=(theirs.fileno(),), env=variables(str(course)), cwd="/",
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._errors,
            )  # fmt: skip
        self._control = Channel(ours)
        try:
            self._control.receive(START_SECONDS)
        except Broken:
            self._process.kill()
            self._process.wait()
            raise SandboxError(f"The sandbox cannot be started here: {self._last_error()}. {REMEDY}") from None
        self._try_out()

    def _try_out(self) -> None:
        try:
            session = self.open(0)
            session.ask({"do": "run", "source": "", "seconds": START_SECONDS}, START_SECONDS)
            session.end()
        except Broken:
            raise SandboxError(f"Nothing runs in the sandbox here: {self._last_error()}. {REMEDY}") from None

    def _last_error(self) -> str:
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - 2000))
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def open(self, exercises: int) -> "Session":
        """Start a process for one submission, with a channel for its cells and one for each exercise.

        Raises:
            Broken: If the warm process is gone.
        """
        pairs = [socket.socketpair() for _ in range(1 + exercises)]
        try:
            self._control.send_channels([theirs for _, theirs in pairs])
        finally:
            for _, theirs in pairs:
                theirs.close()
        return Session(self, [Channel(ours) for ours, _ in pairs])

    def end(self) -> float:
        """Kill the submission with everything that it started: the processor time that it used.

        Raises:
            Broken: If the warm process is gone.
        """
        self._control.send_raw(b"k")
        return float(self._control.receive(30)["cpu_seconds"])

    def close(self) -> None:
        """End the warm process and all others in the box."""
        if hasattr(self, "_control"):
            self._control.close()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._errors.close()
        shutil.rmtree(self._tree, ignore_errors=True)
        for _ in range(50 if self._group else 0):
            self._group.remove()
            if not self._group.folder.exists():
                break
            time.sleep(0.02)


class Session:
    """One submission's process, seen from outside."""

    def __init__(self, sandbox: Sandbox, channels: list[Channel]):
        self._sandbox, self.channels = sandbox, channels

    def ask(self, order: dict, seconds: float) -> dict:
        """Give an order on the channel of the cells.

        Raises:
            Broken: If no reply comes in time, the process may be gone; or if any channel says what was not asked for.
        """
        reply = next(self._replies(0, order, seconds))
        if not all(channel.is_quiet() for channel in self.channels):
            raise Broken("garbled")
        return reply

    def ping(self, channel: int, seconds: float) -> None:
        """See whether a function that is held is still there.

        Raises:
            Broken: If it is not.
        """
        next(self._replies(channel, {}, seconds))

    def ask_cases(self, channel: int, question: dict, seconds: float) -> list[dict]:
        """Ask for a reply to each case of an exercise; the first that holds no values is the last.

        Raises:
            Broken: If they do not come in time.
        """
        found = []
        for reply in self._replies(channel, question, seconds):
            found.append(reply)
            if len(found) == len(question["cases"]) or "values" not in reply:
                break
        return found

    def _replies(self, channel: int, order: dict, seconds: float) -> Iterator[dict]:
        """Replies to an order: each names it by a word that nobody could know before."""
        name, end = secrets.token_hex(8), time.monotonic() + seconds
        self.channels[channel].send({"id": name, **order}, seconds)
        while True:
            reply = self.channels[channel].receive(end - time.monotonic())
            if reply.pop("id", None) != name:
                raise Broken("garbled")
            yield reply

    def end(self) -> float:
        """Kill what is left of it: the processor time that it used."""
        for channel in self.channels:
            channel.close()
        return self._sandbox.end()


def copy_course(folder: Path) -> None:
    """Copy what submissions may see of the package: all but checks, grading, the book and the command line."""
    shutil.copytree(
        PACKAGE, folder / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__", "checks", "__main__.py")
    )
    checks, own = folder / PACKAGE.name / "checks", folder / HERE.name
    for made in (checks, own):
        made.mkdir()
    for name in INSIDE:
        shutil.copy(HERE / name, own / name)
    for name in ("__init__.py", *(path.name for path in PACKAGE.glob("checks/lab*.py"))):
        shutil.copy(HERE / "checks_stub.py", checks / name)
    for name in ("calling.py", "families.py"):
        shutil.copy(PACKAGE / "checks" / name, checks / name)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def variables(course: str) -> dict[str, str]:
    """All variables of the environment that submissions see."""
    threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {
        "PATH": "/usr/bin:/bin", "HOME": "/tmp", "USER": "student", "LANG": "C.UTF-8", "PYTHONPATH": course,
        "PYTHONHASHSEED": "0", "MPLBACKEND": "agg", "MPLCONFIGDIR": "/tmp/matplotlib", "IPYTHONDIR": "/tmp/ipython",
        "COURSE_BUDGET": "small", "CUDA_VISIBLE_DEVICES": "", **dict.fromkeys(threads, "1"),
    }  # fmt: skip


def box(tree: Path, root: bool) -> list[str]:
    """The command that runs another one in the box."""
    program = shutil.which("bwrap")
    if program is None:
        raise SandboxError(f"bubblewrap (bwrap) is not installed. {REMEDY}")
    spaces = ["pid", "ipc", "uts", "net", "cgroup-try"] + ([] if root else ["user"])
    rights = ["SYS_ADMIN", "SETUID", "SETGID", "SETPCAP", "KILL"] if root else ["SYS_ADMIN", "SETPCAP"]
    command = [program, *(f"--unshare-{space}" for space in spaces), "--new-session", "--cap-drop", "ALL"]
    for right in rights:
        command += ["--cap-add", f"CAP_{right}"]
    command += ["--hostname", "sandbox", "--ro-bind", "/usr", "/usr", *_links(), "--perms", "0755", "--dir", "/etc"]
    for file in ("ld.so.cache", "fonts", "localtime", "alternatives"):
        command += ["--ro-bind-try", f"/etc/{file}", f"/etc/{file}"]
    command += ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--size", str(256 * MB), "--tmpfs", "/tmp"]
    command += [*_environment(), "--perms", "0755", "--dir", HOME, "--ro-bind", str(tree), HOME]
    return [*command, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/", "--"]


def _links() -> Iterator[str]:
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        path = Path("/", name)
        if path.is_symlink():
            yield from ("--symlink", os.readlink(path), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))


def environment() -> list[Path]:
    """Folders of the Python of this process, where they are not part of the system."""
    places = dict.fromkeys(Path(p) for p in (sys.base_prefix, sys.prefix))
    return [place for place in places if not place.is_relative_to("/usr")]


def _environment() -> Iterator[str]:
    """Mounts of this process's Python; where the course lies inside it, an empty folder covers the course."""
    places = environment()
    for place in places:
        yield from _folders_above(place)
        yield from ("--ro-bind", str(place), str(place))
    names = ("course_utils", "course_grading")
    hidden = {PACKAGE, HERE, *(Path(p, name) for p in sys.path if p for name in names)}
    for folder in sorted(p for p in hidden if p.is_dir()):
        if any(folder.is_relative_to(place) for place in (*places, Path("/usr"))):
            yield from ("--perms", "0755", "--tmpfs", str(folder), "--remount-ro", str(folder))


def _folders_above(path: Path) -> Iterator[str]:
    """Parents of a mount, which bubblewrap would make for their owner alone."""
    for parent in reversed(path.parents):
        if str(parent) not in ("/", "/tmp", "/usr"):
            yield from ("--perms", "0755", "--dir", str(parent))
