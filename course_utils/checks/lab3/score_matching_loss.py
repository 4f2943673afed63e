"""Exercise 3.2: the mean squared difference of a model's scores and those of the conditional path."""

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import arch_schedule, times
from course_utils.checks.lab3.losses import (
    WRONG_AXIS,
    both_losses_mistakes,
    loss_inputs,
    not_reshaped,
    predictions,
    seen_mixed_up,
    weighted,
)
from course_utils.checks.losses import VELOCITY, loss_pairs, loss_traits
from course_utils.checks.mistakes import OnPath, norm_squared, path_loss
from course_utils.checks.mixups import schedule_mistakes
from course_utils.checks.observers import LossAndGradient, PointsAndImages
from course_utils.shapes import expand_time

__all__ = ["score_matching_loss"]


@exercise(
    "3.2",
    "Denoising score matching loss",
    points=3,
    sees=PointsAndImages(LossAndGradient()),
    rtol=1e-6,
    single=0.0001,
    why="loss and gradient of an affine model in float64",
)
def score_matching_loss(model, schedule, z, t, noise):
    total = 0.0
    for i, answer in enumerate(predictions(model, schedule, z, t, noise)):
        total = total + ((answer + noise[i] / schedule.beta(t[i])) ** 2).sum()
    return total / len(z)


@score_matching_loss.inputs
def _(normal):
    t = times(normal, 4)
    t[1] = 2.0**-6
    t[-1] = 1 - 2.0**-6
    return loss_inputs(normal, arch_schedule(normal), t)


def _score(path):
    return -path.noise / path.beta


@score_matching_loss.mistake("the target has the wrong sign: the score points against the noise.")
def sign(*arguments):
    return path_loss(lambda path: -_score(path))(*arguments)


@score_matching_loss.mistake("beta is missing: a narrow Gaussian has a large score.")
def noise_as_target(*arguments):
    return path_loss(lambda path: -path.noise)(*arguments)


@score_matching_loss.mistake(
    "the target is the noise, that is for Exercise 3.3: the score has a sign and a size of its own."
)
def noise_as_target_with_its_sign(*arguments):
    return path_loss(lambda path: path.noise)(*arguments)


@score_matching_loss.mistake("this target is the velocity of the linear path: the conditional score is asked for.")
def velocity_as_target(*arguments):
    return path_loss(lambda path: path.z - path.noise)(*arguments)


@score_matching_loss.mistake("the squared difference is multiplied by beta squared: no weight is asked for.")
def weighted_by_the_variance(*arguments):
    return weighted(_score, power=1)(*arguments)


@score_matching_loss.mistake("divided by beta squared: in x - alpha z = beta noise there is a beta already.")
def variance_in_the_target(*arguments):
    return path_loss(lambda path: -path.noise / path.beta**2)(*arguments)


@score_matching_loss.mistake(
    "the target is divided by 1 - alpha: that is beta on the linear path alone. Use schedule.beta."
)
def one_minus_alpha_in_the_target(*arguments):
    return path_loss(lambda path: -path.noise / (1 - path.alpha))(*arguments)


@score_matching_loss.mistake("alpha is missing in the target: the centre of p_t(x|z) is alpha z.")
def target_without_alpha(*arguments):
    return path_loss(lambda path: -(path.x - path.z) / path.beta**2)(*arguments)


@score_matching_loss.mistake("multiplied by beta: it stands in the denominator of the score.")
def times_beta(*arguments):
    return path_loss(lambda path: -path.noise * path.beta)(*arguments)


score_matching_loss.mistakes += both_losses_mistakes(_score)
score_matching_loss.mistakes += schedule_mistakes(score_matching_loss.oracle)
score_matching_loss.mistakes += seen_mixed_up(
    _score, without=("alpha and beta exchanged", "root of alpha", "alpha squared", "t for alpha", "beta for alpha")
)


@score_matching_loss.mistake("the target is divided by alpha: how wide p_t(x|z) is, the noise decides.")
def alpha_in_the_target(*arguments):
    return path_loss(lambda path: -path.noise / path.alpha)(*arguments)


@score_matching_loss.mistake("the target is divided by the root of beta: the schedule gives a standard deviation.")
def root_of_beta_in_the_target(*arguments):
    return path_loss(lambda path: -path.noise / path.beta.sqrt())(*arguments)


@score_matching_loss.mistake(
    "the target is divided by a beta made from the square of alpha, which holds for variance preserving schedules only."
)
def square_of_alpha_in_the_target(*arguments):
    return path_loss(lambda path: -path.noise / (1 - path.alpha**2).sqrt())(*arguments)


@score_matching_loss.mistake("the target has the data in the place of the noise.")
def data_for_noise(*arguments):
    return path_loss(lambda path: -path.z / path.beta)(*arguments)


@score_matching_loss.mistake("the target has the state in the place of its difference from alpha z.")
def state_for_noise(*arguments):
    return path_loss(lambda path: -path.x / path.beta**2)(*arguments)


@score_matching_loss.mistake("the target has the state in the place of the noise.")
def state_over_beta(*arguments):
    return path_loss(lambda path: -path.x / path.beta)(*arguments)


@score_matching_loss.mistake("1 - t stands in the target where beta should: that is beta on the linear path alone.")
def one_minus_t_in_the_target(model, schedule, z, t, noise):
    return path_loss(lambda path: -path.noise / (1 - expand_time(t, z)))(model, schedule, z, t, noise)


@score_matching_loss.mistake("a sign in the target: in x - alpha z the data is taken off, so that the noise is left.")
def data_put_on(*arguments):
    return path_loss(lambda path: -(path.x + path.alpha * path.z) / path.beta**2)(*arguments)


score_matching_loss.traits += loss_traits(_score)


score_matching_loss.pairs += loss_pairs(_score, "score")


@score_matching_loss.mistake("this target is the velocity of the path: the conditional score is asked for.")
def velocity_of_the_path_as_target(*arguments):
    return path_loss(VELOCITY)(*arguments)


@score_matching_loss.mistake(
    "a bracket: the model's answer is divided by beta as well, where the noise alone should be."
)
def bracket_around_the_difference(model, schedule, z, t, noise):
    path = OnPath.at(schedule, expand_time(t, z), z, noise)
    return norm_squared(((model(path.x, t) + noise) / path.beta) ** 2)


@score_matching_loss.mistake(
    "in the target, the times met the wrong axis: t of shape (B,) lines up with the last axis of the noise."
)
def t_not_reshaped_in_the_target(model, schedule, z, t, noise):
    return path_loss(lambda path: -noise / schedule.beta(t))(model, schedule, z, t, noise)


@score_matching_loss.mistake(WRONG_AXIS.format("the times"))
def t_not_reshaped_in_the_state(*arguments):
    return not_reshaped(_score, "alpha", "beta")(*arguments)
