"""An exact draw at t = 0.3, then a trained splitting: closed form, network, closed form. One evaluation."""

import functools
from pathlib import Path

from course_utils import contest, digits


@functools.cache
def carry():
    """The splitting, when it is first used: a training begins without a file of weights."""
    return digits.Splitting(contest.model(Path(__file__).with_suffix(".safetensors")))


def sample(y, generator):
    return digits.few_steps(carry(), y, 1, generator=generator)


def train(generator):
    """The network's weights, from those of the finished model."""
    teacher = contest.model(digits.FINISHED_PIXELS)
    return digits.distil(teacher, generator=generator, progress=False).model.net.state_dict()
