"""Exercise 2.8: the last state of n Euler steps from t = 0 to 1, samples from noise."""

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import batch_shape, curved_field, number_of_steps, states
from course_utils.checks.mistakes import (
    ADDED_TO_THE_START,
    ALWAYS_FROM_THE_START,
    STATE_FORGOTTEN,
    euler_loop,
    euler_pairs,
)

__all__ = ["generate"]


@exercise(
    "2.8", "Generate", points=2, rtol=1e-5, single=1e-4, why="times i / n may be computed and added in single precision"
)
def generate(field, x0, n):
    x = x0
    for i in range(n):
        x = x + field(x, torch.tensor(i / n, dtype=x0.dtype)) / n
    return x


@generate.inputs
def _(normal):
    shape = batch_shape(normal)
    field, x0 = curved_field(normal, shape[-1]), states(normal, *shape)
    return {"field": field, "x0": x0, "n": number_of_steps(normal)}


@generate.mistake("one step is missing, so t = 1 is not reached. (Algorithm 1 as printed stops early, too.)")
def one_step_too_few(field, x0, n):
    return euler_loop(field, x0, n, steps=n - 1)[-1]


@generate.mistake("the first step, the one at t = 0, is missing. (Algorithm 1 as printed counts from 1, too.)")
def first_step_missing(field, x0, n):
    return euler_loop(field, x0, n, steps=n - 1, time=lambda i, n: (i + 1) / n)[-1]


@generate.mistake("there is one step too many: n steps of length 1 / n end at t = 1.")
def one_step_too_many(field, x0, n):
    return euler_loop(field, x0, n, steps=n + 1)[-1]


@generate.mistake("the whole trajectory came back: only its last state is asked for.")
def whole_trajectory(field, x0, n):
    return euler_loop(field, x0, n)


@generate.mistake("each step adds the whole velocity: how far does a state travel in a time 1 / n?")
def no_step_size(field, x0, n):
    return euler_loop(field, x0, n, h=1.0)[-1]


@generate.mistake("only the first step was made: look at how far `return` is indented, and whether x is replaced.")
def first_step_only(field, x0, n):
    return euler_loop(field, x0, n)[1]


@generate.mistake(STATE_FORGOTTEN)
def state_forgotten(field, x0, n):
    return euler_loop(field, x0, n, kept=0.0)[-1]


@generate.mistake("the steps are too long: n of them have to fill the time from 0 to 1.")
def longer_steps(field, x0, n):
    return euler_loop(field, x0, n, h=1 / (n - 1))[-1]


@generate.mistake("the steps go against the field: a state moves along its velocity.")
def steps_the_wrong_way(field, x0, n):
    return euler_loop(field, x0, n, h=-1 / n)[-1]


@generate.mistake("each step starts again from x0, so that only the last one counts.")
def last_step_only(field, x0, n):
    return x0 + field(x0, torch.tensor(1 - 1 / n, dtype=x0.dtype)) / n


@generate.mistake("every step evaluates the field at t = 0: the time has to advance.")
def time_stands_still(field, x0, n):
    return euler_loop(field, x0, n, time=lambda i, n: 0)[-1]


@generate.mistake("the field is given the number of the step as its time: time runs from 0 to 1.")
def step_number_as_time(field, x0, n):
    return euler_loop(field, x0, n, time=lambda i, n: i)[-1]


@generate.mistake("the field is evaluated one step ahead: an Euler step uses the time at its start.")
def time_of_the_next_step(field, x0, n):
    return euler_loop(field, x0, n, time=lambda i, n: (i + 1) / n)[-1]


@generate.mistake("time runs from 1 to 0: noise is at t = 0, data at t = 1.")
def backwards(field, x0, n):
    return euler_loop(field, x0, n, h=-1 / n, time=lambda i, n: 1 - i / n)[-1]


@generate.mistake("the times run from 1 to 0, but the steps go forwards.")
def times_from_1_to_0(field, x0, n):
    return euler_loop(field, x0, n, time=lambda i, n: 1 - i / n)[-1]


@generate.mistake("the times are too far apart: n steps need n + 1 grid points, the last is reached, not evaluated.")
def stretched_times(field, x0, n):
    return euler_loop(field, x0, n, time=lambda i, n: i / (n - 1))[-1]


@generate.mistake(ALWAYS_FROM_THE_START)
def always_from_the_start(field, x0, n):
    return euler_loop(field, x0, n, stuck=True)[-1]


@generate.mistake(ADDED_TO_THE_START)
def added_to_the_start(field, x0, n):
    return euler_loop(field, x0, n, restart=True)[-1]


@generate.mistake("the result is x0: nothing moves. Is a step too short to be one? (`//` rounds down.) Is x replaced?")
def nothing_moves(field, x0, n):
    return x0.clone()


@generate.mistake("steps and times have the length 1 / (n - 1), and there are n of them: where does that end?")
def steps_and_times_of_n_minus_1(field, x0, n):
    return euler_loop(field, x0, n, h=1 / (n - 1), time=lambda i, n: i / (n - 1))[-1]


@generate.mistake("steps and times have the length 1 / (n - 1), and there are n - 1 of them: n steps are asked for.")
def one_step_less(field, x0, n):
    return euler_loop(field, x0, n - 1)[-1]


@generate.mistake("the field is taken in the middle of each step: the Euler step takes it where the step starts.")
def times_in_the_middle(field, x0, n):
    return euler_loop(field, x0, n, time=lambda i, n: (i + 0.5) / n)[-1]


generate.pairs += euler_pairs(lambda states: states[-1])


@generate.mistake("the change is multiplied by x: how it grows with x, the field knows.")
def change_times_x(field, x0, n):
    x = x0
    for i in range(n):
        x = x * (1 + field(x, torch.tensor(i / n, dtype=x0.dtype)) / n)
    return x
