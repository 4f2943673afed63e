"""How often networks are evaluated, seen by hooks on every module."""

from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

__all__ = ["Count"]

WITH_BACKWARD = 3
"""What a row costs in training that goes backward, too, in rows that only go forward."""


class Count:
    """Counts the rows that pass through networks while it is entered: `with Count() as count: ...`.

    A call of a module that stands in no other's call counts as many rows as the layer in it that saw most. So a network
    with its wrappers counts once, two networks twice, guidance twice, and a closed form, which has no layer with
    parameters, not at all. What is computed without modules is not seen: the judge of the contest measures the work of
    every operation, too, see `Program.work`.

    Attributes:
        rows: Rows so far.
        training_rows: The same with three for a row whose output waits for gradients, as a budget of training counts.

    Example:
        >>> net = networks.MLP(2, hidden=8)
        >>> with contest.Count() as count, torch.no_grad():
        ...     seen = net(torch.zeros(5, 2), 0.5), net(torch.zeros(5, 2), 1.0)
        >>> count, count.evaluations(5)
        (Count(rows=10, training_rows=10), 2.0)
    """

    def __init__(self):
        self.rows = 0
        self.training_rows = 0
        self._inside: list[nn.Module] = []
        self._most = 0
        self._hooks = ExitStack()

    def __repr__(self) -> str:
        return f"Count(rows={self.rows:,}, training_rows={self.training_rows:,})"

    def evaluations(self, images: int) -> float:
        """Evaluations an image.

        Raises:
            ValueError: If there are no images.
        """
        if images < 1:
            raise ValueError(f"expected at least one image, got {images}")
        return self.rows / images

    def __enter__(self) -> "Count":
        for handle in (
            register_module_forward_pre_hook(self._begun),
            register_module_forward_hook(self._ended, always_call=True),
        ):
            self._hooks.callback(handle.remove)
        return self

    def __exit__(self, *_) -> None:
        self._hooks.close()
        self._inside.clear()

    def _begun(self, module: nn.Module, inputs: tuple) -> None:
        if not self._inside:
            self._most = 0
        self._inside.append(module)

    def _ended(self, module: nn.Module, inputs: tuple, output: Any) -> None:
        if any(parameter is not None for parameter in module._parameters.values()):
            self._most = max(self._most, _rows(inputs))
        if self._inside:
            self._inside.pop()
        if not self._inside:
            backward = torch.is_grad_enabled() and isinstance(output, Tensor) and output.requires_grad
            self.rows += self._most
            self.training_rows += self._most * (WITH_BACKWARD if backward else 1)
            self._most = 0


def _rows(inputs: tuple) -> int:
    """Length of the first tensor."""
    sizes = [len(value) if value.ndim else 1 for value in inputs if isinstance(value, Tensor)]
    return sizes[0] if sizes else 0
