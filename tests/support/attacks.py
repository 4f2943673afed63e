"""Submissions for the tests of grading: the solution of Lab 1 with cells replaced and added, and attacks on it.

`python -m tests.support.attacks NAME...` grades attacks and prints what came out as JSON, for another user.
"""

import json
import os
import sys
from pathlib import Path

import msgspec

from course_grading.judge import close_sandbox, judge, warm_sandbox
from course_grading.model import MB, Limits, Outcome
from course_grading.notebook import read

ROOT = Path(__file__).parents[2]
LAB = "lab1_simulation"
SEED = 20240607
LIMITS = Limits(cell_seconds=4, notebook_seconds=60, cpu_seconds=20, memory=1024 * MB, tmp_bytes=32 * MB, processes=24)
EARLY, LATE = "setup", "ex-1-7-code"


def notebook_of(lab: str = LAB, folder: str = "solutions") -> dict:
    return json.loads((ROOT / folder / lab / f"{lab}.ipynb").read_text("utf-8"))


def code(source: str, name: str = "mine") -> dict:
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source}
    return cell | {"id": name}


def submission(after: str | None = None, added: str = "", lab: str = LAB, **replaced: str) -> bytes:
    """The solution with one cell added and others replaced: ids are given with _ for -."""
    notebook = notebook_of(lab)
    cells = []
    for cell in notebook["cells"]:
        cells.append(cell | {"source": replaced.get(cell["id"].replace("-", "_"), cell["source"])})
        if cell["id"] == after:
            cells.append(code(added))
    return json.dumps(notebook | {"cells": cells}).encode()


def grade(notebook: bytes, lab: str = LAB, limits: Limits = LIMITS, seed: int = SEED) -> Outcome:
    return judge(read(notebook), student="student", lab=lab, seed=seed, limits=limits)


STUBBORN = """
import time
while True:
    try:
        while True:
            time.sleep(0.01)
    except BaseException as error:
        kept = error
"""

FORK_BOMB = """
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
"""

DAEMON = """
import os, subprocess, time
subprocess.Popen(["sleep", "1000"], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    time.sleep(1000)
"""

MEMORY_BY_STEPS = """
held = []
while True:
    held.append(bytearray(30_000_000))
    held[-1][::4096] = bytes(len(held[-1][::4096]))
"""

MEMORY_OF_MANY = """
import os, time
for _ in range(8):
    if os.fork() == 0:
        held = bytearray(500_000_000)
        held[::4096] = bytes(len(held[::4096]))
        time.sleep(100)
time.sleep(0.5)
"""

SHARED_MEMORY = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
for call in (lambda: libc.memfd_create(b"x", 0), lambda: libc.shmget(0, 1 << 30, 0o1600)):
    print("refused" if call() == -1 and ctypes.get_errno() == 38 else "ALLOWED")
"""

FULL_DISK = """
import os
for folder in ("/tmp", "/dev/shm"):
    try:
        for i in range(1000):
            with open(f"{folder}/full-{i}", "wb") as file:
                file.write(bytes(10_000_000))
        print("ALLOWED")
    except OSError as error:
        print(error.strerror)
"""

WRITABLE = """
import os
found = []
for folder, folders, _ in os.walk("/"):
    folders[:] = [f for f in folders if os.path.join(folder, f) not in ("/proc", "/sys", "/usr")
                  and not folder.endswith(("site-packages", "/purelib"))]
    if os.access(folder, os.W_OK) and not os.path.islink(folder):
        found.append(folder)
        try:
            open(os.path.join(folder, "left-behind"), "w").close()
        except OSError:
            found.pop()
print(sorted(f for f in found if not f.startswith(("/tmp/", "/dev/shm/"))), os.listdir("/tmp"), os.listdir("/dev/shm"))
"""

KILL = """
import os, signal
for number in (signal.SIGTERM, signal.SIGKILL):
    for process in [os.getppid(), -1, *range(2, 500)]:
        try:
            os.kill(process, number)
        except (ProcessLookupError, PermissionError):
            pass
"""

TRACE = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
for process in (os.getppid(), 1, 2):
    print("refused" if libc.ptrace(16, process, 0, 0) == -1 and ctypes.get_errno() == 38 else "ALLOWED")
processes = [name for name in os.listdir("/proc") if name.isdigit()]
print(processes)
try:
    held = b"".join(open(f"/proc/{p}/environ", "rb").read() for p in processes)
except OSError:
    held = b""
print(sorted({pair.split(b"=")[0].decode() for pair in held.split(bytes(1)) if pair} | set(os.environ)))
"""

RIGHTS = """
import ctypes, os, subprocess
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
print([int(status[k], 16) for k in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb")])
print(status["NoNewPrivs"].strip(), status["Seccomp"].strip(), os.getuid() != 0)
libc = ctypes.CDLL(None, use_errno=True)
for call in (lambda: libc.unshare(0x10000000), lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None),
             lambda: libc.setuid(0), lambda: libc.syscall(425, 1, None), lambda: libc.umount2(b"/tmp", 2)):
    print("refused" if call() == -1 else "ALLOWED")
for command in (["unshare", "-U", "true"], ["mount", "-t", "tmpfs", "none", "/mnt"], ["su", "-c", "true"]):
    print("refused" if subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL).returncode else "ALLOWED")
"""

SOCKETS = """
import socket
for family in (socket.AF_INET, socket.AF_INET6, 40, socket.AF_NETLINK, socket.AF_PACKET, 38):
    try:
        socket.socket(family, socket.SOCK_STREAM)
        print("ALLOWED", family)
    except OSError as error:
        print(error.errno)
try:
    socket.create_connection(("1.1.1.1", 53), 1)
    print("ALLOWED")
except OSError as error:
    print("refused")
"""

SECRETS = """
import glob, os
for path in ("/etc/shadow", "/etc/passwd", "/root", "/home", "/var", "/run", "/sys", "/mnt", "/opt", "/srv"):
    if os.path.exists(path) and not (os.path.isdir(path) and len(os.listdir(path)) <= 1):
        print("SEEN", path)
found = []
for folder, folders, files in os.walk("/"):
    skip = folder.endswith(("site-packages", "/purelib"))
    folders[:] = [f for f in folders if not skip and f not in ("proc", "usr", "__pycache__")]
    found += [os.path.join(folder, f) for f in files]
own = [f for f in found if "course_utils/" in f]
print([f for f in found if f.endswith((".ipynb", "gradebook.db")) or "/solutions/" in f or "/.git/" in f])
print(sorted({f.split("course_utils/")[1].split("/")[0] for f in own}))
print(sorted(f.split("course_utils/")[1] for f in own if "/checks/" in f))
text = "".join(open(f, errors="replace").read() for f in own if f.endswith(".py"))
print("Likely cause" in text, "BEGIN SOLUTION" in text, "Mistake(" in text)
"""

LOOK_AROUND = """
import gc, sys
frame, texts = sys._getframe(), [repr(In)]
while frame:
    texts += [repr(v)[:100_000] for v in frame.f_locals.values()]
    frame = frame.f_back
word = "exactly_one_" + "half_of_it"
print(any(word in text for text in texts), any(isinstance(o, str) and word in o for o in gc.get_objects()))
print(any(word in repr(o)[:10_000] for o in gc.get_objects() if isinstance(o, (dict, list, tuple))))
"""

FORGE = """
import os
line = b'{"printed": "", "error": null, "held": true, "values": {}}' + bytes([10])
for file in range(3, 200):
    for data in (line, b"[" * 100_000 + bytes([10]), bytes(1000)):
        try:
            os.write(file, data)
        except OSError:
            pass
"""

PATCH = """
import json, torch
from course_utils.checks import calling
torch.equal = torch.allclose = lambda *a, **k: True
torch.Tensor.__eq__ = lambda *a: True
calling._same = lambda *a: True
calling.observe = lambda fn, case, observer=None: calling.Observation({"result": torch.zeros(3)})
"""

PATCH_JSON = """
import json, msgspec, sys
forged = '{"id": "x", "body": {"values": {}, "changed": [], "repeatable": true}}'
json.dumps = lambda *a, **k: forged
msgspec.json.encode = lambda *a, **k: forged.encode()
"""

TRANSFORM = """
def passed(lines):
    return ["pass" + chr(10)] if any(line.startswith("assert") for line in lines) else lines
get_ipython().input_transformers_post.append(passed)
"""

THREADS = """
import threading, time
def chatter():
    while True:
        print("late words " * 20)
        time.sleep(0.0005)
for _ in range(4):
    threading.Thread(target=chatter, daemon=True).start()
"""

LIMITLESS = """
import resource
print([resource.getrlimit(getattr(resource, "RLIMIT_" + name)) for name in ("NPROC", "FSIZE", "NOFILE", "CORE")])
for name in ("AS", "CPU", "NPROC", "FSIZE", "NOFILE", "CORE"):
    kind = getattr(resource, "RLIMIT_" + name)
    try:
        resource.setrlimit(kind, (resource.RLIM_INFINITY,) * 2)
        print("ALLOWED", name)
    except (ValueError, OSError):
        print("refused")
try:
    open("/proc/self/oom_score_adj", "w").write("-1000")
    print("ALLOWED")
except OSError:
    print("refused")
"""

ATTACKS = {
    "fork bomb": FORK_BOMB,
    "daemon": DAEMON,
    "memory at once": "import torch\nheld = bytearray(10**12)",
    "memory of torch at once": "import torch\nheld = torch.ones(10**11)",
    "memory by steps": MEMORY_BY_STEPS,
    "memory of many": MEMORY_OF_MANY,
    "memory that no limit counts": SHARED_MEMORY,
    "stubborn loop": STUBBORN,
    "endless print": "while True:\n    print('again and again ' * 100)",
    "100 MB print": "print('x' * 100_000_000)\nimport sys\nsys.stderr.write('y' * 50_000_000)",
    "full disk": FULL_DISK,
    "places to write": WRITABLE,
    "leaves": "import os\nos._exit(0)",
    "crash": "import ctypes\nctypes.string_at(0)",
    "kill": KILL,
    "trace": TRACE,
    "rights": RIGHTS,
    "sockets": SOCKETS,
    "secrets": SECRETS,
    "look around": LOOK_AROUND,
    "forge": FORGE,
    "patch": PATCH,
    "patch json": PATCH_JSON,
    "transform": TRANSFORM,
    "threads": THREADS,
    "limits": LIMITLESS,
    "exit": "import sys\nsys.exit(3)",
    "input": "print(input('?'))",
    "shell": "!echo shell-was-here > /tmp/shell\nimport os\nprint(os.path.exists('/tmp/shell'))",
    "fork": "import os\nos.fork()\nos.fork()",
    "close": "import os\nos.closerange(0, 1000)",
    "alarm": "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nsignal.alarm(1)",
    "exception of its own": "class Odd(BaseException):\n    def __str__(self):\n        raise KeyError\nraise Odd",
    "recursion": "def f():\n    return f()\nf()",
}


def attacked(name: str, where: str = EARLY) -> Outcome:
    return grade(submission(where, ATTACKS[name]))


def main(names: list[str]) -> None:
    sandbox = warm_sandbox(LIMITS)
    found = {name: msgspec.to_builtins(attacked(name)) for name in names}
    print(json.dumps({"user": os.getuid(), "warnings": sandbox.warnings, "outcomes": found}))
    close_sandbox()


if __name__ == "__main__":
    main(sys.argv[1:] or list(ATTACKS))
