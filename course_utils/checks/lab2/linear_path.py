"""Exercise 2.10: states and velocities on the straight line from any x0 to z."""

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import image_shape, states, times
from course_utils.checks.mistakes import axis_mistakes
from course_utils.checks.observers import PointsAndImages, Several
from course_utils.checks.sums import combination
from course_utils.checks.traits import Trait
from course_utils.shapes import expand_time

__all__ = ["linear_path"]


@exercise("2.10", "Linear path", points=2, sees=PointsAndImages(Several("x", "velocity")), single=1e-5)
def linear_path(x0, z, t):
    pairs = list(zip(x0, z, t, strict=True))
    return torch.stack([a + s * (b - a) for a, b, s in pairs]), torch.stack([b - a for a, b, _ in pairs])


@linear_path.inputs
def _(normal):
    shape = image_shape(normal)
    t = torch.cat([times(normal, 2), torch.tensor([0.0, 1.0], dtype=torch.float64)])[: shape[0]]
    return {"x0": states(normal, *shape), "z": normal(*shape), "t": t}


def _at_given_times(x0, z, t):
    return t * z + (1 - t) * x0, z - x0


def _state(x0, z, t):
    return linear_path.oracle(x0, z, t)[0]


@linear_path.mistake("the ends are exchanged: the path starts at x0 and ends at z.")
def ends_exchanged(x0, z, t):
    return linear_path.oracle(z, x0, t)


@linear_path.mistake("at t = 0 your x is z: the path starts at x0.")
def only_the_states_exchanged(x0, z, t):
    return _state(z, x0, t), z - x0


@linear_path.mistake(
    "the velocity points back to x0: differentiate x with respect to t. (A slide of CS280 has this slip.)"
)
def velocity_reversed(x0, z, t):
    return _state(x0, z, t), x0 - z


@linear_path.mistake("the two results are exchanged: first the state, then its velocity.")
def velocity_first(x0, z, t):
    return linear_path.oracle(x0, z, t)[::-1]


@linear_path.mistake(
    "0 / 0 at t = 1: the velocity is right elsewhere, but with both ends known nothing has to be divided."
)
def divided_by_the_time_that_is_left(x0, z, t):
    t = expand_time(t, z)
    x, _ = _at_given_times(x0, z, t)
    return x, (z - x) / (1 - t)


@linear_path.mistake("0 / 0 at t = 0: the velocity is right elsewhere, but with both ends known no division is needed.")
def divided_by_the_time_that_has_passed(x0, z, t):
    t = expand_time(t, z)
    x, _ = _at_given_times(x0, z, t)
    return x, (x - x0) / t


@linear_path.mistake("the velocity is z: the share of x0 changes as well, and its derivative belongs to the velocity.")
def velocity_of_z_alone(x0, z, t):
    return _state(x0, z, t), z


@linear_path.mistake(
    "only the sign was changed: in the derivative with respect to t, the factors t and 1 - t turn into constants."
)
def not_differentiated(x0, z, t):
    return _state(x0, z, t), _state(-x0, z, t)


@linear_path.mistake("the velocity is multiplied by t: that is the way travelled so far.")
def velocity_times_t(x0, z, t):
    return _state(x0, z, t), expand_time(t, z) * (z - x0)


@linear_path.mistake("z - x is the way that is left: the velocity is constant along the path.")
def way_that_is_left(x0, z, t):
    x = _state(x0, z, t)
    return x, z - x


@linear_path.mistake("the sign in the velocity: as the share of z grows, that of x0 falls.")
def endpoints_added(x0, z, t):
    return _state(x0, z, t), z + x0


@linear_path.mistake("x0 keeps its full share: at t = 1 nothing of it may be left.")
def x0_not_faded_out(x0, z, t):
    return x0 + expand_time(t, z) * z, z - x0


linear_path.mistakes += axis_mistakes(_at_given_times, states="z")


@linear_path.mistake("brackets are missing: in Python 1 - t * x0 is 1 - (t * x0).")
def brackets_missing(x0, z, t):
    t = expand_time(t, z)
    return 1 - t * x0 + t * z, z - x0


@linear_path.mistake("x goes away from z: it adds what leads from z to x0.")
def away_from_z(x0, z, t):
    return x0 + expand_time(t, z) * (x0 - z), z - x0


@linear_path.mistake("z has its full share from the start: at t = 0 nothing of it may be there.")
def z_not_faded_in(x0, z, t):
    return (1 - expand_time(t, z)) * x0 + z, z - x0


@linear_path.mistake("the velocity is divided by the length of the way: it says how fast, too, not only where to.")
def direction_alone(x0, z, t):
    lengths = (z - x0).flatten(1).norm(dim=1).reshape(-1, *[1] * (z.ndim - 1))
    return _state(x0, z, t), (z - x0) / lengths


@linear_path.mistake("the factors in the velocity are those of z and x0 the other way round, not their derivatives.")
def factors_exchanged(x0, z, t):
    return _state(x0, z, t), _state(z, -x0, t)


def _traits(of: str) -> list[Trait]:
    """Traits of one of the two results."""
    ends = {"x0": lambda x0, z, t: (x0, x0), "z": lambda x0, z, t: (z, z)}
    return combination(ends, of=of, where=f"in the {'state' if of == 'x ' else 'velocity'}, ")


linear_path.traits += [*_traits("x "), *_traits("velocity")]
