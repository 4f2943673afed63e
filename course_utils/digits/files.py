"""Trained generators in files: the network's weights, and a card that says what they are.

The closed form beneath the network is not in the file: it is fitted anew, from the same digits and seed, when the file
is read; that takes seconds.
"""

import json
import warnings
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch

from course_utils import data
from course_utils.digits.model import BATCH_SIZE, MARGIN, NULL, digit_model
from course_utils.networks import Residual, UNet
from course_utils.storage import beside, write_file
from course_utils.training import best_device
from course_utils.weights import load_weights, save_weights

__all__ = ["FINISHED", "card_text", "default_file", "load", "model_file", "save"]

FINISHED = Path(__file__).parents[1] / "assets" / "digits.safetensors"
"""A generator that comes with the course, and its card; `train --data offline --minutes 4` makes one like it."""


def default_file() -> Path:
    """`models/digits.safetensors` in the course's folder; below the current one if the package is installed alone.

    Example:
        >>> digits.default_file().name
        'digits.safetensors'
    """
    root = Path(__file__).parents[2]
    return (root if (root / "pyproject.toml").exists() else Path.cwd()) / "models" / "digits.safetensors"


def model_file() -> Path:
    """The model that `train` made, or else the finished one that comes with the course, which a printed line says.

    Example:
        >>> file = digits.model_file()  # doctest: +SKIP
        no model of your own at models/digits.safetensors: this is the finished one of the course
    """
    own = default_file()
    if own.exists():
        return own
    print(f"no model of your own at {own}: this is the finished one of the course (`train` makes your own in minutes)")
    return FINISHED


def save(model: Residual, path: str | Path, card: dict[str, Any]) -> None:
    """Write the network's weights, in half precision, and beside them, as Markdown, a card that says what they are.

    Args:
        model: Of `train`.
        path: The file, `*.safetensors`; the card is `*.md`.
        card: The plan, the time taken, what `judge` found (None: it is not judged yet).

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> model, card = digits.load(digits.FINISHED)
        >>> with TemporaryDirectory() as folder:
        ...     digits.save(model, Path(folder, "mine.safetensors"), card)
    """
    probe = [round(v, 4) for v in _probe(model)]
    save_weights(deepcopy(model.net).half(), path, {"card": json.dumps(card), "base": json.dumps(probe)})
    write_file(beside(Path(path), ".md"), card_text(card))


def load(
    path: str | Path, device: torch.device | str | None = None, *, progress: bool = False
) -> tuple[Residual, dict[str, Any]]:
    """A model from a file of `save`, and its card. The digits that it was trained on are needed, see `data.mnist`.

    Args:
        path: The file.
        device: Where the model is to live; by default the best that there is.
        progress: Whether to show a progress bar.

    Raises:
        ValueError: If there is no such file, or it is damaged or of another network.
        ConnectionError: If it was trained on the full MNIST and this is not to be had.

    Example:
        >>> model, card = digits.load(digits.FINISHED)
        >>> card["plan"]["source"]
        'offline'
    """
    if not Path(path).is_file():
        raise ValueError(f"there is no model at {path}: `python course.py train` makes one in minutes")
    net = UNet(NULL, margin=MARGIN)
    metadata = load_weights(net, path)
    if not {"card", "base"} <= metadata.keys():
        raise ValueError(f"expected a model made by `python course.py train`, got {path} without a card")
    card = json.loads(metadata["card"])
    digits = data.mnist("train", card["plan"]["source"])
    model = digit_model(digits.images, digits.labels, card["plan"]["seed"], device or best_device(), progress)
    model.net.load_state_dict(net.state_dict())
    if not torch.allclose(torch.tensor(_probe(model)), torch.tensor(json.loads(metadata["base"])), atol=0.02):
        warnings.warn(f"the mixtures fitted here differ from those that {path} was trained with", stacklevel=2)
    return model.eval(), card


def card_text(card: dict[str, Any]) -> str:
    """The card as Markdown.

    Example:
        >>> card = {"plan": {"seed": 0}, "data": "a few", "steps": 8, "seconds": 1.0, "found": None}
        >>> digits.card_text(card).splitlines()[0]
        '# A generator of handwritten digits'
    """
    lines = [
        "# A generator of handwritten digits",
        "",
        f"Mixtures of Gaussians, exact, and a U-Net for what they leave over. Data: {card['data']}. "
        f"{card['steps']:,} steps of {BATCH_SIZE} digits, {card['seconds']:.0f} s, seed {card['plan']['seed']}.",
        "",
        *(_found_lines(card["found"]) if card["found"] else ["Not judged yet."]),
        "",
        "Made with `course_utils`, for learning. It knows nothing but digits of 28×28 pixels.",
        "",
    ]
    return "\n".join(lines)


def _found_lines(found: dict[str, Any]) -> list[str]:
    """What `judge` found, as a table."""
    rows = [
        f"| {row['w']:g} | {row['accuracy']:.2%} | {row['distance']:.2f} | {row['distance'] / found['floor']:.1f} |"
        for row in found["judgements"]
    ]
    return [
        f"Judged by the course's classifier, n = {found['n']:,}, {found['steps']} midpoint steps; floor of the Fréchet "
        f"distance, real digits against real ones: {found['floor']:.2f}.",
        "",
        "| guidance scale w | label accuracy | Fréchet distance | in floors |",
        "|---|---|---|---|",
        *rows,
    ]


@torch.no_grad()
def _probe(model: Residual) -> list[float]:
    """The closed form at one point for every label: the same fit gives the same numbers, up to rounding."""
    weights = next(model.parameters())
    y = torch.arange(NULL + 1)
    x = torch.linspace(-1, 1, 784).reshape(1, 1, 28, 28).repeat(NULL + 1, 1, 1, 1).to(weights)
    return model.base(x, torch.full((NULL + 1,), 0.3).to(x), y.to(x.device)).square().mean((1, 2, 3)).tolist()
