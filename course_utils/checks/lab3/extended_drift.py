"""Exercise 3.5: the drift of the SDE that has the marginals of a flow, for any strength of the noise."""

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import curved_field, times_and_ends
from course_utils.checks.mistakes import WHOLE_STEP
from course_utils.checks.sums import combination

__all__ = ["extended_drift"]


@exercise("3.5", "Drift of the SDE extension", points=2, single=0.0001)
def extended_drift(velocity, score, x, t, sigma):
    rows = [velocity(x[[i]], t[[i]]) + sigma * sigma / 2 * score(x[[i]], t[[i]]) for i in range(len(x))]
    return torch.cat(rows)


@extended_drift.inputs
def _(normal):
    velocity, score = curved_field(normal, 4), curved_field(normal, 4)
    sigma, batch = (1.5 + normal(1).sigmoid())[0], (3, 4)[normal.seed % 2]
    x, t = normal(batch, 2, 4), times_and_ends(normal, batch)
    return {"velocity": velocity, "score": score, "x": x, "t": t, "sigma": sigma}


@extended_drift.mistake("a factor 1/2 is missing: the score would pull twice as hard as the noise pushes.")
def no_half(velocity, score, x, t, sigma):
    return velocity(x, t) + sigma**2 * score(x, t)


@extended_drift.mistake(
    "sigma enters with the wrong power: it is the variance of the noise that the score has to balance."
)
def not_squared(velocity, score, x, t, sigma):
    return velocity(x, t) + sigma / 2 * score(x, t)


@extended_drift.mistake("sigma alone stands before the score: half of the variance of the noise belongs there.")
def neither_half_nor_squared(velocity, score, x, t, sigma):
    return velocity(x, t) + sigma * score(x, t)


@extended_drift.mistake(
    "f - g^2 s is the drift of a noising process run backwards, with another f and falling time; here the "
    "flow is given, and time rises."
)
def reverse_sde_of_the_papers(velocity, score, x, t, sigma):
    return velocity(x, t) - sigma**2 * score(x, t)


@extended_drift.mistake("the score is taken at the velocity: take it at the state.")
def score_of_the_velocity(velocity, score, x, t, sigma):
    return velocity(x, t) + sigma**2 / 2 * score(velocity(x, t), t)


@extended_drift.mistake("sigma squared is missing: stronger noise needs a stronger pull.")
def half_the_score(velocity, score, x, t, sigma):
    return velocity(x, t) + score(x, t) / 2


@extended_drift.mistake(
    "the score pushes apart what the noise already spreads: it has to pull back to where p_t is large."
)
def sign(velocity, score, x, t, sigma):
    return velocity(x, t) - sigma**2 / 2 * score(x, t)


@extended_drift.mistake("the velocity is missing: this is Langevin dynamics, which keeps a law but carries it nowhere.")
def no_velocity(velocity, score, x, t, sigma):
    return sigma**2 / 2 * score(x, t)


@extended_drift.mistake("the score is missing: with noise but nothing to balance it, the marginals would spread.")
def no_score(velocity, score, x, t, sigma):
    return velocity(x, t)


@extended_drift.mistake("sigma is missing: stronger noise needs a stronger pull.")
def score_alone(velocity, score, x, t, sigma):
    return velocity(x, t) + score(x, t)


@extended_drift.mistake("velocity and score are exchanged.")
def exchanged(velocity, score, x, t, sigma):
    return extended_drift.oracle(score, velocity, x, t, sigma)


@extended_drift.mistake("the velocity is scaled with sigma as well: the flow stays as it is, whatever the noise.")
def velocity_scaled_too(velocity, score, x, t, sigma):
    return sigma**2 / 2 * (velocity(x, t) + score(x, t))


@extended_drift.mistake("the 1/2 is squared as well: only sigma is.")
def half_squared_as_well(velocity, score, x, t, sigma):
    return velocity(x, t) + (sigma / 2) ** 2 * score(x, t)


@extended_drift.mistake("the velocity is halved as well: the flow stays as it is, whatever the noise.")
def halved_altogether(velocity, score, x, t, sigma):
    return (velocity(x, t) + sigma**2 * score(x, t)) / 2


@extended_drift.mistake("sigma is added to the drift: the noise is not part of it.")
def noise_in_the_drift(velocity, score, x, t, sigma):
    return velocity(x, t) + sigma**2 / 2 * score(x, t) + sigma


@extended_drift.mistake("the state stands where the score should.")
def state_for_score(velocity, score, x, t, sigma):
    return velocity(x, t) + sigma**2 / 2 * x


@extended_drift.mistake("the score is taken at t = 0: it changes with time.")
def time_stands_still(velocity, score, x, t, sigma):
    return velocity(x, t) + sigma**2 / 2 * score(x, 0 * t)


@extended_drift.mistake(WHOLE_STEP)
def a_step(velocity, score, x, t, sigma):
    return x + velocity(x, t) + sigma**2 / 2 * score(x, t)


@extended_drift.mistake("velocity and score are taken at 1 - t: noise is at t = 0, data at t = 1.")
def time_reversed(velocity, score, x, t, sigma):
    return extended_drift.oracle(velocity, score, x, 1 - t, sigma)


@extended_drift.mistake("the score is taken at 1 - t, the velocity at t: both belong to the time of the state.")
def score_at_1_minus_t(velocity, score, x, t, sigma):
    return velocity(x, t) + sigma**2 / 2 * score(x, 1 - t)


@extended_drift.mistake("the velocity is taken at 1 - t, the score at t: both belong to the time of the state.")
def velocity_at_1_minus_t(velocity, score, x, t, sigma):
    return velocity(x, 1 - t) + sigma**2 / 2 * score(x, t)


@extended_drift.mistake("the velocity is taken at t = 0: it changes with time.")
def velocity_stands_still(velocity, score, x, t, sigma):
    return velocity(x, 0 * t) + sigma**2 / 2 * score(x, t)


@extended_drift.mistake("velocity and score are taken at t = 0: both change with time.")
def all_stands_still(velocity, score, x, t, sigma):
    return extended_drift.oracle(velocity, score, x, 0 * t, sigma)


@extended_drift.mistake("all states are given one and the same time: each has its own.")
def one_time_for_all(velocity, score, x, t, sigma):
    return extended_drift.oracle(velocity, score, x, t[:1].expand_as(t), sigma)


@extended_drift.mistake("brackets: the score multiplies a sum with the velocity in it; it has a factor of its own.")
def sum_times_the_score(velocity, score, x, t, sigma):
    return (velocity(x, t) + sigma**2 / 2) * score(x, t)


@extended_drift.mistake("velocity and score are multiplied: the drift is a sum of two terms.")
def product(velocity, score, x, t, sigma):
    return sigma**2 / 2 * velocity(x, t) * score(x, t)


@extended_drift.mistake("the score is taken where a step would lead: take it at the state.")
def score_after_a_step(velocity, score, x, t, sigma):
    return velocity(x, t) + sigma**2 / 2 * score(x + velocity(x, t), t)


extended_drift.traits += combination(
    {
        "the velocity": lambda velocity, score, x, t, sigma: velocity(x, t),
        "the score": lambda velocity, score, x, t, sigma: score(x, t),
    }
)
