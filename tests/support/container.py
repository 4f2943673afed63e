"""A container as Gradescope's is documented: their folders, root with the rights that Docker leaves it, no namespaces.

It is made of mounts of its own, so only root can make it. The network is this machine's: what refuses it is the grader.
"""

import io
import json
import os
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

RIGHTS = (
    "chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw sys_chroot mknod audit_write "
    "setfcap"
).split()
"""What Docker leaves to root."""

DEVICES = {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}
"""Minor numbers of nodes of the container's own: a mode that is changed there is not changed here."""
METADATA = {
    "id": 123456,
    "created_at": "2018-07-01T14:22:32.365935-07:00",
    "assignment": {
        "due_date": "2018-07-31T23:00:00.000000-07:00",
        "id": 25828,
        "title": "Lab 1",
        "total_points": "21.0",
    },
    "submission_method": "upload",
    "users": [{"email": "student@example.com", "id": 1234, "name": "Student User"}],
    "previous_submissions": [],
}
"""As their documentation shows it."""

FORBID = """
import errno, os, sys
import pyseccomp as seccomp
rules = seccomp.SyscallFilter(seccomp.ALLOW)
rules.set_attr(seccomp.Attr.CTL_NNP, False)
for name in "unshare setns mount umount2 pivot_root move_mount fsopen fsmount open_tree keyctl add_key bpf".split():
    rules.add_rule(seccomp.ERRNO(errno.EPERM), name)
rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
for bit in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
    rules.add_rule(seccomp.ERRNO(errno.EPERM), "clone", seccomp.Arg(0, seccomp.MASKED_EQ, bit, bit))
rules.load()
os.execvp(sys.argv[1], sys.argv[1:])
"""
"""Docker's filter, as far as it matters here: no namespaces and no mounts; then the program that is named."""


def lay_out(folder: Path, archive: bytes, submission: Mapping[str, bytes]) -> Path:
    """What Gradescope puts into `/autograder`, in a folder of ours."""
    place = folder / "autograder"
    for name in ("source", "submission", "results"):
        (place / name).mkdir(parents=True)
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        packed.extractall(place / "source")
    program = place / "run_autograder"
    program.write_bytes((place / "source" / "run_autograder").read_bytes())
    program.chmod(0o755)
    (place / "submission_metadata.json").write_text(json.dumps(METADATA))
    for name, content in submission.items():
        path = place / "submission" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return place


def run(place: Path, *command: str, seconds: int = 300) -> subprocess.CompletedProcess:
    """Run a command in the container, in `/autograder`; Gradescope's own by default.

    Args:
        place: Of `lay_out`.
        command: The command.
        seconds: After so many it is killed, with all that it started.
    """
    root = place.parent / "root"
    root.mkdir(exist_ok=True)
    keep = ",".join(f"+{right}" for right in RIGHTS)
    python = "/opt/course/bin/python"
    inside = [python, "-I", "-c", FORBID, "setpriv", f"--bounding-set=-all,{keep}", "--inh-caps=-all"]
    inside += ["env", "-i", "PATH=/usr/bin:/bin", "HOME=/root", "sh", "-c", 'cd /autograder && exec "$@"', "sh"]
    inside += command or ["/autograder/run_autograder"]
    enter = f"cd {shlex.quote(str(root))}"
    script = "\n".join(["set -e", enter, *_mounts(place, enter), f"exec chroot . {shlex.join(inside)}"])
    line = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private", "sh", "-c", script]
    return subprocess.run(line, capture_output=True, text=True, timeout=seconds)


LINKS = ("bin", "sbin", "lib", "lib32", "lib64")
FOLDERS = "autograder proc dev etc opt root tmp usr run var/tmp run/lock sys"


def _mounts(place: Path, enter: str) -> list[str]:
    """Commands that fill the root: the system and Python, to be read alone; the rest is the container's own."""
    base, python = os.path.realpath(sys.base_prefix), os.path.realpath(sys.prefix)
    system = {"/usr": "/usr", base: base, python: "/opt/course"}  # wherever the environment lies, which may be /tmp
    if base.startswith("/usr"):
        del system[base]
    files = [f"/etc/{name}" for name in ("ld.so.cache", "passwd", "group")]
    lines = ["mount -t tmpfs -o mode=755 none .", enter, f"mkdir -p {FOLDERS}"]
    lines += [f"cp -P /{name} {name}" for name in LINKS if os.path.islink(f"/{name}")]
    for folder, at in system.items():
        own, inner = shlex.quote(folder), shlex.quote(f".{at}")
        lines += [f"mkdir -p {inner}", f"mount --bind {own} {inner}", f"mount -o remount,bind,ro {inner}"]
    lines += [f"cp -a {file} etc/" for file in files if os.path.exists(file)]
    lines += [f"mknod -m 666 dev/{name} c 1 {minor}" for name, minor in DEVICES.items()]
    lines += ["mkdir dev/shm", "chmod 1777 var/tmp run/lock", "ln -s /proc/self/fd dev/fd", "mount -t proc none proc"]
    lines += [f"mount -t tmpfs -o mode=1777,size={size}m none {name}" for name, size in (("tmp", 300), ("dev/shm", 64))]
    return [*lines, f"mount --bind {shlex.quote(str(place))} autograder"]


def results(place: Path) -> dict:
    """What `results.json` holds."""
    return json.loads((place / "results" / "results.json").read_text("utf-8"))
