"""Simpler inputs of an exercise: a part of the problem is switched off."""

from collections.abc import Iterator

import torch
from torch import Tensor

from course_utils.checks.inputs import double

__all__ = ["simpler"]

FIELDS = ("curved field", "affine field", "affine model")


def simpler(case: dict) -> Iterator[tuple[str, dict]]:
    """Simpler inputs, in words and as data; those that say most come first."""
    if any(isinstance(value, Tensor) and value.dtype == torch.float32 for value in case.values()):
        yield "the same numbers in double precision", double(case)
    for name, value in case.items():
        if isinstance(value, dict):
            yield from ((words, {**case, name: other}) for words, other in _simpler_family(name, value))
    for name, value in case.items():
        if isinstance(value, float):
            yield f"{name} = 1", {**case, name: 1.0}
            yield f"{name} = 0", {**case, name: 0.0}
        if name == "n":
            yield "n = 1", {**case, name: 1}
    for name, value in case.items():
        if isinstance(value, Tensor) and value.is_floating_point():
            yield f"{name} = 0", {**case, name: torch.zeros_like(value)}


def _simpler_family(name: str, family: dict) -> Iterator[tuple[str, dict]]:
    """Simpler fields, processes and schedules."""
    kind = family["family"]
    off = {key: torch.zeros_like(v) for key, v in family.items() if isinstance(v, Tensor)}
    if kind in FIELDS:
        affine = family if kind == "affine model" else {**family, "family": "affine field"}
        linear = " is linear in the state and" if kind == "curved field" else ""
        yield f"a {name} that{linear} does not change with time", {**affine, "rate": off["rate"]}
        yield f"a {name} that is the same for all states", {**family, "matrix": off["matrix"]}
        yield f"a {name} that is constant", {**affine, "matrix": off["matrix"], "rate": off["rate"]}
    elif kind == "affine SDE":
        yield "a diffusion of 0", {**family, "scale": off["scale"]}
        yield "a drift of 0", {**family, **off, "scale": family["scale"]}
        yield "a drift that does not change with time", {**family, "rate": off["rate"]}
    elif kind == "power schedule":
        yield "the linear schedule", {"family": "schedule", "name": "linear"}
    elif kind in ("polynomial field", "quadratic reward"):
        yield f"a linear {name}", {**family, "quadratic": off["quadratic"]}
    elif kind == "plan":
        yield f"a {name} that is the same for all states", {**family, "matrix": off["matrix"]}
    elif kind == "block layers":
        yield "a modulation whose weights are 0", {**family, "modulation": off["modulation"]}
        silent = {"modulation": off["modulation"], "biases": off["biases"]}
        yield "a modulation that gives 0", {**family, **silent}
        yield "layers that give 0", {**family, **off}
    elif kind == "two-time field":
        yield f"a {name} that does not depend on t", {**family, "product": off["product"]}
        yield f"a {name} that depends on the state alone", {**family, **{k: off[k] for k in ("square", "product")}}
        yield f"a {name} that is the same for all states", {**family, "matrix": off["matrix"]}
        yield f"a {name} that is constant", {**family, **off, "offset": family["offset"]}
