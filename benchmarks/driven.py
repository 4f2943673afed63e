"""Lab 4's last sections: other samplers and guidance drive the generator that comes with the course.

A thousand digits a row from the same noise, three noises: one's own sampler replaced by midpoint steps at the same
cost, stopped one step early, or guided in the other convention; and guidance on part of the way only.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from benchmarks.rows import Row, over_seeds
from course_utils import data, digits
from course_utils.digits.judgement import Judge
from course_utils.guidance import classifier_free, condition
from course_utils.shapes import Field
from course_utils.simulators import euler_step, midpoint_step, simulate

LATE = 0.3
"""Where guidance on part of the way begins, or ends."""


def by_midpoints(field: Field, x0: Tensor, n: int) -> Tensor:
    """Half as many steps, each of which asks twice."""
    return simulate(field, x0, torch.linspace(0, 1, n // 2 + 1), midpoint_step).end


def stopped_early(field: Field, x0: Tensor, n: int) -> Tensor:
    """All Euler steps but the last."""
    return simulate(field, x0, torch.linspace(0, 1, n + 1)[:-1], euler_step).end


def other_convention(model, x: Tensor, t: Tensor, y: Tensor, w: float, null: int) -> Tensor:
    """(1 + w) u(x|y) - w u(x|null), in which 0 means none."""
    return classifier_free(model, y, 1 + w, null)(x, t)


def guided_while(when: Callable[[float], bool]) -> Callable:
    """Guidance at some times only."""

    def guidance(model, x: Tensor, t: Tensor, y: Tensor, w: float, null: int) -> Tensor:
        field = classifier_free(model, y, w, null) if when(float(t)) else condition(model, y)
        return field(x, t)

    return guidance


SCALE, PART_SCALE = 1.2, 1.5
"""Guidance scale on all the way, and of the rows with guidance on part of it."""

ROWS: dict[str, tuple[digits.OwnParts, float]] = {
    "the package's": (digits.OwnParts(), SCALE),
    "midpoint steps": (digits.OwnParts(sampler=by_midpoints), SCALE),
    "stopped one step early": (digits.OwnParts(sampler=stopped_early), SCALE),
    "the other convention": (digits.OwnParts(guidance=other_convention), SCALE),
    "no guidance": (digits.OwnParts(), 1.0),
    "guided everywhere": (digits.OwnParts(), PART_SCALE),
    f"guided after t = {LATE}": (digits.OwnParts(guidance=guided_while(lambda t: t > LATE)), PART_SCALE),
    f"guided before t = {LATE}": (digits.OwnParts(guidance=guided_while(lambda t: t <= LATE)), PART_SCALE),
}


def shuffled(test: data.Digits) -> data.Digits:
    """In the order of Lab 4, whose real digits are then the same: of a thousand, the floor depends on which."""
    order = torch.randperm(len(test), generator=torch.Generator().manual_seed(0))
    return data.Digits(test.images[order], test.labels[order], test.source)


def driven(quick: bool) -> Iterator[Row]:
    """Rows of what drives it, over noises: distance in floors, labels."""
    n, seeds = (50, 1) if quick else (1000, 3)
    model, _ = digits.load(digits.FINISHED_PIXELS, "cpu")
    judge = Judge(shuffled(data.mnist("test", "full")), n=n)
    for name, (own, w) in ROWS.items():
        found = [digits.drive(model, judge, own, guidance=w, seed=seed, progress=False) for seed in range(seeds)]
        what = f"{name}, w = {w:g}, n = {n:,}, {found[0].evaluations:g} evaluations"
        yield over_seeds("driven", f"{what}: distance", [one.floors for one in found], "× floor")
        yield over_seeds("driven", f"{what}: label right", [one.accuracy for one in found], "")
