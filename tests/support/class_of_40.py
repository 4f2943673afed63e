"""A class of 40 submissions of Lab 1: honest, wrong in recognised ways, broken and hostile, with what each deserves.

`python -m tests.support.class_of_40 FOLDER` writes it, for `python course.py grade lab1_simulation --from FOLDER`.
"""

import json
import os
import random
import sys
from pathlib import Path

from course_utils import checks
from tests.support.grading_class import notebook, put

EXERCISES = checks.exercises("lab1")
STUBS = {name: f"def {name}(*arguments):\n    raise NotImplementedError" for name in EXERCISES}
FULL = sum(exercise.points for exercise in EXERCISES.values())
SCRIPT = '<script>document.title = "OWNED"</script><img src=x onerror="document.title = \'OWNED\'">'
MARKDOWN = (
    f"{SCRIPT}\n\n[a](javascript:document.title='OWNED') [b](&#106;avascript:alert(1)) ![c](attachment:none.png)"
    f"\n\n`[d](javascript:alert(2))` $$x < y$$\n\n```mermaid\n<img src=x onerror=\"document.title='OWNED'\">\n```"
)


WRONG = {
    "euler": "def euler(field, x0, n):\n    xs = [x0]\n    for i in range(n - 1):\n"
             "        xs.append(xs[-1] + field(xs[-1], torch.tensor(i / n)) / n)\n    return torch.stack(xs)",
    "heun_step": "def heun_step(field, x, t, h):\n    return x + h * field(x, t)",
    "brownian_motion": "def brownian_motion(eps, h):\n"
                       "    return torch.cat([torch.zeros_like(eps[:1]), (h * eps).cumsum(0)])",
    "euler_maruyama_step": "def euler_maruyama_step(sde, x, t, h, dw):\n"
                           "    return h * sde.drift(x, t) + sde.diffusion(x, t) * dw",
    "ornstein_uhlenbeck": "def ornstein_uhlenbeck(x, t, theta, sigma):\n"
                          "    return theta * x, torch.full_like(x, sigma)",
    "langevin_drift": "def langevin_drift(score, x, sigma):\n    return sigma**2 * score(x)",
    "what_is_wrong": "def what_is_wrong():\n    return 3",
}  # fmt: skip

HOSTILE = {  # name: (answers, extra cells); everything else in them is right
    "h01 exits early": ({"heun_step": "import os\nos._exit(0)"}, ()),
    "h02 exits late": ({}, [("code", "import os\nos._exit(3)")]),
    "h03 endless loop": ({"euler": "def euler(field, x0, n):\n    while True:\n        pass"}, ()),
    "h04 always equal": ({
        "euler": "class E:\n    __eq__ = lambda s, o: True\n    shape = dtype = None\n    __array__ = 1\n\n\n"
                 "def euler(field, x0, n):\n    return E()"}, ()),
    "h05 prints 100 MB": ({}, [("code", "for _ in range(100):\n    print('x' * 1_000_000)")]),
    "h06 reads outside": ({}, [("code", "print(open('/etc/shadow').read())")]),
    "h07 network": ({}, [("code", "import socket\nsocket.create_connection(('127.0.0.1', 22), 2)")]),
    "h08 memory": ({"langevin_drift": "def langevin_drift(score, x, sigma):\n    return torch.ones(10**12)"}, ()),
    "h09 forks": ({}, [("code", "import os\nwhile True:\n    os.fork()")]),
    "h10 script in HTML": ({}, [
        ("code", f"from IPython.display import HTML, display\ndisplay(HTML({SCRIPT!r}))\nprint({SCRIPT!r})"),
        ("markdown", MARKDOWN)]),
    "h11 calls the package": ({
        "heun_step": "from course_utils import simulators as s\n\n\ndef heun_step(field, x, t, h):\n"
                     "    return s.heun_step(field, x, t, h)"}, ()),
    "h12 raises": ({"euler": "def euler(field, x0, n):\n    raise ValueError('<b>x</b>')"}, ()),
}  # fmt: skip
DESERVES = {"h01 exits early": FULL - 2, "h03 endless loop": FULL - 2, "h04 always equal": FULL - 2,
            "h08 memory": FULL - 2, "h12 raises": FULL - 2}  # fmt: skip


def class_of_40(folder: Path, seed: int = 0) -> dict[str, float]:
    """Write the class; returns the points for exercises that each student deserves."""
    rng, folder = random.Random(seed), Path(folder)
    deserved = {}
    for number in range(20):
        name = f"a{number:02} {rng.choice(['Ada', 'Bo', 'Cem', 'Dana', 'Émile', 'Fu'])}"
        wrong = rng.sample(sorted(WRONG), rng.choice([0, 0, 1, 1, 2, 3]))
        stubs = [e for e in rng.sample(sorted(STUBS), rng.choice([0, 0, 0, 1])) if e not in wrong]
        put(folder, name, notebook({**{e: WRONG[e] for e in wrong}, **{e: STUBS[e] for e in stubs}}))
        deserved[name] = FULL - sum(EXERCISES[e].points for e in [*wrong, *stubs])
    for name, (answers, extra) in HOSTILE.items():
        words = {"question-sqrt": MARKDOWN} if "script" in name else None
        put(folder, name, notebook(answers, words, extra))
        deserved[name] = DESERVES.get(name, FULL)
    deserved.update(_broken(folder))
    return deserved


def _broken(folder: Path) -> dict[str, float]:
    (folder / "b1 empty").mkdir(parents=True)
    put(folder, "b2 malformed", b'{"cells": [')
    put(folder, "b3 large", b" " * (50 << 20))
    link = put(folder, "b4 link", b"")
    link.unlink()
    link.symlink_to("/etc/passwd")
    pipe = put(folder, "b5 pipe", b"")
    pipe.unlink()
    os.mkfifo(pipe)
    put(folder, "b6 wrong name", notebook(), "Untitled (1).ipynb")
    bare = notebook()
    for cell in bare["cells"]:
        cell["metadata"] = {}
        del cell["id"]
    put(folder, "b7 from Colab", {**bare, "nbformat_minor": 4, "metadata": {"colab": {"name": "x"}}})
    put(folder, "=cmd()!A1", notebook(STUBS, {}))
    return {"b1 empty": 0, "b2 malformed": 0, "b3 large": 0, "b4 link": 0, "b5 pipe": 0, "b6 wrong name": FULL,
            "b7 from Colab": FULL, "=cmd()!A1": 0}  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(class_of_40(Path(sys.argv[1])), indent=1, ensure_ascii=False))
