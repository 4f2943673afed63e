"""Exercise 3.4: data, noise and score that belong to a velocity, for any schedule."""

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import arch_schedule, times_and_ends
from course_utils.checks.mistakes import OnPath, axis_mistakes
from course_utils.checks.mixups import schedule_mistakes
from course_utils.checks.observers import PointsAndImages, Several
from course_utils.checks.sums import combination
from course_utils.checks.traits import Trait
from course_utils.shapes import expand_time

__all__ = ["from_velocity"]


@exercise(
    "3.4",
    "Data, noise and score from the velocity",
    points=3,
    sees=PointsAndImages(Several("data", "noise", "score")),
    single=0.0001,
    why="float64; a linear system solved in another way",
)
def from_velocity(schedule, velocity, x, t):
    data, noise, scores = [], [], []
    for v, state, s in zip(velocity, x, t, strict=True):
        rows = [[schedule.alpha(s), schedule.beta(s)], [schedule.alpha_dot(s), schedule.beta_dot(s)]]
        known = torch.stack([state.flatten(), v.flatten()])
        z, e = torch.linalg.solve(torch.tensor(rows, dtype=x.dtype), known)
        data.append(z.view_as(state))
        noise.append(e.view_as(state))
        scores.append(-e.view_as(state) / schedule.beta(s))
    return torch.stack(data), torch.stack(noise), torch.stack(scores)


@from_velocity.inputs
def _(normal):
    schedule, velocity = arch_schedule(normal), normal(4, 1, 4, 4)
    return {"schedule": schedule, "velocity": velocity, "x": normal(4, 1, 4, 4), "t": times_and_ends(normal, 4)}


def _solved(schedule, velocity, x, t) -> OnPath:
    """The schedule at the times of the states, with the right data and noise."""
    data, noise, _ = from_velocity.oracle(schedule, velocity, x, t)
    return OnPath.at(schedule, expand_time(t, x), data, noise)


def _by_cramer(path: OnPath, velocity, x, determinant=None):
    """The answer by Cramer's rule, with a determinant to replace."""
    right = path.alpha_dot * path.beta - path.alpha * path.beta_dot
    determinant = right if determinant is None else determinant
    noise = (path.alpha_dot * x - path.alpha * velocity) / determinant
    return (path.beta * velocity - path.beta_dot * x) / determinant, noise, -noise / path.beta


@from_velocity.mistake("the score has the wrong sign: it points against the noise.")
def sign_of_the_score(*arguments):
    path = _solved(*arguments)
    return path.z, path.noise, path.noise / path.beta


@from_velocity.mistake("data and noise are right; in the score beta is missing.")
def score_not_divided(*arguments):
    path = _solved(*arguments)
    return path.z, path.noise, -path.noise


@from_velocity.mistake("data and noise are right; the score divides by beta once too often.")
def score_by_beta_squared(*arguments):
    path = _solved(*arguments)
    return path.z, path.noise, -path.noise / path.beta**2


@from_velocity.mistake("data and noise are right; in the score alpha is missing.")
def score_without_alpha(schedule, velocity, x, t):
    path = _solved(schedule, velocity, x, t)
    return path.z, path.noise, -(x - path.z) / path.beta**2


@from_velocity.mistake("data and noise are exchanged: data comes first.")
def exchanged(*arguments):
    data, noise, score = from_velocity.oracle(*arguments)
    return noise, data, score


@from_velocity.mistake("the noise has the wrong sign: alpha data + beta noise must give x back.")
def sign_of_the_noise(*arguments):
    data, noise, score = from_velocity.oracle(*arguments)
    return data, -noise, score


@from_velocity.mistake("the data is right; the noise has the wrong sign, and the score with it.")
def sign_of_the_noise_and_of_the_score(*arguments):
    data, noise, score = from_velocity.oracle(*arguments)
    return data, -noise, -score


@from_velocity.mistake("the data has the wrong sign: alpha data + beta noise must give x back.")
def sign_of_the_data(*arguments):
    data, noise, score = from_velocity.oracle(*arguments)
    return -data, noise, score


@from_velocity.mistake("this holds on the linear path only: the derivatives of the given schedule are missing.")
def linear_path_only(schedule, velocity, x, t):
    path = _solved(schedule, velocity, x, t)
    noise = x - path.alpha * velocity
    return x + path.beta * velocity, noise, -noise / path.beta


@from_velocity.mistake(
    "a denominator is missing in data and noise; on the linear path it is 1, and nobody would notice."
)
def no_determinant(schedule, velocity, x, t):
    return _by_cramer(_solved(schedule, velocity, x, t), velocity, x, determinant=1.0)


@from_velocity.mistake("the sign in the denominator of data and noise: put your results back into the two equations.")
def sign_of_the_determinant(schedule, velocity, x, t):
    path = _solved(schedule, velocity, x, t)
    return _by_cramer(path, velocity, x, determinant=path.alpha_dot * path.beta + path.alpha * path.beta_dot)


def _at_given_times(schedule, velocity, x, t):
    return _by_cramer(OnPath.at(schedule, t, x, x), velocity, x)


from_velocity.mistakes += axis_mistakes(_at_given_times, states="x")


@from_velocity.mistake("data and noise have the wrong sign, both: alpha data + beta noise must give x back.")
def both_signs(schedule, velocity, x, t):
    path = _solved(schedule, velocity, x, t)
    return _by_cramer(path, velocity, x, determinant=path.alpha * path.beta_dot - path.alpha_dot * path.beta)


@from_velocity.mistake("the data is right; in the noise the denominator is missing.")
def noise_not_divided(schedule, velocity, x, t):
    path = _solved(schedule, velocity, x, t)
    noise = path.alpha_dot * x - path.alpha * velocity
    return path.z, noise, -noise / path.beta


@from_velocity.mistake("a sign in the data: put your results back into the two equations.")
def sign_of_x_in_the_data(schedule, velocity, x, t):
    path = _solved(schedule, velocity, x, t)
    determinant = path.alpha_dot * path.beta - path.alpha * path.beta_dot
    return (path.beta * velocity + path.beta_dot * x) / determinant, path.noise, -path.noise / path.beta


@from_velocity.mistake("the noise is right; in the data the denominator is missing.")
def data_not_divided(schedule, velocity, x, t):
    path = _solved(schedule, velocity, x, t)
    return path.beta * velocity - path.beta_dot * x, path.noise, -path.noise / path.beta


@from_velocity.mistake("x - alpha data is beta times the noise, not the noise itself.")
def noise_still_scaled(*arguments):
    path = _solved(*arguments)
    return path.z, path.beta * path.noise, -path.noise


@from_velocity.mistake("data and noise are right; the score multiplies by beta where it should divide.")
def score_times_beta(*arguments):
    path = _solved(*arguments)
    return path.z, path.noise, -path.noise * path.beta


@from_velocity.mistake("the order: data, noise, score.")
def score_second(*arguments):
    data, noise, score = from_velocity.oracle(*arguments)
    return data, score, noise


@from_velocity.mistake("x / alpha is the data only where there is no noise.")
def noise_ignored(schedule, velocity, x, t):
    path = _solved(schedule, velocity, x, t)
    return x / path.alpha, path.noise, -path.noise / path.beta


@from_velocity.mistake("velocity and x are exchanged: the mixture without dots is x.")
def x_and_velocity_exchanged(schedule, velocity, x, t):
    return from_velocity.oracle(schedule, x, velocity, t)


@from_velocity.mistake("data and noise are exchanged, and the score was made from the data.")
def data_and_noise_exchanged_score_too(*arguments):
    path = _solved(*arguments)
    return path.noise, path.z, -path.z / path.beta


@from_velocity.mistake("the order is turned round: data, noise, score.")
def backwards(*arguments):
    return from_velocity.oracle(*arguments)[::-1]


def _from_formulas(schedule, velocity, x, t):
    """The answer by formulas, which give inf or nan where a mixed up schedule makes them singular."""
    return _by_cramer(OnPath.at(schedule, expand_time(t, x), x, x), velocity, x)


from_velocity.mistakes += schedule_mistakes(_from_formulas, rates=True)


@from_velocity.mistake("data and noise are right; the score is divided by alpha.")
def score_by_alpha(*arguments):
    path = _solved(*arguments)
    return path.z, path.noise, -path.noise / path.alpha


@from_velocity.mistake("data and noise are right; the score is made from x, where the noise belongs.")
def score_of_the_state(schedule, velocity, x, t):
    path = _solved(schedule, velocity, x, t)
    return path.z, path.noise, -x / path.beta


@from_velocity.mistake("data and noise are right; the score is made from the data, where the noise belongs.")
def score_of_the_data(*arguments):
    path = _solved(*arguments)
    return path.z, path.noise, -path.z / path.beta


def _traits(of: str) -> list[Trait]:
    """Traits of one of the three results, each of which is a sum of two parts."""
    parts = {
        "x": lambda schedule, velocity, x, t: (x, x, x),
        "the velocity": lambda schedule, velocity, x, t: (velocity, velocity, velocity),
    }
    return combination(parts, of=of, where=f"in the {of}, ")


from_velocity.traits += [*_traits("data"), *_traits("noise"), *_traits("score")]
