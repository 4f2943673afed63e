"""A network's weights in a file, with words about them."""

from copy import deepcopy
from pathlib import Path

from torch import nn

from course_utils.storage import replace_file

__all__ = ["load_weights", "read_words", "save_weights"]


def save_weights(model: nn.Module, path: str | Path, metadata: dict[str, str] | None = None) -> None:
    """Write a model's weights, and words about them (data, steps, metrics), to a safetensors file.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     weights.save_weights(networks.MLP(2), f"{folder}/mlp.safetensors", {"steps": "0"})
        ...     weights.load_weights(networks.MLP(2), f"{folder}/mlp.safetensors")
        {'steps': '0'}
    """
    from safetensors.torch import save

    tensors = {name: value.contiguous() for name, value in deepcopy(model).cpu().state_dict().items()}
    content = save(tensors, metadata)
    replace_file(Path(path), lambda temporary: temporary.write_bytes(content))


def load_weights(model: nn.Module, path: str | Path) -> dict[str, str]:
    """Read the weights of a model from a file of `save_weights` into `model`; returns the metadata.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged or holds the weights of another model.

    Example:
        >>> sorted(weights.load_weights(networks.UNet(10, margin=2), digits.FINISHED))
        ['base', 'card']
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
            metadata = dict(file.metadata() or {})
        _check_same_weights(tensors, model.state_dict())
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"{path} does not hold the weights of this model: {error}") from error
    model.load_state_dict(tensors)
    return metadata


def read_words(path: str | Path) -> dict[str, str]:
    """The words about the weights in a file, without the weights; none if the file is damaged.

    Example:
        >>> sorted(weights.read_words(digits.FINISHED))
        ['base', 'card']
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except SafetensorError:
        return {}


def _check_same_weights(found: dict, expected: dict) -> None:
    """The same names and shapes, or nothing is loaded; precisions may differ."""
    for name in expected.keys() | found.keys():
        shapes = [tuple(weights[name].shape) if name in weights else "none" for weights in (expected, found)]
        if shapes[0] != shapes[1]:
            raise ValueError(f"expected {name} of shape {shapes[0]}, got {shapes[1]}")
