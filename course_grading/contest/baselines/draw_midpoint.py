"""An exact draw at t = 0.3, which no network is asked for, then one midpoint step: two evaluations."""

from pathlib import Path

from course_utils import contest, digits

model = contest.model(Path(__file__).with_suffix(".safetensors"))


def sample(y, generator):
    return digits.few_steps(model, y, 2, method="midpoint", generator=generator)
