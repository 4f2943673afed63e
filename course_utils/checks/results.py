"""What an answer returned, as tensors; what is no answer is refused in words.

This half, with `calling` and `observers`, knows neither oracles nor mistakes: it runs where the student's code runs.
"""

import torch
from torch import Tensor

from course_utils.checks.families import kind_of

__all__ = ["RAISED", "AnswerError", "broadcast", "check_number", "gradient", "has_raised", "is_number", "tensor"]

RAISED = torch.empty(0)
"""What stands for a value that a call did not give, since it raised an error."""


class AnswerError(Exception):
    """The answer raised an exception or returned something that is no answer; the text says what."""


def has_raised(value: Tensor) -> bool:
    """Whether this stands for a value that a call did not give."""
    return value.shape == RAISED.shape and value.dtype == RAISED.dtype


def check_number(values, number: int, wanted: str) -> None:
    """Refuse what is no tuple or list of so many values."""
    if not isinstance(values, tuple | list):
        raise AnswerError(f"expected {wanted}, got {kind_of(values)}")
    if len(values) != number:
        raise AnswerError(f"expected {wanted}, got {kind_of(values)} of length {len(values)}")


def is_number(value) -> bool:
    """Whether a value is a number, as such or as a tensor that holds one."""
    if isinstance(value, Tensor):
        return value.numel() == 1
    return isinstance(value, int | float) and not isinstance(value, bool)


def gradient(loss: Tensor, parameters: list[Tensor]) -> Tensor:
    """The gradient of a loss in all parameters, as a vector; 0 where there is none, or where it was taken already."""
    zeros = [torch.zeros_like(p) for p in parameters]
    taken = any(p.grad is not None for p in parameters)
    if taken or not loss.requires_grad:
        return torch.cat([z.flatten() for z in zeros])
    found = torch.autograd.grad(loss, parameters, allow_unused=True, retain_graph=True)
    return torch.cat([(z if g is None else g).flatten() for g, z in zip(found, zeros, strict=True)])


def broadcast(x: Tensor, value, name: str) -> Tensor:
    """A number, or a tensor that broadcasts against the states x, in their shape."""
    wanted = f"a number, or a tensor that broadcasts against x of shape {tuple(x.shape)}"
    if not isinstance(value, Tensor) and not is_number(value):
        raise AnswerError(f"expected {wanted}, as {name}, got {kind_of(value)}")
    value = value if isinstance(value, Tensor) else x.new_tensor(value)
    value = value if value.ndim else value.to(x)
    try:
        return value.broadcast_to(x.shape)
    except RuntimeError:
        raise AnswerError(f"expected {wanted}, as {name}, got shape {tuple(value.shape)}") from None


def tensor(value, name: str) -> Tensor:
    """The value, if it is a tensor."""
    if not isinstance(value, Tensor):
        raise AnswerError(f"expected a tensor as {name}, got {kind_of(value)}")
    return value
