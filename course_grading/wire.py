"""Inputs and results as JSON: tensors as type, shape and raw bytes. Nothing is ever unpickled."""

import base64
import math
from typing import Any

import torch
from torch import Tensor

DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.bool,
                  torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8)
}  # fmt: skip
"""Types of numbers that are passed on."""

LARGEST = 10_000
"""Numbers in a tensor; no exercise asks for nearly as many."""

DIMENSIONS = 16


def pack(value: Any) -> Any:
    """An input as it is drawn by an exercise: a tensor, a number, a text, or a dictionary of these."""
    if isinstance(value, dict):
        return {"dict": {name: pack(v) for name, v in value.items()}}
    return pack_tensor(value) if isinstance(value, Tensor) else value


def unpack(data: Any) -> Any:
    """What `pack` packed."""
    if isinstance(data, dict) and "dict" in data:
        return {name: unpack(v) for name, v in data["dict"].items()}
    return unpack_tensor(data) if isinstance(data, dict) else data


def pack_tensor(value: Tensor) -> dict:
    """A tensor as {"dtype", "shape", "data"}.

    Raises:
        ValueError: If it is too large, or its type is not in `DTYPES`.
    """
    name = str(value.dtype).removeprefix("torch.")
    if name not in DTYPES or value.numel() > LARGEST:
        raise ValueError(f"expected at most {LARGEST} numbers of a type out of {', '.join(DTYPES)}")
    flat = value.detach().cpu().contiguous().reshape(-1)
    data = base64.b64encode(flat.view(torch.uint8).numpy().tobytes()).decode()
    return {"dtype": name, "shape": list(value.shape), "data": data}


def unpack_tensor(data: Any) -> Tensor:
    """The tensor that `pack_tensor` packed.

    Raises:
        ValueError: If this is no packed tensor; nothing in it is believed.
    """
    if not isinstance(data, dict) or set(data) != {"dtype", "shape", "data"}:
        raise ValueError("expected a packed tensor")
    shape, name, text = data["shape"], data["dtype"], data["data"]
    if not isinstance(shape, list) or len(shape) > DIMENSIONS or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError("expected a shape")
    if not isinstance(name, str) or name not in DTYPES or not isinstance(text, str):
        raise ValueError("expected a type of numbers and their bytes")
    raw = bytearray(base64.b64decode(text, validate=True))
    if len(raw) != math.prod(shape) * DTYPES[name].itemsize:
        raise ValueError("expected as many bytes as the shape needs")
    flat = torch.frombuffer(raw, dtype=DTYPES[name]) if raw else torch.empty(0, dtype=DTYPES[name])
    return flat.reshape(shape).clone()
