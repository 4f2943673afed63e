"""Inputs and results in messages: tensors as type, shape and raw bytes. Nothing is ever unpickled."""

import math
from typing import Annotated, Any, Literal, get_args

import torch
from msgspec import Meta, Struct
from torch import Tensor

Dtype = Literal[
    "float64", "float32", "float16", "bfloat16", "bool", "int8", "int16", "int32", "int64", "uint8"
]  # fmt: skip
"""Types of numbers that are passed on."""

NAMES: dict[torch.dtype, Dtype] = {getattr(torch, name): name for name in get_args(Dtype)}

LARGEST = 10_000
"""Numbers in a tensor; no exercise asks for nearly as many."""

Length = Annotated[int, Meta(ge=0)]


class Packed(Struct, frozen=True, forbid_unknown_fields=True, tag="tensor"):
    """A tensor."""

    dtype: Dtype
    shape: Annotated[list[Length], Meta(max_length=16)]
    data: bytes


class Group(Struct, frozen=True, forbid_unknown_fields=True, tag="group"):
    """Inputs by name."""

    items: dict[str, "Value"]


Value = Packed | Group | int | float | str
"""An input of a case."""


def pack(value: Any) -> Value:
    """An input as it is drawn by an exercise: a tensor, a number, a text, or a dictionary of these.

    Raises:
        ValueError: If a number is not finite, or a tensor too large.
    """
    if isinstance(value, dict):
        return pack_group(value)
    if isinstance(value, Tensor):
        return pack_tensor(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"expected a finite number, got {value}: a tensor may hold it")
    return value


def pack_group(values: dict[str, Any]) -> Group:
    """Inputs by name; errors as for `pack`."""
    return Group({name: pack(value) for name, value in values.items()})


def unpack(value: Value) -> Any:
    """What `pack` packed."""
    if isinstance(value, Group):
        return {name: unpack(v) for name, v in value.items.items()}
    return unpack_tensor(value) if isinstance(value, Packed) else value


def pack_tensor(value: Tensor) -> Packed:
    """A tensor with its bytes.

    Raises:
        ValueError: If it is too large, or its type is no `Dtype`.
    """
    name = NAMES.get(value.dtype)
    if name is None or value.numel() > LARGEST:
        raise ValueError(f"expected at most {LARGEST} numbers of a type out of {', '.join(NAMES.values())}")
    flat = value.detach().cpu().contiguous().reshape(-1)
    return Packed(name, list(value.shape), flat.view(torch.uint8).numpy().tobytes())


def unpack_tensor(packed: Packed) -> Tensor:
    """The tensor that `pack_tensor` packed.

    Raises:
        ValueError: If its bytes are not as many as its shape needs.
    """
    dtype = getattr(torch, packed.dtype)
    if len(packed.data) != math.prod(packed.shape) * dtype.itemsize:
        raise ValueError(f"expected the bytes of shape {packed.shape}, got {len(packed.data)} bytes")
    if not packed.data:
        return torch.empty(packed.shape, dtype=dtype)
    return torch.frombuffer(bytearray(packed.data), dtype=dtype).reshape(packed.shape)
