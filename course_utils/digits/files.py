"""Trained generators in files: all that sampling needs, in half precision, and a card that says what they are."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from course_utils.digits.latent import LATENT_BATCH_SIZE, LatentDigits
from course_utils.digits.mixtures import NULL, mixtures_beneath
from course_utils.digits.model import BATCH_SIZE, MARGIN, assembled
from course_utils.digits.older import load_older
from course_utils.distributions import mixtures_from, tensors_of
from course_utils.latents import Latents
from course_utils.networks import Autoencoder, Residual, UNet
from course_utils.storage import beside, write_file
from course_utils.training import best_device
from course_utils.weights import put_weights, read_tensors, save_tensors

__all__ = ["FINISHED", "FINISHED_PIXELS", "card_text", "default_file", "load", "model_file", "save"]

FINISHED = Path(__file__).parents[1] / "assets" / "latent.safetensors"
"""The generator that comes with the course, in latent space, and its card; `train --latent` makes one like it."""
FINISHED_PIXELS = FINISHED.with_name("digits.safetensors")
"""One of Lab 4 that comes with the course, and its card; `train --data offline --minutes 4` makes one like it."""
PIXEL_WORDS = "Mixtures of Gaussians, exact, and a U-Net for what they leave over."
LATENT_WORDS = "Mixtures of Gaussians of 32 numbers a digit, exact, and an autoencoder that makes digits of them."
MIXTURES = "mixtures."
"""Before the names of the tensors of the closed form; all others are weights."""


def default_file(latent: bool = False) -> Path:
    """`models/digits.safetensors` in the course's folder; below the current one if the package is installed alone.

    Args:
        latent: Whether `models/latent.safetensors` is meant, of a generator in latent space.

    Example:
        >>> digits.default_file().name
        'digits.safetensors'
    """
    root = Path(__file__).parents[2]
    folder = (root if (root / "pyproject.toml").exists() else Path.cwd()) / "models"
    return folder / ("latent.safetensors" if latent else "digits.safetensors")


def model_file(latent: bool = False) -> Path:
    """The model that `train` made, or else the finished one that comes with the course, which a printed line says.

    Args:
        latent: Whether one in latent space is wanted; the finished one is.

    Example:
        >>> file = digits.model_file()  # doctest: +SKIP
        no model of your own at models/digits.safetensors: this is the finished one of the course
    """
    own = default_file(latent)
    if own.exists():
        return own
    print(f"no model of your own at {own}: this is the finished one of the course (`train` makes your own in minutes)")
    return FINISHED


def save(model: Residual | LatentDigits, path: str | Path, card: dict[str, Any]) -> None:
    """Write all that sampling needs, in half precision, and beside it, as Markdown, a card that says what it is.

    Args:
        model: Of `train`.
        path: The file, `*.safetensors`; the card is `*.md`.
        card: The plan, the time taken, what `judge` found (None: it is not judged yet); the command that made it and
            notes, if there are any.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> model, card = digits.load(digits.FINISHED)
        >>> with TemporaryDirectory() as folder:
        ...     digits.save(model, Path(folder, "mine.safetensors"), card)
    """
    sizes = model.latents.autoencoder.arguments if isinstance(model, LatentDigits) else {}
    weights, mixtures = _parts(model)
    tensors = weights | {MIXTURES + name: tensor for name, tensor in tensors_of(mixtures).items()}
    words = {"card": json.dumps(card), "sizes": json.dumps(sizes)}
    save_tensors({name: tensor.half() for name, tensor in tensors.items()}, path, words)
    write_file(beside(Path(path), ".md"), card_text(card))


def load(
    path: str | Path, device: torch.device | str | None = None, *, progress: bool = False
) -> tuple[Any, dict[str, Any]]:
    """A generator from a file of `save`, and its card; neither data nor network are needed.

    A file that the course wrote before version 0.3 holds the network alone: its mixtures are fitted anew, from the
    digits that it was trained on.

    Args:
        path: The file.
        device: Where the model is to live; by default the best that there is.
        progress: Whether to show a progress bar, where mixtures are fitted.

    Raises:
        ValueError: If there is no such file, or it is damaged or of another network.
        ConnectionError: If the digits of an older file are wanted and not to be had.

    Example:
        >>> model, card = digits.load(digits.FINISHED)
        >>> model
        LatentDigits(dim=32, clusters=85), 465,188 parameters
    """
    if not Path(path).is_file():
        raise ValueError(f"there is no model at {path}: `python course.py train` makes one in minutes")
    tensors, words = read_tensors(path)
    if "card" not in words:
        raise ValueError(f"expected a model made by `python course.py train`, got {path} without a card")
    card = json.loads(words["card"])
    device = device or best_device()
    if "base" in words:
        return load_older(tensors, words, path, device, progress).eval(), card
    return _model(tensors, json.loads(words["sizes"]), path).to(device).eval(), card


def _parts(model: Any) -> tuple[dict[str, Tensor], Mapping]:
    """The weights of a generator, and its mixtures."""
    if isinstance(model, LatentDigits):
        return model.latents.state_dict(), model.mixtures
    return model.net.state_dict(), mixtures_beneath(model.base)


def _model(tensors: Mapping[str, Tensor], sizes: dict[str, Any], path: str | Path) -> Residual | LatentDigits:
    """The generator that these tensors make; `sizes` are those of an autoencoder, if there is one."""
    weights = {name: tensor for name, tensor in tensors.items() if not name.startswith(MIXTURES)}
    closed_form = {name.removeprefix(MIXTURES): tensor for name, tensor in tensors.items() if name not in weights}
    try:
        mixtures = mixtures_from(closed_form)
    except ValueError as error:
        raise ValueError(f"{path} does not hold the mixtures of a generator: {error}") from error
    if not sizes:
        net = UNet(NULL, margin=MARGIN)
        put_weights(net, weights, path)
        return assembled(mixtures, net)
    autoencoder = Autoencoder(**sizes)
    latents = Latents(autoencoder, torch.zeros(autoencoder.dim), torch.ones(autoencoder.dim))
    put_weights(latents, weights, path)
    return LatentDigits(latents, mixtures)


def card_text(card: dict[str, Any]) -> str:
    """The card as Markdown.

    Example:
        >>> card = {"plan": {"seed": 0}, "data": "a few", "steps": 8, "seconds": 1.0, "found": None}
        >>> digits.card_text(card).splitlines()[0]
        '# A generator of handwritten digits'
    """
    latent = card["plan"].get("latent", False)
    made = LATENT_WORDS if latent else PIXEL_WORDS
    size = LATENT_BATCH_SIZE if latent else BATCH_SIZE
    lines = [
        "# A generator of handwritten digits",
        "",
        f"{made} Data: {card['data']}. "
        f"{card['steps']:,} steps of {size} digits, {card['seconds']:,.0f} s, seed {card['plan']['seed']}.",
        *(["", f"Made by `{card['command']}`."] if "command" in card else []),
        "",
        *(_found_lines(card["found"]) if card["found"] else ["Not judged yet."]),
        *(["", card["notes"]] if "notes" in card else []),
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
