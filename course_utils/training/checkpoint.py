"""The state of a training in a file, from which the same training can go on, and no other."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.storage import check_writable, replace_file

__all__ = ["Checkpoint"]

PARTS = {"options", "model", "optimizer", "average", "history", "last_batch", "random"}
"""What a file holds."""


@dataclass
class Checkpoint:
    """Where and how often `fit` saves the state of a training, and whether it goes on from there.

    Whoever resumes repeats the call: the same model, data, steps, learning rate and recipe. Anything else is refused.

    Attributes:
        path: The file.
        every: Steps between two savings; the last step is always saved.
        resume: Whether to go on from the file, if it exists. The losses are those of an uninterrupted run if the
            batches start anew in the same order and do not share their generator with the loss: those already seen
            are skipped.
        generator: The generator of the loss, if any, so that a resumed run continues its stream.

    Raises:
        ValueError: If `every` is less than 1.

    Example:
        >>> training.Checkpoint("run.pt", every=100)
        Checkpoint(path='run.pt', every=100, resume=False)
    """

    path: str | Path
    every: int = 500
    resume: bool = False
    generator: torch.Generator | None = None

    def __post_init__(self):
        if self.every < 1:
            raise ValueError(f"expected every to be at least 1 step, got {self.every}")

    def __repr__(self) -> str:
        return f"Checkpoint(path={str(self.path)!r}, every={self.every}, resume={self.resume})"

    def of_process(self, rank: int) -> "Checkpoint":
        """The checkpoint of one process of several."""
        return replace(self, path=f"{self.path}.{rank}")

    def save(self, state: dict[str, Any], last_batch: tuple[Tensor, ...]) -> None:
        """Write the state, in one move."""
        own = self.generator.get_state() if self.generator else None
        state = state | {"last_batch": _fingerprint(last_batch), "random": (torch.get_rng_state(), own)}
        replace_file(Path(self.path), lambda temporary: torch.save(state, temporary))

    def load(self, model: nn.Module, options: dict[str, Any], batches: Iterator) -> dict[str, Any] | None:
        """The state that a training goes on from, None to begin; the batches that it has seen are skipped.

        Raises:
            ValueError: If the file cannot be written, is damaged or belongs to another training; nothing but the
                batches has been touched then.
        """
        check_writable(self.path)
        if not self.resume or not Path(self.path).exists():
            return None
        state = self._read()
        if _shapes(state["model"]) != _shapes(model.state_dict()):
            raise ValueError(f"{self.path} is not a checkpoint of this training: it holds weights of another model")
        for name, value in options.items():
            saved = state["options"].get(name)
            if saved != value:
                raise ValueError(f"expected {name} = {saved}, as in {self.path}, to resume that training, got {value}")
        self._skip(batches, state)
        return state

    def restore_random(self, state: dict[str, Any]) -> None:
        """Put the streams of random numbers where they were."""
        everywhere, own = state["random"]
        torch.set_rng_state(everywhere)
        if self.generator and own is not None:
            self.generator.set_state(own)

    def _read(self) -> dict[str, Any]:
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as error:
            raise ValueError(f"{self.path} is not a checkpoint of this training: {error}") from error
        if not isinstance(state, dict) or state.keys() != PARTS:
            raise ValueError(f"{self.path} is not a checkpoint of this training: its parts are others")
        return state

    def _skip(self, batches: Iterator, state: dict[str, Any]) -> None:
        """Pass over the batches already seen; the last of them has to be the one that was saved."""
        steps = len(state["history"]["losses"])
        batch = None
        for _ in range(steps):
            batch = next(batches, None)
        if batch is None or _fingerprint(batch) != state["last_batch"]:
            raise ValueError(
                f"batch {steps} is not the one that {self.path} was trained on: same data, seed and batch size?"
            )


def _shapes(weights: dict[str, Tensor]) -> dict[str, tuple]:
    return {name: (value.shape, value.dtype) for name, value in weights.items()}


def _fingerprint(batch: tuple[Tensor, ...]) -> list[float]:
    return [part.double().sum().item() for part in batch]
