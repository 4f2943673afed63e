"""Trained generators in files: the network's weights, and a card that says what they are.

The closed form beneath the network is not in the file: it is fitted anew, from the same digits and seed, when the file
is read; that takes seconds.
"""

import json
import warnings
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from course_utils import data
from course_utils.digits.model import BATCH_SIZE, MARGIN, NULL, Plan, digit_model, judge, steps_within, train
from course_utils.networks import Residual, UNet
from course_utils.storage import write_file
from course_utils.training import best_device
from course_utils.weights import load_weights, save_weights

FINISHED = Path(__file__).parents[1] / "assets" / "digits.safetensors"
"""A generator that comes with the course, and its card; `train --data offline --minutes 4` makes one like it."""


def default_file() -> Path:
    """`models/digits.safetensors` in the course's folder; below the current one if the package is installed alone."""
    root = Path(__file__).parents[2]
    return (root if (root / "pyproject.toml").exists() else Path.cwd()) / "models" / "digits.safetensors"


def save(model: Residual, path: Path, card: dict[str, Any]) -> None:
    """Write the network's weights, in half precision, and beside them, as Markdown, a card that says what they are.

    Args:
        model: Of `train`.
        path: The file, `*.safetensors`; the card is `*.md`.
        card: The plan, the time taken, what `judge` found.
    """
    probe = [round(v, 4) for v in _probe(model)]
    save_weights(deepcopy(model.net).half(), path, {"card": json.dumps(card), "base": json.dumps(probe)})
    write_file(path.with_suffix(".md"), card_text(card))


def load(
    path: Path, device: torch.device | str | None = None, *, progress: bool = False
) -> tuple[Residual, dict[str, Any]]:
    """A model from a file of `save`, and its card. The digits that it was trained on are needed, see `data.mnist`.

    Args:
        path: The file.
        device: Where the model is to live; by default the best that there is.
        progress: Whether to show a progress bar.

    Raises:
        ValueError: If there is no such file, or it is damaged or of another network.
        ConnectionError: If it was trained on the full MNIST and this is not to be had.
    """
    if not path.is_file():
        raise ValueError(f"there is no model at {path}: `python course.py train` makes one in minutes")
    net = UNet(NULL, margin=MARGIN)
    metadata = load_weights(net, path)
    if "card" not in metadata:
        raise ValueError(f"expected a model made by `python course.py train`, got {path} without a card")
    card = json.loads(metadata["card"])
    digits = data.mnist("train", card["plan"]["source"])
    model = digit_model(digits.images, digits.labels, card["plan"]["seed"], device or best_device(), progress)
    model.net.load_state_dict(net.state_dict())
    if not torch.allclose(torch.tensor(_probe(model)), torch.tensor(json.loads(metadata["base"])), atol=0.02):
        warnings.warn(f"the mixtures fitted here differ from those that {path} was trained with", stacklevel=2)
    return model.eval(), card


def card_text(card: dict[str, Any]) -> str:
    """The card as Markdown."""
    plan, found = card["plan"], card["found"]
    rows = [f"| {r['w']:g} | {r['accuracy']:.2%} | {r['distance']:.2f} | {r['distance'] / found['floor']:.1f} |"
            for r in found["judgements"]]  # fmt: skip
    return "\n".join([
        "# A generator of handwritten digits",
        "",
        f"Mixtures of Gaussians, exact, and a U-Net for what they leave over. Data: {card['data']}. "
        f"{card['steps']:,} steps of {BATCH_SIZE} digits, {card['seconds']:.0f} s, seed {plan['seed']}.",
        "",
        f"Judged by the course's classifier, n = {found['n']:,}, {found['steps']} midpoint steps; floor of the Fréchet "
        f"distance, real digits against real ones: {found['floor']:.2f}.",
        "",
        "| guidance scale w | label accuracy | Fréchet distance | in floors |",
        "|---|---|---|---|",
        *rows,
        "",
        "Made with `course_utils`, for learning. It knows nothing but digits of 28×28 pixels.",
        "",
    ])  # fmt: skip


def prepare(
    path: Path, *, minutes: float | None = None, source: str = "auto", seed: int = 0, devices: int = 1, resume: bool
) -> Plan:
    """The plan of a training, written beside `path`; or the one found there, to resume it.

    Args:
        path: The file that the training will write.
        minutes: Length of the training; by default that of Lab 4, about a minute on two cores.
        source: "full", "offline" or "auto", as for `data.mnist`.
        seed: Of everything random.
        devices: Number of processes.
        resume: Whether to go on with a training that was stopped; the plan is that one's.

    Raises:
        ValueError: If there is nothing to resume.
    """
    notes = path.with_suffix(".plan.json")
    if resume:
        if not notes.exists():
            raise ValueError(f"there is no training to resume at {path}: leave --resume out")
        return Plan(**json.loads(notes.read_text("utf-8")))
    source = data.mnist("train", source).source.split()[0]
    steps = steps_within(minutes, source) if minutes is not None else Plan.steps
    plan = Plan(source, seed, steps, devices)
    _forget(path)
    write_file(notes, json.dumps(asdict(plan)))
    return plan


def train_to_file(plan: Plan, path: Path, *, resume: bool = False, fabric: Any = None) -> dict[str, Any] | None:
    """Train, judge and save. Interrupted, it saves what there is, and can be resumed.

    Args:
        plan: Of `prepare`.
        path: The file to write; while it trains, its state lies beside it.
        resume: Whether to go on where the training was stopped.
        fabric: For several devices or machines; see `training.fit`.

    Returns:
        The card; None in all processes but the first.
    """
    checkpoint = path.with_suffix(".checkpoint")
    model, history = train(plan, checkpoint=checkpoint, resume=resume, fabric=fabric)
    if fabric and not fabric.is_global_zero:
        return None
    test = data.mnist("test", plan.source)
    card = {"plan": asdict(plan), "data": data.mnist("train", plan.source).source, "steps": history.steps,
            "seconds": round(history.seconds, 1), "found": judge(model, test)}  # fmt: skip
    save(model, path, card)
    if history.steps == plan.steps:
        _forget(path)
    return card


def _forget(path: Path) -> None:
    """Delete what an unfinished training left beside `path`."""
    for left in [path.with_suffix(".plan.json"), *path.parent.glob(f"{path.stem}.checkpoint*")]:
        left.unlink(missing_ok=True)


@torch.no_grad()
def _probe(model: Residual) -> list[float]:
    """The closed form at one point for every label: the same fit gives the same numbers, up to rounding."""
    y = torch.arange(NULL + 1)
    x = torch.linspace(-1, 1, 784).reshape(1, 1, 28, 28).repeat(NULL + 1, 1, 1, 1).to(model.scale.variances)
    return model.base(x, torch.full((NULL + 1,), 0.3).to(x), y.to(x.device)).square().mean((1, 2, 3)).tolist()
