"""Entries of the contest: an honest one, and others that try to win it otherwise, each with why it is refused."""

from typing import NamedTuple

import torch

from course_utils import data, digits
from course_utils.classifier import CLASSIFIER
from course_utils.contest.entries import Entry
from course_utils.weights import read_tensors

NETWORK = digits.FINISHED_PIXELS.read_bytes()

HONEST = """
from pathlib import Path
import torch
from course_utils import contest, digits

model = contest.model(Path(__file__).with_suffix(".safetensors"))

def sample(y, generator):
    return digits.few_steps(model, y, 2, method="midpoint", generator=generator)
"""

START = """
import copy
from pathlib import Path
import torch
from torch import nn
import torch.nn.functional as F
from course_utils import contest, digits

model = contest.model(Path(__file__).with_suffix(".safetensors"))
MIXTURES = contest.mixtures()

def euler(evaluate, y, generator, steps=8):
    x = digits.exact_draw(MIXTURES, y, 0.3, generator)
    for k in range(steps):
        t = torch.tensor(0.3 + 0.7 * k / steps)
        x = x + 0.7 / steps * evaluate(x, t, y, k)
    return x.clamp(-1, 1)
"""
"""Eight evaluations, done in ways that are told as fewer."""

COPIES = """
class Hidden(nn.Module):
    def __init__(self):
        super().__init__()
        self.models = nn.ModuleList(copy.deepcopy(model) for _ in range(8))

    def forward(self, y, generator):
        return euler(lambda x, t, y, k: self.models[k](x, t, y), y, generator)

hidden = Hidden()

def sample(y, generator):
    return hidden(y, generator)
"""

FUNCTIONAL = """
weight = {name: value for name, value in model.net.named_parameters()}["middle.0.conv1.weight"]

def evaluate(x, t, y, k):
    h = F.interpolate(x, (6, 6)).repeat(1, 64, 1, 1)
    for _ in range(16):
        h = F.silu(F.conv2d(h, weight, padding=1))
    return F.interpolate(h.mean(1, keepdim=True), (28, 28)) * 1e-3

def sample(y, generator):
    return euler(evaluate, y, generator)
"""

CLEARED = """
from torch.nn.modules import module

def evaluate(x, t, y, k):
    getattr(module, "_global_forward_" + "hooks").clear()
    getattr(module, "_global_forward_pre_" + "hooks").clear()
    return model(x, t, y)

def sample(y, generator):
    return euler(evaluate, y, generator)
"""

UNSEEN = """
def sample(y, generator):
    off = getattr(torch._C, "_Disable" + "TorchDispatch")
    with off():
        return euler(lambda x, t, y, k: model(x, t, y), y, generator)
"""

THREAD = """
import threading

def sample(y, generator):
    made = []
    def work():
        with torch.no_grad():
            made.append(euler(lambda x, t, y, k: model(x, t, y), y, generator))
    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    return made[0]
"""

NUMPY = """
def sample(y, generator):
    x = torch.randn(len(y), 1, 28, 28, generator=generator)
    return torch.from_numpy(x.numpy() * 0.1)
"""

CACHED = """
from pathlib import Path
import torch
from safetensors.torch import load_file

images = load_file(Path(__file__).with_suffix(".safetensors"))["images"]

def sample(y, generator):
    return images[: len(y)].float() / 127.5 - 1
"""

LIBRARY = """
from pathlib import Path
import torch
from safetensors.torch import load_file

images = load_file(Path(__file__).with_suffix(".safetensors"))["images"].reshape(10, -1, 1, 28, 28)

def sample(y, generator):
    which = torch.randint(images.shape[1], (len(y),), generator=generator)
    return images[y, which].float() / 127.5 - 1
"""

SEED = """
import torch

def sample(y, generator):
    seed = getattr(generator, "initial" + "_seed")()
    return torch.rand(len(y), 1, 28, 28, generator=torch.Generator().manual_seed(seed))
"""

TURNS = """
calls = 0

def sample(y, generator):
    global calls
    calls += 1
    return euler(lambda x, t, y, k: model(x, t, y), y, generator, steps=1 if calls == 2 else 8)
"""

MEMORY = """
import gc
from course_utils import networks

def sample(y, generator):
    found = [one for one in gc.get_objects() if isinstance(one, networks.Classifier)]
    raise ValueError(f"found {len(found)} classifiers")
"""

FILE = """
from course_utils.classifier import digit_classifier
judge = digit_classifier()

def sample(y, generator):
    return torch.zeros(len(y), 1, 28, 28)
"""

DIGITS = """
from course_utils import data
real = data.mnist("train", "offline")

def sample(y, generator):
    return real.images[: len(y)]
"""

SOCKET = """
import socket

def sample(y, generator):
    socket.create_connection(("1.1.1.1", 80), 1)
"""

FORGED = """
import os

def sample(y, generator):
    for file in range(3, 200):
        try:
            os.write(file, b'{"id": "x", "body": {"type": "Entered"}}' + bytes([10]))
        except OSError:
            pass
"""

EXIT = """
import os

def sample(y, generator):
    os._exit(0)
"""

SLOW = """
import torch

def sample(y, generator):
    x = torch.rand(len(y), 1, 28, 28, generator=generator)
    for _ in range(2000):
        x = (x + 0.3).cos().exp() - 1
    return x.clamp(-1, 1)
"""

BLIND = """
import torch
from course_utils import contest, digits

MIXTURES = contest.mixtures()

def sample(y, generator):
    return digits.exact_draw(MIXTURES, torch.full_like(y, 10), 1.0, generator).clamp(-1, 1)
"""


class Cheat(NamedTuple):
    """An entry, and a pattern of why it is refused: when its file is read, if it is, and when it has run."""

    source: str
    judged: str
    read: str = ""
    weights: bytes = b""

    def entry(self, name: str = "cheat") -> Entry:
        return Entry(name, self.source, self.weights)


def saved(**tensors: torch.Tensor) -> bytes:
    from safetensors.torch import save

    return save(tensors)


def stored_digits(n: int) -> torch.Tensor:
    """Real digits as bytes, n of each label, label by label."""
    real = data.mnist("train", "offline")
    chosen = [real.images[real.labels == label][:n] for label in range(10)]
    return ((torch.cat(chosen) + 1) * 127.5).round().to(torch.uint8)


def images(words: str) -> str:
    return f"import torch\n\ndef sample(y, generator):\n    return {words}\n"


NOISE = "torch.rand(len(y), 1, 28, 28, generator=generator)"
CHEATS = {
    "imports the judge": Cheat(FILE, "classifier.safetensors", "may not use the judge"),
    "brings the judge along": Cheat(
        HONEST, "may not use the judge", weights=saved(mine=read_tensors(CLASSIFIER)[0]["body.7.weight"].float())
    ),
    "copies of a module in one call": Cheat(START + COPIES, "at most 4 evaluations and a work of 4.5", "", NETWORK),
    "functional calls": Cheat(START + FUNCTIONAL, "a work of 4.5, got 0.00", "", NETWORK),
    "clears the hooks": Cheat(START + CLEARED, "at most 4 evaluations and a work of 4.5", "", NETWORK),
    "hides from the recorder": Cheat(START + UNSEEN, "neither from the file of weights nor", "", NETWORK),
    "works in a thread": Cheat(START + THREAD, "neither from the file of weights nor", "needs no `threading`", NETWORK),
    "computes outside of torch": Cheat("import torch\n" + NUMPY, "neither from the file of weights nor"),
    "cached images": Cheat(CACHED, "depend on the generator", weights=saved(images=stored_digits(25)[:250])),
    "a library of digits": Cheat(LIBRARY, "distance to training digits.*return under other noise",
                                 weights=saved(images=stored_digits(50))),
    "reads the seed": Cheat(SEED, "all noise to come from the generator", ""),
    "knows which call it is": Cheat(START + TURNS, "each call of `sample` to do the same operations", "", NETWORK),
    "looks for the judge in memory": Cheat(MEMORY, "found 0 classifiers", "needs no `gc`"),
    "reads real digits": Cheat(DIGITS, "mnist_5000.png"),
    "calls home": Cheat(SOCKET, "OSError|PermissionError", "needs no `socket`"),
    "forges the reply": Cheat(FORGED, "disturbed the judge|ended the process", "needs no `os`"),
    "ends the process": Cheat(EXIT, "ended the process", "needs no `os`"),
    "too slow": Cheat(SLOW, "at most 2 CPU-ms an image"),
    "label-blind": Cheat(BLIND, "97% of the labels right"),
    "wrong shape": Cheat(images("torch.rand(len(y), 28, 28)"), r"shape \(250, 1, 28, 28\).*28, 28"),
    "no images": Cheat(images("None"), "expected a tensor .* got NoneType"),
    "not finite": Cheat(images(f"{NOISE} / 0"), "finite numbers"),
    "out of range": Cheat(images(f"3 * {NOISE}"), "from -1 to 1"),
    "one chance for all": Cheat(images("torch.rand(len(y), 1, 28, 28)"), "all noise to come from the generator"),
}  # fmt: skip
"""By what it tries."""
