"""A network's weights in a file, with words about them."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from course_utils.storage import replace_file

__all__ = ["load_weights", "put_weights", "read_tensors", "read_words", "save_tensors", "save_weights"]


def save_weights(model: nn.Module, path: str | Path, metadata: dict[str, str] | None = None) -> None:
    """Write a model's weights, and words about them (data, steps, metrics), to a safetensors file.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     weights.save_weights(networks.MLP(2), f"{folder}/mlp.safetensors", {"steps": "0"})
        ...     weights.load_weights(networks.MLP(2), f"{folder}/mlp.safetensors")
        {'steps': '0'}
    """
    save_tensors(model.state_dict(), path, metadata)


def save_tensors(tensors: Mapping[str, Tensor], path: str | Path, metadata: dict[str, str] | None = None) -> None:
    """Write named tensors, and words about them, to a safetensors file.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     weights.save_tensors({"mean": torch.zeros(2)}, f"{folder}/mean.safetensors")
        ...     weights.read_tensors(f"{folder}/mean.safetensors")
        ({'mean': tensor([0., 0.])}, {})
    """
    from safetensors.torch import save

    content = save({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, metadata)
    replace_file(Path(path), lambda temporary: temporary.write_bytes(content))


def load_weights(model: nn.Module, path: str | Path) -> dict[str, str]:
    """Read the weights of a model from a file of `save_weights` into `model`; returns the metadata.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged or holds the weights of another model.

    Example:
        >>> sorted(weights.load_weights(networks.UNet(10, margin=2), digits.FINISHED_PIXELS))
        ['base', 'card']
    """
    tensors, metadata = read_tensors(path)
    put_weights(model, tensors, path)
    return metadata


def put_weights(model: nn.Module, tensors: Mapping[str, Tensor], path: str | Path) -> None:
    """Make named tensors, read from the file at `path`, the weights of a model; precisions may differ.

    Raises:
        ValueError: If names or shapes are not those of the model, which keeps its weights then.

    Example:
        >>> weights.put_weights(torch.nn.Linear(1, 1, bias=False), {"weight": torch.ones(1, 1)}, "one.safetensors")
    """
    try:
        _check_same_weights(tensors, model.state_dict())
    except ValueError as error:
        raise _not_of_this_model(path, error) from error
    model.load_state_dict(tensors)


def read_tensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The named tensors in a safetensors file, and the words about them.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged.

    Example:
        >>> tensors, words = weights.read_tensors(digits.FINISHED_PIXELS)
        >>> sorted(words)
        ['base', 'card']
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
            return tensors, dict(file.metadata() or {})
    except SafetensorError as error:
        raise _not_of_this_model(path, error) from error


def read_words(path: str | Path) -> dict[str, str]:
    """The words about the weights in a file, without the weights; none if the file is damaged.

    Example:
        >>> sorted(weights.read_words(digits.FINISHED_PIXELS))
        ['base', 'card']
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except SafetensorError:
        return {}


def _not_of_this_model(path: str | Path, error: Exception) -> ValueError:
    return ValueError(f"{path} does not hold the weights of this model: {error}")


def _check_same_weights(found: Mapping, expected: Mapping) -> None:
    """The same names and shapes, or nothing is loaded; precisions may differ."""
    for name in expected.keys() | found.keys():
        shapes = [tuple(weights[name].shape) if name in weights else "none" for weights in (expected, found)]
        if shapes[0] != shapes[1]:
            raise ValueError(f"expected {name} of shape {shapes[0]}, got {shapes[1]}")
