"""Exercise 3.3: the mean squared difference of a model's noise and the noise of the path."""

import torch.nn.functional as F

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import arch_schedule, times
from course_utils.checks.lab3.losses import (
    both_losses_mistakes,
    loss_inputs,
    predictions,
    seen_mixed_up,
    weighted,
)
from course_utils.checks.losses import VELOCITY, loss_pairs, loss_traits
from course_utils.checks.mistakes import OnPath, norm_squared, path_loss
from course_utils.checks.observers import Also, LossAndGradient, PointsAndImages
from course_utils.shapes import expand_time

__all__ = ["noise_prediction_loss"]


@exercise(
    "3.3",
    "Noise prediction loss",
    points=2,
    sees=Also(PointsAndImages(LossAndGradient()), "t=1"),
    rtol=1e-6,
    single=0.0001,
    why="loss and gradient of an affine model in float64",
)
def noise_prediction_loss(model, schedule, z, t, noise):
    total = 0.0
    for i, answer in enumerate(predictions(model, schedule, z, t, noise)):
        total = total + F.mse_loss(answer, noise[i], reduction="sum")
    return total / len(z)


@noise_prediction_loss.inputs
def _(normal):
    return loss_inputs(normal, arch_schedule(normal, noisy_end=False), times(normal, 4))


def _noise(path):
    return path.noise


@noise_prediction_loss.mistake("the target has the wrong sign: it is the noise itself, with which x was made.")
def sign(*arguments):
    return path_loss(lambda path: -path.noise)(*arguments)


@noise_prediction_loss.mistake("this is the score matching loss: its target grows without bound as beta goes to 0.")
def score_as_target(*arguments):
    return path_loss(lambda path: -path.noise / path.beta)(*arguments)


@noise_prediction_loss.mistake("this target is the velocity of the linear path: the noise alone is asked for.")
def velocity_as_target(*arguments):
    return path_loss(lambda path: path.z - path.noise)(*arguments)


@noise_prediction_loss.mistake(
    "the target is the noise as it stands in x, scaled by beta: noise of unit size is asked for."
)
def scaled_noise(*arguments):
    return path_loss(lambda path: path.beta * path.noise)(*arguments)


@noise_prediction_loss.mistake("the model's answer is converted, as if it were a score: here it is the noise already.")
def prediction_taken_for_a_score(model, schedule, z, t, noise):
    path = OnPath.at(schedule, expand_time(t, z), z, noise)
    return norm_squared((-path.beta * model(path.x, t) - noise) ** 2)


@noise_prediction_loss.mistake("x - z is not the noise: z is scaled in x, and the noise as well.")
def noisy_minus_clean_as_target(*arguments):
    return path_loss(lambda path: path.x - path.z)(*arguments)


@noise_prediction_loss.mistake(
    "the squared difference is still divided by beta squared: that factor was to be dropped."
)
def weight_of_the_score(*arguments):
    return weighted(_noise, power=-1)(*arguments)


@noise_prediction_loss.mistake("the squared difference is multiplied by beta squared: no weight is asked for.")
def weighted_by_the_variance(*arguments):
    return weighted(_noise, power=1)(*arguments)


noise_prediction_loss.mistakes += both_losses_mistakes(_noise)
noise_prediction_loss.mistakes += seen_mixed_up(_noise, without=("alpha and beta exchanged",))


@noise_prediction_loss.mistake("the target is the noise multiplied by beta squared: noise of unit size is asked for.")
def noise_times_the_variance(*arguments):
    return path_loss(lambda path: path.beta**2 * path.noise)(*arguments)


@noise_prediction_loss.mistake("the target is the noise multiplied by alpha: noise of unit size is asked for.")
def noise_times_alpha(*arguments):
    return path_loss(lambda path: path.alpha * path.noise)(*arguments)


@noise_prediction_loss.mistake("(x - z) / beta is the noise only where alpha is 1: in x, the data has a factor, too.")
def target_without_alpha(*arguments):
    return path_loss(lambda path: (path.x - path.z) / path.beta)(*arguments)


@noise_prediction_loss.mistake(
    "the target is the noise with a wrong sign, scaled by beta: noise of unit size is asked for."
)
def minus_scaled_noise(*arguments):
    return path_loss(lambda path: -path.beta * path.noise)(*arguments)


@noise_prediction_loss.mistake("the target is divided by beta: noise of unit size is asked for, as it was given.")
def noise_over_beta(*arguments):
    return path_loss(lambda path: path.noise / path.beta)(*arguments)


@noise_prediction_loss.mistake("the model's answer is multiplied by beta: it should be the noise of unit size itself.")
def prediction_scaled(model, schedule, z, t, noise):
    path = OnPath.at(schedule, expand_time(t, z), z, noise)
    return norm_squared((path.beta * model(path.x, t) - noise) ** 2)


@noise_prediction_loss.mistake(
    "this noise is made from x again, by a division: where beta is 0, that fails. It is given."
)
def noise_made_again(*arguments):
    return path_loss(lambda path: (path.x - path.alpha * path.z) / path.beta)(*arguments)


@noise_prediction_loss.mistake("the model's answer is divided by beta, as if a score were asked for: it is the noise.")
def prediction_made_a_score(model, schedule, z, t, noise):
    path = OnPath.at(schedule, expand_time(t, z), z, noise)
    return norm_squared((-model(path.x, t) / path.beta - noise) ** 2)


noise_prediction_loss.traits += loss_traits(_noise)


noise_prediction_loss.pairs += loss_pairs(_noise, "noise")


@noise_prediction_loss.mistake("this target is the velocity of the path: the noise alone is asked for.")
def velocity_of_the_path_as_target(*arguments):
    return path_loss(VELOCITY)(*arguments)
