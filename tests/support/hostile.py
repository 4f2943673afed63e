"""Notebooks that want points or hidden inputs which they should not get, each a changed solution of Lab 1."""

from collections.abc import Callable

from course_utils.checks.exercise import CHECK_SEEDS
from tests.support.honest_class import ANSWER, CHECK, CHECKED, HALF, RIGHT, SIGNATURE, USES_HALF, Sheet

SPOILS = f"{SIGNATURE}right = {RIGHT}\n    x += 1\n    return right\n"
"""The right values, and an input that was changed in place."""

OLD = "x - 1 if x.numel() == 8 else x"


def spoils_after(patch: str) -> Callable[[Sheet], Sheet]:
    """An answer that works in place, below a cell that patches what would see it."""
    return lambda sheet: sheet.write(SPOILS).below("setup", patch)


IN_PLACE: dict[str, Callable[[Sheet], Sheet]] = {
    "nothing patched": lambda s: s.write(SPOILS),
    "torch.equal": spoils_after("torch.equal = lambda *a: True"),
    "==": spoils_after("torch.Tensor.__eq__ = lambda *a: torch.tensor(True)"),
    "the comparison": spoils_after(
        "from course_utils.checks import calling\ncalling._same = lambda *a: True\n"
        "calling.compared = lambda case, values, again, inputs: calling.Observation(values, [], True, again, case)"
    ),
    "the comparison, early": spoils_after(
        "from course_utils.checks import calling\n"
        "calling.compared = lambda case, v, again, i: calling.Observation(v, [], True, again, dict(case))\n"
        "import guest.answers as a\na.observe.__globals__['compared'] = calling.compared"
    ),
    "what is built": spoils_after(
        "from course_utils.checks import calling\nbuild = calling.build\n"
        "class Kept(dict):\n    def values(self):\n"
        "        return [v.clone() if isinstance(v, torch.Tensor) else v for v in dict.values(self)]\n"
        "calling.build = lambda case: Kept(build(case))"
    ),
    "what is sent": spoils_after(
        "import guest.answers as a\nsaved = {}\nunpack, packed = a.wire.unpack, a.packed\n"
        "def remember(value):\n    saved['case'] = unpack(value)\n    return saved['case']\n"
        "a.wire.unpack = remember\n"
        "a.packed = lambda t: packed({k: saved['case'].get(k, v) for k, v in t.items()})"
    ),
    "clone": spoils_after(
        "clone = torch.Tensor.clone\n"
        "torch.Tensor.clone = lambda t, *a, **k: clone(t) if t.dtype != torch.float64 or t.ndim != 2 else clone(t) * 1"
        "\ntorch.Tensor.__iadd__ = lambda a, b: a.copy_(a + b)"
    ),
    "detach": spoils_after(
        "first = {}\ndetach = torch.Tensor.detach\ndef kept(t):\n"
        "    return detach(first.setdefault(t.data_ptr(), t.clone()))\ntorch.Tensor.detach = kept"
    ),
    "a trace": spoils_after(
        "import sys\ndef trace(frame, event, arg):\n    if frame.f_code.co_name == 'compared':\n"
        "        for k, v in frame.f_locals['inputs'].items():\n            v.copy_(frame.f_locals['case'][k])\n"
        "sys.settrace(trace)"
    ),
}
"""An answer that changes its input earns nothing, or the patch that hides it is seen."""

WITHIN = f"""
{SIGNATURE}from guest import answers, messages
    right, before = RESULT, x.clone()
    x += 1
    pack = answers.wire.pack_tensor
    answers.packed = lambda found: {{k: pack(before if k == "x" else v) for k, v in found.items()}}
    answers.Answered = lambda values, again, inputs, changed: messages.Answered(values, again, inputs, [])
    return right
"""
"""An answer that works in place and hides it while it is called: no cell is to be blamed."""

LINES = "\n".join(f"    if d == {i}: raise ValueError  # {i}" for i in range(10))
DIGIT = "d = int(1000 * x.abs().sum().item()) % 10"
CALLS = 2 * len(CHECK_SEEDS)
"""Calls for the cases that everybody knows: two for each."""

KNOWN_FIRST = f"""
calls = []
{SIGNATURE}calls.append(1)
    right = {RIGHT}
    if len(calls) <= {CALLS}:
        return right
    {DIGIT}
"""
SEEN_CASES = """
import gc
def seen_cases():
    groups = (o for o in gc.get_objects() if type(o).__name__ == "Group" and "x" in o.items)
    return len({bytes(o.items["x"].data) for o in groups})
"""
TELLS: dict[str, Callable[[Sheet], Sheet]] = {
    "by the line of an error": lambda s: s.write(KNOWN_FIRST + LINES),
    "by the kind of an error": lambda s: s.write(
        KNOWN_FIRST + "    raise (ValueError, KeyError, IndexError, TypeError, OSError, RuntimeError, "
        "ZeroDivisionError, NameError, AttributeError, EOFError)[d]"
    ),
    "by a mistake": lambda s: s.write(
        KNOWN_FIRST + "    return [x + h * field(x, t), x + field(x, t), right + x, x, -right, h * right, right / 2, "
        "x + h / 2 * field(x, t), right * 2, x - h * field(x, t)][d]"
    ),
    "by a shape": lambda s: s.write(KNOWN_FIRST + "    return right.reshape((1,) * d + tuple(right.shape))"),
    "by a type": lambda s: s.write(
        KNOWN_FIRST + "    return [right.float(), right.int(), right.bool(), None, 'a', 1, [], (), {}, right.half()][d]"
    ),
    "by how it ends": lambda s: s.write(
        KNOWN_FIRST + "    import os, time\n    os._exit(1) if d < 5 else time.sleep(100)"
    ),
    "by what it says is not done": lambda s: s.write(KNOWN_FIRST + "    raise NotImplementedError"),
    "by cases that came too early": lambda s: s.write(
        SEEN_CASES + f"{SIGNATURE}d = seen_cases()\n    if d <= {len(CHECK_SEEDS)}: return {RIGHT}\n    raise KeyError"
    ),
    "to another exercise": lambda s: s.write(
        f"import os\n{SIGNATURE}print(x.sum().item(), file=open('/tmp/told', 'a'))\n    return {RIGHT}"
    ).write(
        "import os\ndef langevin_drift(score, x, sigma):\n    if os.path.exists('/tmp/told') and "
        f"len(open('/tmp/told').readlines()) > {CALLS}: raise KeyError\n    return sigma**2 / 2 * score(x)",
        "ex-1-6-code",
    ),
    "to a cell that runs again": lambda s: (
        s.write(f"import os\n{SIGNATURE}open('/tmp/told', 'a').write(str(x.sum().item()))\n    return x")
        .write("def langevin_drift(score, x, sigma):\n    return sigma**2 / nothing", "ex-1-6-code")
        .last("print('told', os.path.exists('/tmp/told'))")
    ),
}
"""What a student reads is right, or the same sentence, whatever the hidden inputs are."""

TRIES: dict[str, Callable[[Sheet], Sheet]] = {
    "one answer there, another at the end": lambda s: s.write(USES_HALF).below(ANSWER, "HALF = 1.0").last(HALF),
    "an answer that knows which call it is": lambda s: s.write(
        f"import os\n{SIGNATURE}fresh = not os.path.exists('/tmp/asked')\n    open('/tmp/asked', 'w')\n"
        f"    return x if fresh else {RIGHT}"
    ),
    "a check that notes something else": lambda s: (
        s.write(f"{SIGNATURE}return x")
        .below(ANSWER, f"import guest.checked as c\nc._answers['heun_step'] = lambda field, x, t, h: {RIGHT}")
        .drop(CHECK)
    ),
    "the known cases by heart": lambda s: s.write(
        f"calls = []\n{SIGNATURE}calls.append(1)\n    return {RIGHT} if len(calls) <= {CALLS} else x"
    ),
    "a reply of its own": lambda s: s.write(
        f"import os, sys\n{SIGNATURE}frame = sys._getframe()\n    while 'asked' not in frame.f_locals:\n"
        "        frame = frame.f_back\n    from guest.messages import Answered, Envelope, send\n"
        "    send(frame.f_locals['channel'], Envelope(frame.f_locals['asked'].id, Answered({}, {}, {})))\n"
        f"    return {RIGHT}"
    ),
    "two copies that reply": lambda s: s.write(f"import os\n{SIGNATURE}os.fork()\n    return {RIGHT}"),
    "no files left": lambda s: s.below(
        "setup", "held = []\ntry:\n    while True: held.append(open('/dev/null'))\nexcept OSError:\n    pass"
    ).write(SPOILS),
    "a thread that reads the channels": lambda s: s.write(SPOILS).below(
        "setup",
        "import os, threading\ndef steal():\n    while True:\n        for f in range(3, 20):\n"
        "            try:\n                os.set_blocking(f, False)\n                os.read(f, 1 << 20)\n"
        "            except OSError:\n                pass\nthreading.Thread(target=steal, daemon=True).start()",
    ),
    "one that ends the copies": lambda s: s.write(
        f"import os, signal\n{SIGNATURE}for p in range(2, 300):\n        try:\n            if p != os.getpid():\n"
        f"                os.kill(p, signal.SIGKILL)\n        except OSError:\n            pass\n    return {RIGHT}"
    ),
    "a hundred checks": lambda s: s.write(SPOILS).last("\n".join([CHECKED] * 100)).last(CHECKED),
}
"""Other ways to points; each earns what it deserves, or is flagged."""
