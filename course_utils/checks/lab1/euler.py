"""Exercise 1.1: all states of n Euler steps from t = 0 to 1, time first."""

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import batch_shape, curved_field, number_of_steps, states
from course_utils.checks.mistakes import (
    ADDED_TO_THE_START,
    ALWAYS_FROM_THE_START,
    STATE_FORGOTTEN,
    euler_loop,
    euler_pairs,
    overwritten,
)

__all__ = ["euler"]


@exercise("1.1", "Euler loop", points=2, rtol=1e-5, why="times i / n may be computed and added in single precision")
def euler(field, x0, n):
    xs = [x0]
    for i in range(n):
        xs.append(xs[-1] + field(xs[-1], torch.tensor(i / n, dtype=x0.dtype)) / n)
    return torch.stack(xs)


@euler.inputs
def _(normal):
    shape = batch_shape(normal)
    field, x0 = curved_field(normal, shape[-1]), states(normal, *shape)
    return {"field": field, "x0": x0, "n": number_of_steps(normal)}


@euler.mistake(
    "one step is missing: n steps visit n + 1 states, x0 included. "
    "(Algorithm 1 as printed in the lecture stops one step early, too.)"
)
def one_step_too_few(field, x0, n):
    return euler.oracle(field, x0, n)[:-1]


@euler.mistake("the first step is missing: a loop from 1 to n - 1 makes n - 1 steps, the first of them at t = h.")
def loop_from_1(field, x0, n):
    return euler_loop(field, x0, n, steps=n - 1, time=lambda i, n: (i + 1) / n)


@euler.mistake(
    "there is one step too many: n steps of length 1 / n end at t = 1; with x0 that makes n + 1 states. "
    "Count the steps with `for i in range(n)`: a sum of n times 1 / n is often not exactly 1."
)
def one_step_too_many(field, x0, n):
    return euler_loop(field, x0, n, steps=n + 1)


@euler.mistake("the loop ends after one step: is `return` indented too far?")
def return_in_the_loop(field, x0, n):
    return euler.oracle(field, x0, n)[:2]


@euler.mistake("the starting state is missing: the first entry of the trajectory is x0 itself.")
def start_missing(field, x0, n):
    return euler.oracle(field, x0, n)[1:]


@euler.mistake("each step adds the whole velocity: how far does a state travel in a time h?")
def no_step_size(field, x0, n):
    return euler_loop(field, x0, n, h=1.0)


@euler.mistake(STATE_FORGOTTEN)
def state_forgotten(field, x0, n):
    return euler_loop(field, x0, n, kept=0.0)


@euler.mistake("the steps go against the velocity.")
def backwards(field, x0, n):
    return euler_loop(field, x0, n, h=-1 / n)


@euler.mistake("every step evaluates the field at t = 0: the time has to advance by h as well.")
def time_stands_still(field, x0, n):
    return euler_loop(field, x0, n, time=lambda i, n: 0)


@euler.mistake("the field is evaluated one step ahead: the Euler step uses the time at the start of the step.")
def time_of_the_next_step(field, x0, n):
    return euler_loop(field, x0, n, time=lambda i, n: (i + 1) / n)


@euler.mistake("the field is called with the number of the step: it wants the time at which the step starts.")
def number_of_the_step(field, x0, n):
    return euler_loop(field, x0, n, time=lambda i, n: i)


@euler.mistake("the times are too far apart: n points from 0 to 1 leave n - 1 gaps, and n steps need n gaps.")
def times_of_n_points(field, x0, n):
    return euler_loop(field, x0, n, time=lambda i, n: i / (n - 1))


@euler.mistake("the steps have the length 1 / (n - 1), and there are n - 1: a grid of n points has one gap less.")
def step_size_of_n_minus_1(field, x0, n):
    return euler.oracle(field, x0, n - 1)


@euler.mistake("the step size is 1 / (n + 1): n steps, not n + 1, have to reach t = 1.")
def step_size_of_n_plus_1(field, x0, n):
    return euler_loop(field, x0, n, h=1 / (n + 1))


@euler.mistake("steps and times have the length 1 / (n + 1): n + 1 states have n steps between them.")
def step_size_and_times_of_n_plus_1(field, x0, n):
    return euler.oracle(field, x0, n + 1)[:-1]


@euler.mistake(ALWAYS_FROM_THE_START)
def always_from_the_start(field, x0, n):
    return euler_loop(field, x0, n, stuck=True)


euler.mistakes += overwritten(euler.oracle, "state")


@euler.mistake("the states are stacked along the second axis: time comes first, then the batch.")
def batch_first(field, x0, n):
    return euler.oracle(field, x0, n).transpose(0, 1)


@euler.mistake("the states are joined along the batch (torch.cat lengthens an axis): time needs an axis of its own.")
def joined_along_the_batch(field, x0, n):
    return euler.oracle(field, x0, n).flatten(0, 1)


@euler.mistake("only the last state came back: the whole trajectory is asked for, stacked along a first axis.")
def only_the_end(field, x0, n):
    return euler.oracle(field, x0, n)[-1]


@euler.mistake(ADDED_TO_THE_START)
def added_to_the_start(field, x0, n):
    return euler_loop(field, x0, n, restart=True)


@euler.mistake("each state is one step away from x0: is x replaced by the state that a step has reached?")
def never_replaced(field, x0, n):
    return euler_loop(field, x0, n, stuck=True, restart=True)


@euler.mistake(
    "all states are x0. Is a step too short to be one? (`//` rounds down.) Or is x0 what the list is filled with?"
)
def nothing_moves(field, x0, n):
    return euler_loop(field, x0, n, h=0.0)


@euler.mistake("the times run from 1 to 0: the first step starts at t = 0.")
def times_reversed(field, x0, n):
    return euler_loop(field, x0, n, time=lambda i, n: 1 - i / n)


@euler.mistake("field and time belong to the middle of each step: that is the midpoint method, another one.")
def midpoint(field, x0, n):
    xs, h = [x0], 1 / n
    for i in range(n):
        half = xs[-1] + h / 2 * field(xs[-1], torch.tensor(i * h, dtype=x0.dtype))
        xs.append(xs[-1] + h * field(half, torch.tensor((i + 0.5) * h, dtype=x0.dtype)))
    return torch.stack(xs)


@euler.mistake("the field is taken in the middle of each step: the Euler step takes it where the step starts.")
def times_in_the_middle(field, x0, n):
    return euler_loop(field, x0, n, time=lambda i, n: (i + 0.5) / n)


euler.pairs += euler_pairs(
    lambda states: states,
    start_missing=("x0 is missing among the states.", lambda states: states[1:]),
    end_missing=("the last state is missing.", lambda states: states[:-1]),
    batch_first=("the states are stacked along the second axis.", lambda states: states.transpose(0, 1)),
    only_the_end=("only the last state came back.", lambda states: states[-1]),
)


@euler.mistake("the change is multiplied by x: how it grows with x, the field knows.")
def change_times_x(field, x0, n):
    xs = [x0]
    for i in range(n):
        xs.append(xs[-1] * (1 + field(xs[-1], torch.tensor(i / n, dtype=x0.dtype)) / n))
    return torch.stack(xs)
