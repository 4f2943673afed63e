"""Exercise 1.2: one Heun step, with the mean of the velocities at both ends of an Euler step."""

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import batch_shape, curved_field, states
from course_utils.checks.mistakes import CHANGE_ONLY

__all__ = ["heun_step"]


@exercise("1.2", "Heun step", points=2)
def heun_step(field, x, t, h):
    start = field(x, t)
    return x + h * (start + field(x + h * start, t + h)) / 2


@heun_step.inputs
def _(normal):
    t, h = normal(2).sigmoid()
    t = 0 * t if normal.seed % 3 == 0 else t
    shape = batch_shape(normal)
    return {"field": curved_field(normal, shape[-1]), "x": states(normal, *shape), "t": t, "h": h / 2}


def _velocities(field, x, t, h):
    """The velocities at the start, and at the end that it predicts."""
    start = field(x, t)
    return start, field(x + h * start, t + h)


@heun_step.mistake("this is the Euler step: the velocity at the end of the step is not used.")
def euler(field, x, t, h):
    return x + h * field(x, t)


@heun_step.mistake("the two velocities are added: their mean is needed, else the state travels twice as far.")
def sum_instead_of_mean(field, x, t, h):
    start, end = _velocities(field, x, t, h)
    return x + h * (start + end)


@heun_step.mistake("the second velocity is taken at time t: the predicted state belongs to the time t + h.")
def old_time(field, x, t, h):
    start = field(x, t)
    return x + h * (start + field(x + h * start, t)) / 2


@heun_step.mistake("the second velocity is taken at x: it belongs to the state that an Euler step predicts.")
def old_state(field, x, t, h):
    return x + h * (field(x, t) + field(x, t + h)) / 2


@heun_step.mistake("this is the midpoint step, a right method of order 2, but another one: Heun averages the two ends.")
def midpoint(field, x, t, h):
    return x + h * field(x + h / 2 * field(x, t), t + h / 2)


@heun_step.mistake("the predicted state adds the whole velocity: a factor h is missing there.")
def no_h_in_the_prediction(field, x, t, h):
    start = field(x, t)
    return x + h * (start + field(x + start, t + h)) / 2


@heun_step.mistake("the mean velocity is added whole: how far does a state travel with it in a time h?")
def no_h(field, x, t, h):
    start, end = _velocities(field, x, t, h)
    return x + (start + end) / 2


@heun_step.mistake(
    "the mean is multiplied by h twice: if k_1 and k_2 hold an h already, the last line brings no other."
)
def h_twice_in_the_end(field, x, t, h):
    return x + h * (heun_step.oracle(field, x, t, h) - x)


@heun_step.mistake(
    "the prediction is multiplied by h twice: if k_1 holds an h already, the prediction brings no other."
)
def h_twice_in_the_prediction(field, x, t, h):
    start = field(x, t)
    return x + h * (start + field(x + h**2 * start, t + h)) / 2


@heun_step.mistake("the mean is added to the predicted state: the step starts from x, the prediction serves k_2 alone.")
def from_the_prediction(field, x, t, h):
    return heun_step.oracle(field, x, t, h) + h * field(x, t)


@heun_step.mistake("brackets are missing: both velocities are multiplied by h, and both are halved.")
def no_brackets(field, x, t, h):
    start, end = _velocities(field, x, t, h)
    return x + h * start + end / 2


@heun_step.mistake("only the second velocity is halved: a mean halves the sum of both.")
def half_of_one(field, x, t, h):
    start, end = _velocities(field, x, t, h)
    return x + h * (start + end / 2)


@heun_step.mistake(CHANGE_ONLY)
def change_only(field, x, t, h):
    return heun_step.oracle(field, x, t, h) - x


@heun_step.mistake("the second velocity is taken at the change alone: the predicted state is x plus that change.")
def prediction_without_x(field, x, t, h):
    start = field(x, t)
    return x + h * (start + field(h * start, t + h)) / 2


@heun_step.mistake("only the velocity at the end of the step is used: Heun averages it with the one at the start.")
def only_the_end(field, x, t, h):
    _, end = _velocities(field, x, t, h)
    return x + h * end


@heun_step.mistake("the change is half of what it should be: is the mean taken twice?")
def halved_twice(field, x, t, h):
    return (x + heun_step.oracle(field, x, t, h)) / 2


@heun_step.mistake("the second velocity is taken at time h: the predicted state belongs to the time t + h.")
def length_as_time(field, x, t, h):
    start = field(x, t)
    return x + h * (start + field(x + h * start, h)) / 2


@heun_step.mistake(
    "the second velocity is taken at the first velocity, as if that were a state: where does it lead from x?"
)
def velocity_as_state(field, x, t, h):
    start = field(x, t)
    return x + h * (start + field(start, t + h)) / 2


@heun_step.mistake("the prediction makes half a step, but the second velocity is weighed as if it made a whole one.")
def half_a_prediction(field, x, t, h):
    start = field(x, t)
    return x + h * (start + field(x + h / 2 * start, t + h)) / 2


@heun_step.mistake("this is the mean velocity: the state x is missing, and h with it.")
def mean_velocity(field, x, t, h):
    start, end = _velocities(field, x, t, h)
    return (start + end) / 2
