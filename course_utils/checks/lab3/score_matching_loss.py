"""Exercise 3.2: the mean squared difference of a model's scores and those of the conditional path."""

from course_utils.checks.exercise import exercise
from course_utils.checks.lab3.losses import both_losses_mistakes, loss_inputs, predictions, weighted
from course_utils.checks.mistakes import path_loss
from course_utils.checks.observers import LossAndGradient

__all__ = ["score_matching_loss"]


@exercise(
    "3.2",
    "Denoising score matching loss",
    points=3,
    sees=LossAndGradient(),
    rtol=1e-6,
    why="loss and gradient of an affine model in float64, for times up to 0.9",
)
def score_matching_loss(model, schedule, z, t, noise):
    total = 0.0
    for i, answer in enumerate(predictions(model, schedule, z, t, noise)):
        total = total + ((answer + noise[i] / schedule.beta(t[i])) ** 2).sum()
    return total / len(z)


@score_matching_loss.inputs
def _(normal):
    return loss_inputs(normal)


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
def beta_squared(*arguments):
    return path_loss(lambda path: -path.noise / path.beta**2)(*arguments)


@score_matching_loss.mistake(
    "the target is divided by 1 - alpha: that is beta on the linear path alone. Use schedule.beta."
)
def one_minus_alpha_for_beta(*arguments):
    return path_loss(lambda path: -path.noise / (1 - path.alpha))(*arguments)


@score_matching_loss.mistake("alpha is missing in the target: the centre of p_t(x|z) is alpha z.")
def target_without_alpha(*arguments):
    return path_loss(lambda path: -(path.x - path.z) / path.beta**2)(*arguments)


@score_matching_loss.mistake("multiplied by beta: it stands in the denominator of the score.")
def times_beta(*arguments):
    return path_loss(lambda path: -path.noise * path.beta)(*arguments)


score_matching_loss.mistakes += both_losses_mistakes(_score)
