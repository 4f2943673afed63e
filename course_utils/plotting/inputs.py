"""What a figure is given: tensors without gradients; and bad input is refused before anything is drawn."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from torch import Tensor

__all__ = ["detached", "require", "require_shape"]

P = ParamSpec("P")
R = TypeVar("R")


def detached(function: Callable[P, R]) -> Callable[P, R]:
    """Give a function its tensors without gradients and on the processor, as matplotlib wants them."""

    @wraps(function)
    def called(*arguments: P.args, **options: P.kwargs) -> R:
        return function(*_detached(arguments), **_detached(options))

    return called


def _detached(value: Any) -> Any:
    """A tensor, or those in mappings, tuples and lists; anything else as it is."""
    if isinstance(value, Tensor):
        return value.detach().cpu()
    if isinstance(value, Mapping):
        return {key: _detached(part) for key, part in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(_detached, value))
    if isinstance(value, list | tuple):
        return type(value)(map(_detached, value))
    return value


def require(holds: bool, expected: str, got: object) -> None:
    """Refuse unless `holds`.

    Raises:
        ValueError: With what was expected and what came.
    """
    if not holds:
        raise ValueError(f"expected {expected}, got {got}")


def require_shape(name: str, value: Tensor, *shape: int | None) -> None:
    """Refuse a tensor that has another shape; None stands for any size.

    Raises:
        ValueError: With both shapes.

    Example:
        >>> plotting.inputs.require_shape("points", torch.zeros(5, 2), None, 2)
    """
    fits = value.ndim == len(shape) and all(s in (None, n) for s, n in zip(shape, value.shape, strict=True))
    sizes = ", ".join("any" if size is None else str(size) for size in shape)
    require(fits, f"{name} of shape ({sizes})", tuple(value.shape))
