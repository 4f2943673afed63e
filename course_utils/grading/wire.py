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
"""Types of numbers that are passed on; a tensor of another type is known by its shape alone."""

LARGEST = 100_000
"""Numbers in a result; of a larger one the shape alone is passed on."""

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
    """A tensor as {"dtype", "shape", "data"}; without the data if it is large or its type is not in `DTYPES`."""
    name = str(value.dtype).removeprefix("torch.")
    packed = {"dtype": name if name in DTYPES else "other", "shape": list(value.shape)}
    if name in DTYPES and value.numel() <= LARGEST:
        flat = value.detach().cpu().contiguous().reshape(-1)
        packed["data"] = base64.b64encode(flat.view(torch.uint8).numpy().tobytes()).decode()
    return packed


def unpack_tensor(data: Any) -> Tensor:
    """The tensor that `pack_tensor` packed, on the meta device if its data was left out.

    Raises:
        ValueError: If this is no packed tensor; nothing in it is believed.
    """
    if not isinstance(data, dict) or not {"dtype", "shape"} <= set(data) <= {"dtype", "shape", "data"}:
        raise ValueError("expected a packed tensor")
    shape, name, text = data["shape"], data["dtype"], data.get("data")
    if not isinstance(shape, list) or len(shape) > DIMENSIONS or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError("expected a shape")
    if not isinstance(name, str) or (text is not None and (not isinstance(text, str) or name not in DTYPES)):
        raise ValueError("expected a type of numbers")
    if text is None:
        return torch.empty([min(n, 1 << 20) for n in shape][:2], device="meta", dtype=torch.complex64)
    raw = bytearray(base64.b64decode(text, validate=True))
    if len(raw) != math.prod(shape) * DTYPES[name].itemsize:
        raise ValueError("expected as many bytes as the shape needs")
    flat = torch.frombuffer(raw, dtype=DTYPES[name]) if raw else torch.empty(0, dtype=DTYPES[name])
    return flat.reshape(shape).clone()
