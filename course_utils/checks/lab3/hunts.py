"""Bug hunts of Lab 3."""

from course_utils.checks.hunts import Hunts
from course_utils.checks.lab3.conditional_score import conditional_score
from course_utils.checks.lab3.extended_drift import extended_drift
from course_utils.checks.lab3.from_velocity import from_velocity
from course_utils.checks.lab3.noise_prediction_loss import noise_prediction_loss
from course_utils.checks.lab3.score_matching_loss import score_matching_loss

__all__ = ["bug_hunt"]

bug_hunt = Hunts()


@bug_hunt.of(score_matching_loss, "sign", "model sees the data", "variance in the target")
def noise_as_target(model, schedule, z, t, noise):
    at = t.reshape(-1, *[1] * (z.ndim - 1))
    x = schedule.alpha(at) * z + schedule.beta(at) * noise
    squares = (model(x, t) + noise) ** 2
    return squares.flatten(1).sum(1).mean()


@bug_hunt.of(conditional_score, "sign", "no alpha", "half")
def not_squared(schedule, x, z, t):
    t = t.reshape(-1, *[1] * (x.ndim - 1))
    away = x - schedule.alpha(t) * z
    return -away / schedule.beta(t)


@bug_hunt.of(noise_prediction_loss, "model sees the data", "noise not scaled", "time reversed")
def data_not_scaled(model, schedule, z, t, noise):
    beta = schedule.beta(t).reshape(-1, *[1] * (z.ndim - 1))
    x = z + beta * noise
    gaps = model(x, t) - noise
    return (gaps**2).flatten(1).sum(1).mean()


@bug_hunt.of(from_velocity, "sign of the noise", "exchanged", "score not divided")
def linear_path_only(schedule, velocity, x, t):
    t = t.reshape(-1, *[1] * (x.ndim - 1))
    alpha, beta = schedule.alpha(t), schedule.beta(t)
    data = x + beta * velocity
    noise = x - alpha * velocity
    return data, noise, -noise / beta


@bug_hunt.of(extended_drift, "not squared", "sign", "score at 1 minus t")
def no_half(velocity, score, x, t, sigma):
    return velocity(x, t) + sigma**2 * score(x, t)


@bug_hunt.of(noise_prediction_loss, "norm not squared", "sum over the batch", "half")
def last_axis_only(model, schedule, z, t, noise):
    at = t.reshape(-1, *[1] * (z.ndim - 1))
    x = schedule.alpha(at) * z + schedule.beta(at) * noise
    squares = (model(x, t) - noise) ** 2
    return squares.sum(-1).mean()
