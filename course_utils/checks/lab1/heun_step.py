"""Exercise 1.2: one Heun step, with the mean of the velocities at both ends of an Euler step."""

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import batch_shape, curved_field, states
from course_utils.checks.mistakes import CHANGE_ONLY, pairs
from course_utils.checks.sums import as_one, combination

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


@heun_step.mistake("h is missing everywhere: both the prediction and the step itself travel for a time h.")
def no_h_at_all(field, x, t, h):
    start = field(x, t)
    return x + (start + field(x + start, t + h)) / 2


@heun_step.mistake("this is Ralston's step, a right method of order 2, but another one: Heun averages the two ends.")
def ralston(field, x, t, h):
    start = field(x, t)
    return x + h * (start + 3 * field(x + 2 / 3 * h * start, t + 2 / 3 * h)) / 4


@heun_step.mistake("this is the method of Runge and Kutta with four velocities: Heun's has two.")
def runge_kutta(field, x, t, h):
    one = field(x, t)
    two = field(x + h / 2 * one, t + h / 2)
    three = field(x + h / 2 * two, t + h / 2)
    return x + h * (one + 2 * two + 2 * three + field(x + h * three, t + h)) / 6


@heun_step.mistake("the prediction is made a second time, with the mean of both velocities: Heun's step makes it once.")
def predicted_twice(field, x, t, h):
    return x + h * (field(x, t) + field(heun_step.oracle(field, x, t, h), t + h)) / 2


@heun_step.mistake("the second velocity is taken at t + h / 2: the predicted state belongs to the end of the step.")
def time_in_the_middle(field, x, t, h):
    return _step(field, x, t, h, moment=lambda t, h: t + h / 2)


@heun_step.mistake("the prediction goes against the velocity.")
def predicted_backwards(field, x, t, h):
    return _step(field, x, t, h, place=lambda x, start, h: x - h * start)


def _step(
    field,
    x,
    t,
    h,
    *,
    place=lambda x, start, h: x + h * start,
    moment=lambda t, h: t + h,
    end=lambda x, start, end, h: x + h * (start + end) / 2,
):
    """A right step with place and time of the second velocity, and the last line, to replace."""
    start = field(x, t)
    return end(x, start, field(place(x, start, h), moment(t, h)), h)


PLACES = {
    "old state": ("the second velocity is taken at x.", lambda x, start, h: x),
    "whole prediction": ("the prediction adds the whole velocity.", lambda x, start, h: x + start),
    "change alone": ("x is missing in the prediction.", lambda x, start, h: h * start),
    "velocity as state": (
        "the second velocity is taken at the first, as if that were a state.",
        lambda x, start, h: start,
    ),
    "half a prediction": ("the prediction makes half a step.", lambda x, start, h: x + h / 2 * start),
    "backwards": ("the prediction goes against the velocity.", lambda x, start, h: x - h * start),
}
MOMENTS = {
    "old time": ("the second velocity is taken at t.", lambda t, h: t),
    "length as time": ("the second velocity is taken at time h.", lambda t, h: h),
    "half a time": ("the second velocity is taken at t + h / 2.", lambda t, h: t + h / 2),
    "earlier": ("the second velocity is taken at t - h.", lambda t, h: t - h),
}
ENDS = {
    "sum": ("the velocities are added, where their mean is needed.", lambda x, start, end, h: x + h * (start + end)),
    "whole": ("the mean velocity is added whole.", lambda x, start, end, h: x + (start + end) / 2),
    "neither": ("the velocities are added whole, without mean or h.", lambda x, start, end, h: x + start + end),
    "end alone": ("only the velocity at the end is used.", lambda x, start, end, h: x + h * end),
    "change": ("only the change came back.", lambda x, start, end, h: h * (start + end) / 2),
    "no brackets": ("only the second velocity is halved.", lambda x, start, end, h: x + h * (start + end / 2)),
    "from the prediction": (
        "the mean is added to the prediction.",
        lambda x, start, end, h: x + h * (start + (start + end) / 2),
    ),
}
heun_step.pairs += pairs(
    _step,
    *(
        {name: (words, {part: replaced}) for name, (words, replaced) in known.items()}
        for part, known in (("place", PLACES), ("moment", MOMENTS), ("end", ENDS))
    ),
)
heun_step.traits += combination(
    {
        "x": lambda field, x, t, h: x,
        "k_1": lambda field, x, t, h: field(x, t),
        "k_2": lambda field, x, t, h: _velocities(field, x, t, h)[1],
    },
    total=None,
    read=as_one,
)
