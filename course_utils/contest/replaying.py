"""A program of `programs.Recorder` done by the judge: with its own noise, its work measured operation by operation."""

import functools
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from course_utils.contest.operations import FREE, KNOWN, RANDOM, SQUARES
from course_utils.contest.programs import LABELS, Program, flat, raw
from course_utils.digits import NULL
from course_utils.digits.model import MARGIN
from course_utils.networks import UNet

__all__ = ["Replay", "evaluation_work", "work_of"]

Tensors = dict[int, Tensor]


class Replay:
    """The operations of a program, done here: once those of its set-up, and as often as asked those of `sample`.

    Args:
        program: The program.
        weights: Tensors of the file of weights.
        y: Labels of one call.

    Attributes:
        work: Multiplications and additions, in pairs, of the calls so far; an operation that is no product of matrices
            counts as many as the largest of its tensors has numbers.

    Raises:
        ValueError: If an operation is not one of `operations.KNOWN`, or cannot be done.
    """

    def __init__(self, program: Program, weights: Mapping[str, Tensor], y: Tensor):
        self.program = program
        self.weights = weights
        self.y = y
        self.work = 0.0
        used = _numbers(program.each) | {program.result}
        generator = torch.Generator().manual_seed(0)
        self._last = _last_uses(program.each, {program.result})
        self._kept = self._run(program.setup, {}, generator, _last_uses(program.setup, used), setup=True)

    def draw(self, generator: torch.Generator) -> Tensor:
        """The images of one call of `sample` with this noise."""
        tensors = self._run(self.program.each, dict(self._kept), generator, self._last)
        try:
            return tensors[self.program.result]
        except KeyError:
            raise ValueError("expected images from `sample`, got something that no operation made") from None

    @torch.no_grad()
    def _run(
        self, lines: list, tensors: Tensors, generator: torch.Generator, last: Sequence, setup: bool = False
    ) -> Tensors:
        """Do the lines; of the tensors, each remains until its last use, and those that are needed later stay."""
        tensors[LABELS] = self.y.clone()
        for place, line in enumerate(lines):
            try:
                self._do(line, tensors, generator, setup)
            except (RuntimeError, TypeError, KeyError, IndexError, AttributeError, NotImplementedError) as error:
                words = str(error).splitlines()[0] if str(error) else type(error).__name__
                raise ValueError(f"operation {place:,}, {line[0]}, cannot be done with other noise: {words}") from error
            for number in last[place]:
                tensors.pop(number, None)
        return tensors

    def _do(self, line: list, tensors: Tensors, generator: torch.Generator, setup: bool) -> None:
        """Do one line."""
        if line[0] in SOURCES:
            tensors[line[-1]] = SOURCES[line[0]](self, tensors, *line[1:-1])
            return
        name, args, named, numbers = line
        op = _operation(name)
        if not setup and _packet(op) in RANDOM and {"generator": True} not in [*args, *named.values()]:
            raise ValueError(f"expected all noise to come from the generator that `sample` gets, got {name} without it")
        values = [_value(value, tensors, generator) for value in args]
        options = {key: _value(value, tensors, generator) for key, value in named.items()}
        out = op(*values, **options)
        if not setup:
            self.work += work_of(op, values, options, out)
        made = [value for value in (out if isinstance(out, (list, tuple)) else [out]) if isinstance(value, Tensor)]
        tensors.update(zip(numbers, made, strict=True))

    def _from_weights(self, tensors: Tensors, name: str, dtype: str, shape: list[int]) -> Tensor:
        return _from_bytes(raw(self.weights[name]), dtype, shape)

    def _constant(self, tensors: Tensors, index: int) -> Tensor:
        dtype, shape, data = self.program.constants[index]
        return _from_bytes(b64decode(data), dtype, shape)

    def _alias(
        self, tensors: Tensors, base: int, dtype: str, shape: list[int], stride: list[int], offset: int
    ) -> Tensor:
        memory = tensors[base].untyped_storage()
        return torch.empty(0, dtype=getattr(torch, dtype)).set_(memory, offset, shape, stride)

    def _empty(self, tensors: Tensors, dtype: str, shape: list[int]) -> Tensor:
        return torch.empty(shape, dtype=getattr(torch, dtype))


SOURCES: dict[str, Callable] = {
    "weights": Replay._from_weights,
    "constant": Replay._constant,
    "alias": Replay._alias,
    "empty": Replay._empty,
}
"""Lines that are no operations: where numbers come from."""


def _operation(name: str) -> Any:
    """The operation of that name, such as "aten.add.Tensor".

    Raises:
        ValueError: If it is not one of those that are known here.
    """
    space, _, rest = name.partition(".")
    packet, _, overload = rest.partition(".")
    found = getattr(getattr(torch.ops.aten, packet, None), overload, None) if space == "aten" else None
    if found is None or not (_packet(found) in KNOWN or found.overloadpacket in flop_registry):
        raise ValueError(f"expected operations that the contest knows, got {name}")
    return found


def work_of(op: Any, args: Iterable, named: Mapping, out: Any) -> float:
    """Multiplications and additions, in pairs, of one operation; of others than products, its largest tensor's size."""
    if op.overloadpacket in flop_registry:
        return flop_registry[op.overloadpacket](*args, **named, out_val=out) / 2
    name = _packet(op)
    if name in FREE:
        return 0.0
    tensors = [value for value in flat([*args, *named.values(), out]) if isinstance(value, Tensor)]
    largest = max(tensors, key=Tensor.numel, default=torch.empty(0))
    return float(largest.numel() * (largest.shape[-1] if name in SQUARES else 1))


class _Meter(TorchDispatchMode):
    """Measures the work of what is done while it is entered."""

    def __init__(self):
        super().__init__()
        self.work = 0.0

    def __torch_dispatch__(self, op, types, args=(), kwargs=None):
        out = op(*args, **(kwargs or {}))
        self.work += work_of(op, args, kwargs or {}, out)
        return out


@functools.cache
def evaluation_work() -> float:
    """Work of one evaluation of the course's network of digits, for one image: the unit of `Score.work`."""
    rows = 10
    with torch.random.fork_rng(devices=[]):
        net = UNet(NULL, margin=MARGIN)
    x = torch.zeros(rows, 1, 28, 28)
    with torch.no_grad(), _Meter() as meter:
        net(x, 0.5, torch.arange(rows))
    return meter.work / rows


def _packet(op: Any) -> str:
    """Name of an operation without its overload, the same whether it works in place or not."""
    name = op.overloadpacket.__name__
    return name[:-1] if name.endswith("_") and not name.endswith("__") else name


def _value(value: Any, tensors: Tensors, generator: torch.Generator) -> Any:
    """An argument as `Recorder` noted it."""
    if isinstance(value, list):
        return [_value(one, tensors, generator) for one in value]
    if not isinstance(value, dict):
        return value
    ((kind, what),) = value.items()
    if kind == "tensor":
        return tensors[what]
    if kind == "generator":
        return generator if what else torch.Generator().manual_seed(0)
    if kind in ("dtype", "format"):
        return getattr(torch, what)
    raise ValueError(f"expected tensors, numbers and words as arguments, got {what}")


def _from_bytes(data: bytes, dtype: str, shape: list[int]) -> Tensor:
    kind = getattr(torch, dtype)
    if not data:
        return torch.empty(shape, dtype=kind)
    return torch.frombuffer(bytearray(data), dtype=kind).reshape(shape)


def _numbers(lines: Iterable) -> set[int]:
    """Numbers of all tensors that lines use."""
    return {number for line in lines for number in _used(line)}


def _used(line: list) -> set[int]:
    if line[0] in SOURCES:
        return {line[1], line[-1]} if line[0] == "alias" else {line[-1]}
    arguments = flat([*line[1], *line[2].values()])
    return {value["tensor"] for value in arguments if isinstance(value, dict) and "tensor" in value} | set(line[3])


def _last_uses(lines: list, kept: set[int]) -> list[set[int]]:
    """By line, the tensors that nothing after it uses; those that are kept are used at the end."""
    later = set(kept)
    ends: list[set[int]] = []
    for line in reversed(lines):
        used = _used(line)
        ends.append(used - later)
        later |= used
    return ends[::-1]
