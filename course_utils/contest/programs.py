"""An entry as a program: the operations of torch that its `sample` does, noted one by one, to be done elsewhere.

What a process says of itself can be false: counters are patched, hooks removed, images made in a thread. So nothing of
that is asked. `record` notes every operation below the level of modules, with where its numbers come from: the file of
weights, the labels, the generator, an operation before. The judge repeats these operations with noise of its own
(`course_utils.contest.replaying`) and judges what it made itself. Whatever stands in the program is what the entry is.
"""

import hashlib
import json
import math
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from course_utils.contest.rules import RULES, Rules

__all__ = ["LABELS", "Program", "Recorder", "flat", "raw", "record"]

LABELS = 0
"""The number of the labels among the tensors of a program."""
OLD = 64
"""How many tensors may be remembered that are gone: their memory is theirs as long."""
LEFT_OUT = ("device", "layout", "pin_memory", "non_blocking")
"""Arguments that say where a tensor lives: all of them on the processor."""
Step = list
"""One line: an operation, its arguments, its named arguments, and the numbers of the tensors that it gives."""


@dataclass(frozen=True)
class Program:
    """What an entry computes, in lines that can be sent.

    Attributes:
        setup: Lines that are done once: what the file does when it is loaded, and its first call of `sample`.
        each: Lines of one call of `sample`.
        result: Number of the tensor of images.
        constants: Numbers from nowhere, as type, shape and bytes.

    Example:
        >>> from course_utils.contest.programs import Program
        >>> Program.unpacked(Program([], [], 0, []).packed())
        Program(setup=[], each=[], result=0, constants=[])
    """

    setup: list[Step]
    each: list[Step]
    result: int
    constants: list[list]

    def packed(self) -> bytes:
        """As it is sent: JSON, compressed."""
        return zlib.compress(json.dumps(vars(self), separators=(",", ":")).encode())

    @classmethod
    def unpacked(cls, data: bytes, rules: Rules = RULES) -> "Program":
        """What `packed` packed.

        Raises:
            ValueError: If it is something else, or holds more than the rules allow.
        """
        try:
            text = zlib.decompressobj().decompress(data, rules.program_bytes + 1)
        except zlib.error as error:
            raise ValueError(f"expected a program of `packed`, got {error}") from error
        if len(text) > rules.program_bytes:
            raise ValueError(f"expected at most {rules.program_bytes:,} bytes of operations, got {len(text):,}")
        try:
            program = cls(**json.loads(text))
            size = sum(math.prod(shape) * getattr(torch, dtype).itemsize for dtype, shape, _ in program.constants)
        except (TypeError, AttributeError, ValueError, RecursionError) as error:
            raise ValueError(f"expected a program of `record`, got {error}") from error
        if size > rules.constants_bytes:
            raise ValueError(
                f"expected at most {rules.constants_bytes:,} bytes of numbers that come neither from the file of "
                f"weights nor from the generator, got {size:,}: something is computed outside of torch's operations, "
                f"in another thread or process, or read from another file"
            )
        return program


def raw(tensor: Tensor) -> bytes:
    """The bytes of a tensor's numbers, in order."""
    flat = tensor.detach().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes() if len(flat) else b""


class Recorder(TorchDispatchMode):
    """Notes the operations that are done while it is entered.

    Args:
        weights: Tensors of the file of weights by name: numbers equal to one of these come from there.
        generator: The one that `sample` is given.
        limit: Bytes of constants to keep; beyond, they are counted and not kept.
    """

    def __init__(self, weights: Mapping[str, Tensor], generator: torch.Generator, limit: int = RULES.constants_bytes):
        super().__init__()
        self.generator = generator
        self.steps: list[Step] = []
        self.constants: list[list] = []
        self._weights = {hashlib.sha256(raw(value)).digest(): name for name, value in weights.items()}
        self._left = limit
        self._names: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
        self._storages: dict[int, tuple] = {}
        self._next = LABELS + 1
        self._crowded = OLD

    def begin(self, y: Tensor, generator: torch.Generator) -> tuple[int, int]:
        """Note a call of `sample` from here on; returns where it begins, for `again`."""
        self.steps = []
        self.generator = generator
        self._names[y] = (LABELS, y.untyped_storage()._cdata)
        return self._next, len(self.constants)

    def again(self, mark: tuple[int, int]) -> None:
        """Count from a mark once more, so that two calls that do the same have the same lines."""
        self._next = mark[0]
        del self.constants[mark[1] :]

    def result(self, images: object) -> int:
        """The number of what `sample` returned; that of the labels if it is no tensor."""
        return self.number(images) if isinstance(images, Tensor) else LABELS

    def number(self, tensor: Tensor) -> int:
        """The number of a tensor; one from nowhere is looked for in the weights, else it becomes a constant."""
        known = self._known(tensor)
        if known is not None:
            return known
        with _unseen():
            self.steps.append([*self._source(tensor), self._new(tensor)])
        return self._next - 1

    def _known(self, tensor: Tensor) -> int | None:
        """The number of a tensor whose memory is still what it was: `parameter.data = other` tells no operation."""
        number, memory = self._names.get(tensor, (None, None))
        return number if memory == tensor.untyped_storage()._cdata else None

    def _new(self, tensor: Tensor) -> int:
        number, storage = self._next, tensor.untyped_storage()
        self._names[tensor] = (number, storage._cdata)
        self._next += 1
        if self._base(tensor) is None:
            if len(self._storages) >= self._crowded:
                self._storages = {key: one for key, one in self._storages.items() if not one[0].expired()}
                self._crowded = len(self._storages) + OLD
            self._storages[storage._cdata] = (StorageWeakRef(storage), number)
        return number

    def _base(self, tensor: Tensor) -> int | None:
        """The first tensor that had the same memory, if there was one."""
        shared, number = self._storages.get(tensor.untyped_storage()._cdata, (None, None))
        return number if shared is not None and not shared.expired() else None

    def _source(self, tensor: Tensor) -> list:
        """Where an unknown tensor's numbers come from."""
        base = self._base(tensor)
        if base is not None:
            places = [list(tensor.shape), list(tensor.stride()), tensor.storage_offset()]
            return ["alias", base, _short(tensor.dtype), *places]
        data = raw(tensor)
        name = self._weights.get(hashlib.sha256(data).digest())
        if name is not None:
            return ["weights", name, _short(tensor.dtype), list(tensor.shape)]
        self._left -= len(data)
        kept = b64encode(data if self._left >= 0 else b"").decode()  # what is too much is refused, and not kept
        self.constants.append([_short(tensor.dtype), list(tensor.shape), kept])
        return ["constant", len(self.constants) - 1]

    def __torch_dispatch__(self, op, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        changes = op._schema.is_mutable
        odd = any(isinstance(value, torch.UntypedStorage) for value in args)
        if op is torch.ops.aten.copy_.default and self._known(args[0]) is None and self._base(args[0]) is None:
            self.steps.append(["empty", _short(args[0].dtype), list(args[0].shape), self._new(args[0])])
        before = self._line(op, args, kwargs) if changes and not odd else None
        out = op(*args, **kwargs)
        made = [value for value in (out if isinstance(out, (list, tuple)) else [out]) if isinstance(value, Tensor)]
        if odd:  # other memory than before, filled by no operation
            for value in made:
                self._names.pop(value, None)
        elif changes or made:
            line = before or self._line(op, args, kwargs)
            known = [self._known(value) for value in made]
            numbers = [self._new(v) if n is None else n for v, n in zip(made, known, strict=True)]
            self.steps.append([*line, numbers])
        return out

    def _line(self, op, args, kwargs) -> list:
        named = {name: self._value(value) for name, value in kwargs.items() if name not in LEFT_OUT}
        return [str(op), [self._value(value) for value in args], named]

    def _value(self, value: Any) -> Any:
        """An argument as it stands in a line."""
        if isinstance(value, Tensor):
            return {"tensor": self.number(value)}
        if isinstance(value, (list, tuple)):
            return [self._value(one) for one in value]
        if isinstance(value, torch.Generator):
            return {"generator": _same(value, self.generator)}
        if isinstance(value, torch.dtype):
            return {"dtype": _short(value)}
        if isinstance(value, torch.memory_format):
            return {"format": _short(value)}
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        return None if isinstance(value, (torch.device, torch.layout)) else {"strange": type(value).__name__}


def flat(values: Iterable) -> Iterator:
    """All values of lists in lists."""
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from flat(value)
        else:
            yield value


def _same(one: Any, other: Any) -> bool:
    """Whether two generators are one: Python may hold several objects of it."""
    return one._cdata == other._cdata


def _unseen():
    """Operations in here are the recorder's own."""
    return torch._C._DisableTorchDispatch()


def _short(value: torch.dtype | torch.memory_format) -> str:
    return str(value).removeprefix("torch.")


def record(
    load: Callable[[], Callable[[Tensor, torch.Generator], Tensor]],
    weights: Mapping[str, Tensor],
    y: Tensor,
    seed: int,
) -> tuple[Program, object]:
    """The program of an entry, and what its second call of `sample` gave.

    Args:
        load: Runs the entry's file: its `sample`.
        weights: Tensors of the file of weights.
        y: Labels of one call.
        seed: Of the generator of the calls; the judge's own noise comes from others.

    Raises:
        ValueError: If another call, with other noise, does other operations.
    """
    generators = [torch.Generator().manual_seed(seed + call) for call in range(3)]
    labels = [y.clone() for _ in generators]
    recorder = Recorder(weights, generators[0])
    with torch.no_grad(), recorder:
        recorder.begin(labels[0], generators[0])
        sample = load()
        sample(labels[0], generators[0])
        setup = recorder.steps
        mark = recorder.begin(labels[1], generators[1])
        images = sample(labels[1], generators[1])
        result = recorder.result(images)
        program = Program(setup, recorder.steps, result, list(recorder.constants))
        recorder.begin(labels[2], generators[2])
        recorder.again(mark)
        recorder.result(sample(labels[2], generators[2]))
    _check_same(program, recorder)
    return program, images


def _check_same(program: Program, recorder: Recorder) -> None:
    if (program.each, program.constants) == (recorder.steps, recorder.constants):
        return
    if program.each == recorder.steps:
        raise ValueError(
            "expected the same numbers in each call but for the noise, got some that come neither from the file of "
            "weights nor from the generator, and are others in each: something is computed outside of torch's "
            "operations, or in another thread or process"
        )
    places = zip(program.each, recorder.steps, strict=False)
    first = next((i for i, (one, other) in enumerate(places) if one != other), len(program.each))
    done = [lines[first][0] if first < len(lines) else "nothing" for lines in (program.each, recorder.steps)]
    raise ValueError(
        f"expected each call of `sample` to do the same operations, whatever the noise and whichever call it is; at "
        f"operation {first:,} one call does {done[0]}, the next {done[1]}"
        + (", with other arguments" if done[0] == done[1] else "")
    )
