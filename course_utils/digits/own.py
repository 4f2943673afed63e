"""One's own sampler, guidance and Fréchet distance run a generator of digits; the package's stand in for what lacks."""

import time
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any, NamedTuple

import torch
from torch import Tensor

from course_utils.digits.judgement import Judge
from course_utils.digits.mixtures import NULL
from course_utils.digits.sampling import IMAGE, finished
from course_utils.guidance import classifier_free
from course_utils.metrics import gaussian_frechet_distance, label_accuracy
from course_utils.shapes import Field, Time
from course_utils.simulators import euler_step, simulate

__all__ = ["Driven", "OwnParts", "drive", "driven_table"]

CHUNK = 100
"""Digits drawn at a time, to bound memory and to move the bar."""


class OwnParts(NamedTuple):
    """Functions that can run a generator; None where the package's is meant.

    Attributes:
        sampler: `sampler(field, x0, n)`, the last of n steps from t = 0 to 1 (Exercise 2.8), or x0 and all n of them,
            time first (Exercise 1.1).
        guidance: `guidance(model, x, t, y, w, null)`, the guided velocity (Exercise 4.4).
        distance: `distance(mean_a, cov_a, mean_b, cov_b)`, the squared Fréchet distance of Gaussians (Exercise 4.5).

    Example:
        >>> digits.OwnParts(distance=metrics.gaussian_frechet_distance).sampler is None
        True
    """

    sampler: Callable | None = None
    guidance: Callable | None = None
    distance: Callable | None = None


class Driven(NamedTuple):
    """What came out: a row of a table.

    Attributes:
        accuracy: Share of the digits that the classifier takes for the one asked for.
        distance: Fréchet distance to real digits.
        floors: The same in floors: distances of other real digits to these, by the package.
        evaluations: How often the model was asked for one digit.
        seconds: CPU-seconds taken by drawing.
        lent: The parts that are the package's.
        said: What was wrong with parts of one's own that could not be used, in sentences.

    Example:
        >>> digits.Driven(0.99, 20.0, 2.0, 24.0, 5.0, lent=("sampler",), said=()).lent
        ('sampler',)
    """

    accuracy: float
    distance: float
    floors: float
    evaluations: float
    seconds: float
    lent: tuple[str, ...]
    said: tuple[str, ...]


def drive(
    model,
    judge: Judge,
    own: OwnParts | None = None,
    *,
    guidance: float = 1.2,
    steps: int = 12,
    seed: int = 0,
    progress: bool = True,
) -> Driven:
    """Digits drawn and judged with one's own functions, labels 0, 1, ..., 9, 0, ...

    A function that is not written yet, raises an error, or returns a wrong shape or numbers that are not finite, gives
    way to the package's, which is an Euler sampler, `guidance.classifier_free`, `metrics.gaussian_frechet_distance`. A
    wrong one that does none of this runs: the row shows it.

    Args:
        model: A generator of digits, as for `samples`.
        judge: Has the real digits, and says how many are drawn.
        own: One's own functions; by default all are the package's.
        guidance: Guidance scale w.
        steps: Steps of the sampler.
        seed: Of the noise.
        progress: Whether to show a progress bar.

    Raises:
        ValueError: If there is no step.

    Example:
        >>> model, _ = digits.load(digits.FINISHED_PIXELS, "cpu")
        >>> few = digits.Judge(data.mnist("test", "offline"), n=10)
        >>> mine = digits.OwnParts(sampler=lambda field, x0, n: x0[:1])
        >>> found = digits.drive(model, few, mine, steps=2, progress=False)
        >>> found.lent, found.evaluations
        (('sampler', 'guidance', 'distance'), 4.0)
        >>> print(*found.said)
        Your sampler returned shape (1, 1, 28, 28), expected (10, 1, 28, 28): the package's takes its place.
    """
    if steps < 1:
        raise ValueError(f"expected at least 1 step, got {steps}")
    parts = _Parts(own or OwnParts())
    y = torch.arange(judge.n) % 10
    images, evaluations, seconds = parts.run(lambda: _drawn(model, y, parts, guidance, steps, seed, progress))
    features = judge.features(images.to(judge.real))
    distance = parts.run(lambda: _distance(features, judge.real, parts))
    accuracy = label_accuracy(judge.classifier, images.to(judge.real), y.to(judge.real.device))
    found = (accuracy, distance, distance / judge.floor, evaluations, seconds)
    return Driven(*found, lent=tuple(name for name, part in parts.own.items() if part is None), said=tuple(parts.said))


class _Fault(Exception):
    """Something is wrong with a part of one's own: which, and what."""

    def __init__(self, part: str, what: str):
        super().__init__(f"Your {part} {what}: the package's takes its place.")
        self.part = part


class _Parts:
    """One's own functions as long as they can be used, and what was wrong with the others."""

    def __init__(self, own: OwnParts):
        self.own = own._asdict()
        self.said: list[str] = []

    def run(self, attempt: Callable[[], Any]) -> Any:
        """What an attempt gives; a part that spoils it is put aside, and it is made anew."""
        while True:
            try:
                return attempt()
            except _Fault as fault:
                self.own[fault.part] = None
                self.said.append(str(fault))

    def blame(self, what: str, *suspects: str) -> Exception:
        """The fault of the first suspect that is one's own; of the package, if none is."""
        part = next((name for name in suspects if self.own[name]), None)
        return _Fault(part, what) if part else ValueError(what)

    def call(self, name: str, shapes: Sequence[tuple[int, ...]], *arguments) -> Tensor:
        """What a part returns, the package's if there is no own one.

        Args:
            name: Of the part.
            shapes: That are right; the first is the one that is told.
            arguments: Of the function.

        Raises:
            _Fault: If one's own raised an error, or returned something else than finite numbers of such a shape.
        """
        fn = self.own[name] or PACKAGE[name]
        try:
            result = fn(*arguments)
        except (Exception, SystemExit) as error:
            if self.own[name] is None or isinstance(error, _Fault):
                raise
            stub = isinstance(error, NotImplementedError)
            raise _Fault(name, "is not written yet" if stub else f"raised {_in_words(error)}") from error
        if isinstance(result, Real):
            result = torch.tensor(float(result), dtype=torch.double)
        if not isinstance(result, Tensor):
            raise self.blame(f"returned {type(result).__name__}, expected numbers", name)
        if result.shape not in shapes:
            raise self.blame(f"returned shape {tuple(result.shape)}, expected {tuple(shapes[0])}", name)
        if not result.isfinite().all():
            raise self.blame("returned numbers that are not finite", name)
        return result


def _in_words(error: BaseException) -> str:
    return ": ".join([type(error).__name__, *filter(None, [str(error)])])


def _euler(field: Field, x0: Tensor, n: int) -> Tensor:
    return simulate(field, x0, torch.linspace(0, 1, n + 1), euler_step).end


def _guided_velocity(model, x: Tensor, t: Time, y: Tensor, w: float, null: int) -> Tensor:
    return classifier_free(model, y, w, null)(x, t)


PACKAGE: dict[str, Callable] = {"sampler": _euler, "guidance": _guided_velocity, "distance": gaussian_frechet_distance}


@torch.no_grad()
def _drawn(
    model, y: Tensor, parts: _Parts, w: float, steps: int, seed: int, progress: bool
) -> tuple[Tensor, float, float]:
    """Digits, evaluations of the model for each, and CPU-seconds."""
    from tqdm.auto import tqdm

    like = next(model.parameters())
    shape = getattr(model, "event_shape", IMAGE)
    x0 = torch.randn(len(y), *shape, generator=torch.Generator().manual_seed(seed), dtype=like.dtype).to(like.device)
    y = y.to(like.device)
    if parts.own["guidance"]:
        few = x0[:CHUNK].clone()
        parts.call("guidance", [few.shape], model, few, few.new_tensor(0.5), y[:CHUNK].clone(), w, NULL)
    counted, images, start = _Counted(model, parts), [], time.process_time()
    for rows in tqdm(torch.arange(len(y)).split(CHUNK), desc="draw", unit="chunk", disable=not progress):
        begin = x0[rows]
        field = _field(counted, begin, y[rows], parts, w)
        states = parts.call("sampler", [begin.shape, (steps + 1, *begin.shape)], field, begin.clone(), steps)
        images.append(finished(model, states if states.ndim == begin.ndim else states[-1]))
    return torch.cat(images), counted.rows / len(y), time.process_time() - start


class _Counted:
    """A model that counts for how many states it was asked.

    Guidance was tried before. So where the model fails, it is the sampler that leads there, if it is one's own.
    """

    def __init__(self, model, parts: _Parts):
        self.model = model
        self.parts = parts
        self.rows = 0

    def __call__(self, x: Tensor, t: Time, *y: Tensor) -> Tensor:
        self.rows += len(x)
        try:
            velocity = self.model(x, t, *y)
        except Exception as error:
            what = f"asks the model what it cannot answer, {_in_words(error)}"
            raise self.parts.blame(what, "sampler", "guidance") from error
        if not velocity.isfinite().all():
            raise self.parts.blame("leads to where the model knows no velocity", "sampler", "guidance")
        return velocity


def _field(model, like: Tensor, y: Tensor, parts: _Parts, w: float) -> Field:
    """The guided field of states like these; times may be plain numbers."""

    def field(x: Tensor, t: Time | float) -> Tensor:
        if x.shape != like.shape:
            raise parts.blame(f"asks for the field at shape {tuple(x.shape)}, expected {tuple(like.shape)}", "sampler")
        t = torch.as_tensor(t, dtype=x.dtype, device=x.device)
        return parts.call("guidance", [x.shape], model, x, t, y.clone(), w, NULL)

    return field


def _distance(features: Tensor, real: Tensor, parts: _Parts) -> float:
    """The Fréchet distance of two sets of features."""
    a, b = features.double(), real.double()
    return parts.call("distance", [()], a.mean(0), a.T.cov(), b.mean(0), b.T.cov()).item()


def driven_table(rows: Mapping[str, Driven]) -> str:
    """A table, and below it what was wrong with parts that could not be used.

    Args:
        rows: By what they are to be called.

    Example:
        >>> mine = digits.Driven(0.99, 20.0, 2.0, 24.0, 5.0, lent=("sampler",), said=())
        >>> print(digits.driven_table({"yours": mine}))
                       label accuracy   Fréchet distance   in floors   evaluations   CPU-seconds   of the package
        yours                   99.0%              20.00         2.0            24             5   sampler
    """
    head = f"{'':14} label accuracy   Fréchet distance   in floors   evaluations   CPU-seconds   of the package"
    return "\n".join([head, *map(_line, rows, rows.values()), *(words for row in rows.values() for words in row.said)])


def _line(name: str, row: Driven) -> str:
    lent = "all" if len(row.lent) == len(OwnParts._fields) else ", ".join(row.lent) or "nothing"
    numbers = f"{row.accuracy:14.1%} {row.distance:18.2f} {row.floors:11.1f} {row.evaluations:13g} {row.seconds:13.0f}"
    return f"{name:14} {numbers}   {lent}"
