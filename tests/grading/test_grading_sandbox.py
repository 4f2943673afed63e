"""Attacks on the grader: each is contained, and costs nobody the points of what was honestly solved.

Run as root, the attacks are graded twice: as root, and as an ordinary user for whom the environment is made readable.
"""

import ast
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest

from course_grading import judge
from course_grading.model import MB, Limits
from course_grading.sandbox import box, cgroups, host
from course_grading.sandbox.box import SandboxError
from course_grading.sandbox.host import NO_CGROUP, UNSAFE, Sandbox
from course_grading.sandbox.protocol import Broken
from tests.support.attacks import ATTACKS, EARLY, LATE, LIMITS, ROOT, attacked, grade, submission
from tests.support.grading_class import FULL

pytestmark = pytest.mark.slow

AS_ROOT = os.geteuid() == 0
ORDINARY = 54321
ENDED, LATE_END, DISTURBED = "ended the process that it ran in", "did not end in time", "disturbed the grader"
FLAGS = {
    "memory at once": ENDED, "memory by steps": f"{ENDED}|{LATE_END}", "leaves": ENDED, "crash": ENDED, "close": ENDED,
    "fork bomb": f"{ENDED}|{LATE_END}", "stubborn loop": LATE_END, "endless print": LATE_END,
    "forge": DISTURBED, "patch json": DISTURBED, "patch": "tampered", "transform": "tampered",
}  # fmt: skip
"""What the instructor reads of an attack, as a pattern; of the others, nothing needs to be said."""

TWICE = ("leaves", "kill", "crash", "forge", "patch", "patch json", "transform", "threads", "close", "fork")
"""Attacks that are made once more after the last exercise, when its functions wait to be asked."""


def as_ordinary_user(names: list[str]) -> dict:
    """Grade attacks as an ordinary user, in mounts of their own, where what only root could enter is open."""
    needed = sorted({Path(place) for place in (sys.base_prefix, sys.prefix, ROOT)})
    closed = [p for place in needed for p in place.parents if p.stat().st_mode & 1 == 0]
    lines = ["set -e", "cd /"]
    if closed:  # in practice /root alone
        kept = [shlex.quote(str(p)) for p in needed if p.is_relative_to(closed[0])]
        lines += [f"mkdir $0/{i}; mount --bind {path} $0/{i}" for i, path in enumerate(kept)]
        lines.append(f"mount -t tmpfs -o mode=755 none {shlex.quote(str(closed[0]))}")
        lines += [f"mkdir -p {path}; mount --move $0/{i} {path}" for i, path in enumerate(kept)]
    rights = f"--reuid={ORDINARY} --regid={ORDINARY} --clear-groups --bounding-set=-all --inh-caps=-all"
    lines.append(f'exec setpriv {rights} "$@"')
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": "/tmp", "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryDirectory() as folder:
        command = ["unshare", "-m", "--propagation", "private", "sh", "-c", "\n".join(lines), folder]
        command += [sys.executable, "-m", "tests.support.attacks", *names]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module", autouse=True)
def bubblewrap():
    assert shutil.which("bwrap"), "these tests need bubblewrap: apt install bubblewrap"
    yield
    judge.close_sandbox()


@pytest.fixture(scope="module")
def by_ordinary_user() -> dict:
    return as_ordinary_user([*ATTACKS])


def descendants(process: int) -> set[int]:
    children = [int(p) for t in Path(f"/proc/{process}/task").glob("*/children") for p in t.read_text().split()]
    return set(children).union(*map(descendants, children))


@pytest.fixture(scope="module")
def by_us() -> dict[str, str]:
    return {name: attacked(name).printed.get("mine", "") for name in PRINTING}


@pytest.fixture(params=["ours", pytest.param("ordinary", marks=pytest.mark.skipif(not AS_ROOT, reason="not root"))])
def said(request, by_us) -> dict[str, str]:
    """What each attack could print, as this user and as an ordinary one."""
    if request.param == "ours":
        return by_us
    outcomes = request.getfixturevalue("by_ordinary_user")["outcomes"]
    return {name: outcome["printed"].get("mine", "") for name, outcome in outcomes.items()}


PRINTING = ("rights", "sockets", "limits", "memory that no limit counts", "trace", "places to write", "secrets",
            "look around", "full disk", "input", "shell")  # fmt: skip


def assert_flags(flags: list[str], pattern: str | None):
    assert len(flags) == (pattern is not None), flags
    assert all(re.search(pattern, flag) for flag in flags)


@pytest.mark.parametrize(("name", "where"), [(a, EARLY) for a in ATTACKS] + [(a, LATE) for a in TWICE])
def test_an_attack_costs_no_honest_point_and_leaves_nothing(name: str, where: str):
    outcome = attacked(name, where)
    assert [answer.status for answer in outcome.answers] == ["right"] * 7
    assert outcome.points == FULL and outcome.reason is None
    # It ends functions that wait to be asked, its own process among them: which the grader misses first is a race.
    late = {"kill": f"{ENDED}|{DISTURBED}"} if where == LATE else {}
    flags = FLAGS | late
    assert_flags(outcome.flags, flags.get(name))
    assert sum(map(len, outcome.printed.values())) < 8 * LIMITS.output_bytes
    process = judge.warm_sandbox(LIMITS)._process.pid
    assert len(descendants(process)) == 2  # bubblewrap's first process and the warm one


@pytest.mark.skipif(not AS_ROOT, reason="only root can become another user")
@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_contained_for_an_ordinary_user(name: str, by_ordinary_user: dict):
    assert by_ordinary_user["user"] == ORDINARY
    outcome = by_ordinary_user["outcomes"][name]
    assert [answer["status"] for answer in outcome["answers"]] == ["right"] * 7
    assert_flags(outcome["flags"], FLAGS.get(name))


def test_no_rights_no_network_no_memory_beside_the_limits(said):
    assert said["rights"].splitlines() == ["[0, 0, 0, 0, 0]", "1 2 True", *["refused"] * 8]
    assert said["sockets"].splitlines() == [*["1"] * 6, "refused"]
    bounds = [(n, n) for n in (LIMITS.processes, LIMITS.file_bytes, LIMITS.open_files, 0)]
    assert said["limits"].splitlines() == [str(bounds), *["refused"] * 7]
    assert said["memory that no limit counts"].splitlines() == ["refused"] * 2


def test_no_other_process_and_no_variable_can_be_seen(said):
    lines = said["trace"].splitlines()
    assert lines[:3] == ["refused"] * 3 and ast.literal_eval(lines[3]) == ["1"]
    ours = {*box.variables("x"), "PWD", "LD_LIBRARY_PATH", "TORCHINDUCTOR_CACHE_DIR"}
    assert set(ast.literal_eval(lines[4])) <= ours


def test_only_private_folders_can_be_written_and_are_empty(said):
    lists = [ast.literal_eval(part + "]") for part in said["places to write"].strip().split("]")[:3]]
    assert lists[0] == ["/dev/shm", "/tmp"]
    assert set(lists[1]) == {"left-behind"} == set(lists[2])
    assert said["full disk"].splitlines() == ["No space left on device"] * 2


def test_no_solution_oracle_or_secret_of_the_machine_is_there(said):
    seen, *rest = [line for line in said["secrets"].splitlines() if not line.startswith("SEEN")]
    assert "SEEN" not in said["secrets"].replace("SEEN /root", "" if sys.base_prefix.startswith("/root") else "SEEN")
    assert ast.literal_eval(seen) == []
    assert not {"__main__.py", "labs", "solutions", "tests"} & set(ast.literal_eval(rest[0]))
    assert {"checks/__init__.py", "checks/calling.py", "checks/families.py", "checks/observers.py"} <= set(
        ast.literal_eval(rest[1])
    )
    assert rest[2] == "False False False"


def test_no_later_cell_can_be_read(said):
    assert said["look around"].split() == ["False"] * 3


def test_nobody_answers_questions_or_runs_commands(said):
    assert "EOFError" in said["input"]
    assert said["shell"].splitlines() == ["commands are not run by the grader", "False"]


def test_words_that_only_a_later_cell_holds_are_found_once_it_has_run():
    """Else the test above would pass for an attack that looks in the wrong places."""
    later = submission(LATE, ATTACKS["look around"], **{"ex_1_1_code": "word = 'exactly_one_half_of_it'"})
    assert "True" in grade(later).printed["mine"]


def test_the_next_submission_finds_nothing_of_the_last():
    traces = (
        "import os, threading, torch\nfor f in ('/tmp/a', '/dev/shm/a'):\n    open(f, 'w').write('x')\n"
        "torch.left = os.environ['LEFT'] = 'behind'\nimport course_utils\ncourse_utils.left = 'behind'"
    )
    look = (
        "import os, torch, course_utils\n"
        "print([os.path.exists(f) for f in ('/tmp/a', '/dev/shm/a')], hasattr(torch, 'left'), "
        "hasattr(course_utils, 'left'), 'LEFT' in os.environ)\n" + traces
    )
    for _ in range(2):
        assert grade(submission(EARLY, look)).printed["mine"] == "[False, False] False False False\n"


def test_nothing_outside_changes():
    mark = Path(tempfile.gettempdir()) / "course-grader-outside"
    mark.write_text("untouched")
    destroy = (
        "import os, shutil\nfor folder, folders, files in os.walk('/', topdown=False):\n    for name in files:\n"
        "        try:\n            os.remove(os.path.join(folder, name))\n        except OSError:\n            pass"
    )
    before = {path: path.stat().st_mtime_ns for path in (ROOT / "course_utils").rglob("*.py")}
    assert grade(submission(EARLY, destroy)).points == FULL
    assert mark.read_text() == "untouched"
    mark.unlink()
    assert before == {path: path.stat().st_mtime_ns for path in (ROOT / "course_utils").rglob("*.py")}


def test_a_server_of_this_machine_cannot_be_reached():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        reach = f"import socket\nsocket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 2)"
        assert "PermissionError" in grade(submission(EARLY, reach)).printed["mine"]
        with pytest.raises(TimeoutError):
            server.accept()


def test_memory_of_all_processes_together_is_bounded_and_what_the_bound_kills_is_its_own_fault():
    limits = replace(LIMITS, cell_seconds=120, notebook_seconds=400)
    warm = judge.warm_sandbox(limits)
    if warm._group is None:
        assert warm.warnings == (NO_CGROUP,)
        return
    peak = [warm._group.folder / name for name in ("memory.peak", "memory.max_usage_in_bytes")]
    waiting = ATTACKS["memory of many"] + "os.wait()"  # 8 processes of 500 MB, until one of them is killed
    assert grade(submission(EARLY, waiting), limits=limits).final
    measured = [int(path.read_text()) for path in peak if path.exists()]
    assert all(1000 * MB < size <= LIMITS.memory + host.WARM for size in measured) and measured
    assert warm._group.kills() > 0 and warm.killed == 0


def test_a_sandbox_that_is_killed_is_replaced():
    warm = judge.warm_sandbox(LIMITS)
    for process in descendants(warm._process.pid):
        os.kill(process, signal.SIGKILL)
    assert grade(submission()).points == FULL
    assert judge.warm_sandbox(LIMITS) is not warm


def test_a_closed_sandbox_leaves_no_process_no_folder_and_no_group():
    made = Sandbox(LIMITS)
    pids = {made._process.pid} | descendants(made._process.pid)
    assert len(pids) == 3
    made.close()
    for _ in range(100):
        left = [p for p in pids if Path(f"/proc/{p}").exists()]
        if not left:
            break
        time.sleep(0.05)
    assert left == [] and not made._tree.exists()
    assert made._group is None or not made._group.folder.exists()


def test_an_end_of_the_grader_ends_the_sandbox():
    code = (
        "import os\nfrom course_grading.sandbox.host import Sandbox\nfrom course_grading.model import Limits\n"
        "box = Sandbox(Limits())\nprint(box._process.pid, flush=True)\nos.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    process = Path(f"/proc/{int(done.stdout)}")
    for _ in range(200):
        if not process.exists() or "\nState:\tZ" in (process / "status").read_text():
            return
        time.sleep(0.05)
    pytest.fail("the sandbox outlived the grader")


def test_without_bubblewrap_grading_refuses_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(SandboxError, match="bwrap.*not installed.*apt install bubblewrap.*container.*--unsafe"):
        Sandbox(LIMITS)


def test_where_no_namespace_can_be_made_grading_refuses_with_the_cause(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(broken))
    with pytest.raises(SandboxError, match="No permissions to create new namespace.*container"):
        Sandbox(LIMITS)


def test_without_a_control_group_it_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cgroups, "limit_memory", lambda size: None)
    made = Sandbox(LIMITS)
    made.close()
    assert made.warnings == (NO_CGROUP,)


def test_unsafe_works_and_is_said():
    limits = Limits(**{**LIMITS.__dict__, "unsafe": True})
    outcome = grade(submission(EARLY, "import os\nos._exit(0)"), limits=limits)
    assert outcome.points == FULL and outcome.warnings == (UNSAFE,) and "ended the process" in outcome.flags[0]
    assert Limits().unsafe is False
    judge.close_sandbox()


def test_a_copy_of_the_course_in_the_environment_is_covered(monkeypatch: pytest.MonkeyPatch):
    packages = Path(sysconfig.get_path("purelib")).resolve()
    monkeypatch.setattr(sys, "path", [*sys.path, str(packages / "elsewhere")])
    there = packages / "elsewhere" / "course_utils"
    monkeypatch.setattr(Path, "is_dir", lambda path: path == there or os.path.isdir(path))
    command = box.box(Path("/tree"), root=True)
    at = command.index("/packages/purelib/elsewhere/course_utils")
    assert command[at - 1] == "--tmpfs" and at > command.index(str(packages))


def test_python_lies_in_the_box_at_one_place_however_its_path_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / "my python" / "bin").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "my python")
    for written in ("my python", "link", "my python/bin/..", "link/../my python"):
        monkeypatch.setattr(sys, "base_prefix", str(tmp_path / written))
        assert box.environment()["/python"] == tmp_path / "my python"
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        assert box.interpreter() == f"/python/bin/python{version}"
        command = box.box(Path("/tree"), root=True)
        assert command[command.index(str(tmp_path / "my python")) + 1] == "/python"
        assert not any(".." in Path(word).parts for word in command if str(tmp_path) in word)
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    assert "/python" not in box.environment() and box.interpreter() == f"/usr/bin/python{version}"


WHERE = """
import os, subprocess, sys
files = [f"/proc/{who}/{what}" for who in ("1", "self", "thread-self") for what in (
    "mountinfo", "mounts", "mountstats", "cmdline", "environ", "cgroup", "maps", "cpuset", "stat", "status", "sched")]
said = []
for file in [*files, "/proc/mounts", "/proc/cgroups", "/proc/locks", "/proc/net/unix", "/proc/self/net/unix"]:
    try:
        said.append(file + ": " + open(file).read())
    except OSError as error:
        said.append(str(error))
child = "print(open('/proc/self/mountinfo').read(), __import__('sys').argv)"
said.append(subprocess.run([sys.executable, "-c", child], capture_output=True, text=True).stdout)
said += [str(sys.path), str(sys.argv), str(sys.orig_argv), sys.executable, sys.prefix, sys.base_prefix, str(os.environ)]
said += [str(os.uname()), str(__import__("torch")), str(__import__("course_utils")), os.getcwd(), *os.listdir("/")]
for number in range(64):
    try:
        said.append(os.readlink(f"/proc/self/fd/{number}"))
    except OSError:
        pass
for module in list(sys.modules.values()):
    said.append(str(getattr(module, "__file__", "")))
print(chr(10).join(said))
print("mounts", repr(open("/proc/self/mountinfo").read()), repr(open("/proc/mounts").read()))
"""


def test_nothing_in_the_box_tells_the_places_names_and_limits_of_the_grader():
    printed = grade(submission(EARLY, WHERE), limits=replace(LIMITS, output_bytes=10**6, output_total=10**6)).printed
    words = {
        str(path)
        for place in (sys.prefix, sys.base_prefix, ROOT, sys.executable)
        for path in (Path(place), Path(place).resolve())
        if path != Path("/usr")
    }
    words |= {"course-grader", '"memory"', str(LIMITS.memory), str(LIMITS.tmp_bytes), str(Path.home() / "")}
    assert [word for word in words if re.search(rf"{re.escape(word)}\b", printed["mine"])] == []
    assert printed["mine"].endswith("mounts '' ''\n") and "/course/guest/zygote.py" in printed["mine"]
    assert "nodename='sandbox'" in printed["mine"]


SOCKETS_FULL = """
import os, socket
taken = 0
refused = []
def fill(ours):
    global taken
    ours.setblocking(False)
    try:
        while True:
            taken += ours.send(bytes(60_000))
    except OSError:
        pass
larger = (socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 24)
for call in (lambda: socket.socketpair(type=socket.SOCK_DGRAM), lambda: socket.socketpair(type=socket.SOCK_SEQPACKET),
             lambda: socket.socketpair()[0].setsockopt(*larger), os.openpty):
    try:
        call()
        refused.append(False)
    except OSError:
        refused.append(True)
listener = socket.socket(socket.AF_UNIX)
listener.bind("/tmp/listener")
listener.listen(4096)
waiting = 0
while True:
    try:
        ours = socket.socket(socket.AF_UNIX)
        ours.setblocking(False)
        ours.connect("/tmp/listener")
    except OSError:
        break
    fill(ours)
    ours.close()
    waiting += 1
print(refused, waiting)
held = []
try:
    while True:
        held += socket.socketpair()
        fill(held[-1])
        fill(held[-2])
except OSError as error:
    print(error.errno, len(held) <= int(LIMIT), taken < 300_000 * int(LIMIT))
held.clear()
"""


def test_what_sockets_take_of_the_kernels_memory_is_bounded():
    """A process that nobody bounds took 16 GB of a machine."""
    printed = grade(submission(EARLY, SOCKETS_FULL.replace("int(LIMIT)", str(LIMITS.open_files)))).printed["mine"]
    assert printed.splitlines() == ["[True, True, True, True] 1", "24 True True"]


ENDS = {
    "exit": "import os\nos._exit(9)",
    "kill": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\nos._exit(3)",
    "time": "import resource\nwhile True:\n    pass",
}


@pytest.mark.parametrize("how", [*ENDS, "killed"])
def test_only_who_was_killed_from_outside_counts_as_killed(how: str):
    """Process 1 of a namespace cannot get that signal from inside it, and the bound on processor time is its own."""
    sandbox = Sandbox(replace(LIMITS, cpu_seconds=2))
    try:
        session = sandbox.open(0)
        session.run("", 30)
        if how == "killed":
            first = max(descendants(sandbox._process.pid), key=nested)
            os.kill(first, signal.SIGKILL)
        with pytest.raises(Broken):
            session.run(ENDS.get(how, "pass"), 30)
        session.end()
        assert sandbox.killed == (how == "killed")
    finally:
        sandbox.close()


def nested(process: int) -> int:
    """How many namespaces a process is in, one in the other."""
    [line] = [line for line in Path(f"/proc/{process}/status").read_text().splitlines() if line.startswith("NSpid")]
    return len(line.split()) - 1


def test_every_user_number_is_our_own():
    assert host.FIRST_USER + (1 << 22) < 1 << 31  # processes have numbers below 2^22
