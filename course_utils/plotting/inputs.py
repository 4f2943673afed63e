"""Bad input of a figure is refused before anything is drawn, with what was expected and what came."""

from torch import Tensor

__all__ = ["require", "require_shape"]


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
