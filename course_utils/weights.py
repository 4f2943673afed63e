"""A network's weights in a file, with words about them."""

import os
from copy import deepcopy
from pathlib import Path

from torch import nn

from course_utils.storage import replace_file


def save_weights(model: nn.Module, path: str | Path, metadata: dict[str, str] | None = None) -> None:
    """Write a model's weights, and words about them (data, steps, metrics), to a safetensors file."""
    from safetensors.torch import save_file

    weights = {name: value.contiguous() for name, value in deepcopy(model).cpu().state_dict().items()}

    def write(temporary: Path) -> None:
        save_file(weights, temporary, metadata)
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # safetensors makes files that only their owner may read

    replace_file(Path(path), write)


def load_weights(model: nn.Module, path: str | Path) -> dict[str, str]:
    """Read the weights of a model from a file of `save_weights` into `model`; returns the metadata.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged or holds the weights of another model.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            model.load_state_dict({name: file.get_tensor(name) for name in file.keys()})
            return dict(file.metadata() or {})
    except (SafetensorError, RuntimeError) as error:
        raise ValueError(f"{path} does not hold the weights of this model: {error}") from error
