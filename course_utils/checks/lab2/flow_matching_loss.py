"""Exercise 2.6: the mean squared difference of a model's velocities and those of the conditional path."""

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import affine_model, power_schedule, states, times_with_ends
from course_utils.checks.losses import SCORE, loss_pairs, loss_traits
from course_utils.checks.mistakes import OnPath, loss_mistakes, path_loss
from course_utils.checks.observers import LossAndGradient
from course_utils.schedules import Linear
from course_utils.shapes import expand_time

__all__ = ["flow_matching_loss"]


@exercise(
    "2.6",
    "Flow matching loss",
    points=3,
    sees=LossAndGradient(),
    rtol=1e-6,
    single=1e-4,
    why="loss and gradient of an affine model in float64",
)
def flow_matching_loss(model, schedule, z, t, noise):
    functions = (schedule.alpha, schedule.beta, schedule.alpha_dot, schedule.beta_dot)
    alpha, beta, alpha_dot, beta_dot = torch.stack([f(t) for f in functions])[..., None]
    x, target = alpha * z + beta * noise, alpha_dot * z + beta_dot * noise
    velocity = x @ model.matrix.T + model.offset + t[:, None] * model.rate
    return torch.dist(velocity, target) ** 2 / len(z)


@flow_matching_loss.inputs
def _(normal):
    model, schedule = affine_model(normal, 2), power_schedule(normal)
    batch = 1 if normal.seed % 4 == 0 else 5
    z, t, noise = states(normal, batch, 2), times_with_ends(normal, batch), normal(batch, 2)
    return {"model": model, "schedule": schedule, "z": z, "t": t, "noise": noise}


def _velocity(path):
    return path.alpha_dot * path.z + path.beta_dot * path.noise


@flow_matching_loss.mistake(
    "this is half of it. A mean over the coordinates, too? A squared norm sums over them; only the batch is averaged. "
    "Or a factor 1/2, which does not belong here."
)
def mean_over_all_elements(*arguments):
    return path_loss(_velocity, reduce=torch.mean)(*arguments)


@flow_matching_loss.mistake("the sum runs over the batch, the mean over the coordinates: it is the other way round.")
def mean_and_sum_exchanged(*arguments):
    return path_loss(_velocity, reduce=lambda squares: squares.mean(1).sum())(*arguments)


@flow_matching_loss.mistake(
    "this is one norm of the whole batch: each state has a squared norm, and the batch is averaged."
)
def norm_of_the_batch(*arguments):
    return path_loss(_velocity, reduce=lambda squares: squares.sum().sqrt())(*arguments)


@flow_matching_loss.mistake(
    "these are absolute differences: they lead to a median, squares to the average that the field is."
)
def absolute_values(*arguments):
    return path_loss(_velocity, reduce=lambda squares: squares.sqrt().sum(1).mean())(*arguments)


@flow_matching_loss.mistake(
    "the norm is not squared: its minimiser is a median, not the average that the marginal field is."
)
def norm_not_squared(*arguments):
    return path_loss(_velocity, reduce=lambda squares: squares.sum(1).sqrt().mean())(*arguments)


@flow_matching_loss.mistake(
    "z - noise is the velocity of the linear schedule: the derivatives of the given one are missing."
)
def linear_target(*arguments):
    return path_loss(lambda path: path.z - path.noise)(*arguments)


@flow_matching_loss.mistake("z - x is the way that is left, not a velocity: the target is the time derivative of x_t.")
def way_that_is_left(*arguments):
    return path_loss(lambda path: path.z - path.x)(*arguments)


@flow_matching_loss.mistake("in the target, the state x stands where the noise should.")
def state_for_noise(*arguments):
    return path_loss(lambda path: path.alpha_dot * path.z + path.beta_dot * path.x)(*arguments)


@flow_matching_loss.mistake(
    "noise - z is the velocity of the linear schedule with the wrong sign: take the derivatives of the given alpha and "
    "beta."
)
def linear_target_reversed(*arguments):
    return path_loss(lambda path: path.noise - path.z)(*arguments)


@flow_matching_loss.mistake("(z - x) / (1 - t) is the field of the linear schedule alone; use the one that is given.")
def linear_target_from_the_state(model, schedule, z, t, noise):
    left = 1 - expand_time(t, z)
    return path_loss(lambda path: (z - path.x) / left)(model, schedule, z, t, noise)


@flow_matching_loss.mistake("the state is on the path of the linear schedule; use alpha and beta of the given one.")
def linear_state(model, schedule, z, t, noise):
    x = torch.lerp(noise, z, expand_time(t, z))
    return path_loss(_velocity, state=lambda path: x)(model, schedule, z, t, noise)


@flow_matching_loss.mistake(
    "this is the loop on the slide: its time runs backwards, and its target is minus the derivative of its path."
)
def state_and_target_of_the_slide(model, schedule, z, t, noise):
    x = torch.lerp(z, noise, expand_time(t, z))
    return path_loss(lambda path: z - noise, state=lambda path: x)(model, schedule, z, t, noise)


@flow_matching_loss.mistake(
    "the sign of the target: is it added to what the model says, or does it point from data to noise?"
)
def target_reversed(*arguments):
    return path_loss(lambda path: -_velocity(path))(*arguments)


@flow_matching_loss.mistake(
    "the sign of the noise in the target: beta_dot is negative as it comes, no further minus is needed."
)
def beta_dot_with_a_minus(*arguments):
    return path_loss(lambda path: path.alpha_dot * path.z - path.beta_dot * path.noise)(*arguments)


@flow_matching_loss.mistake("the target is the state x_t: the model has to predict how x_t moves, its time derivative.")
def target_is_the_state(*arguments):
    return path_loss(lambda path: path.x)(*arguments)


@flow_matching_loss.mistake("the target is the data point: that trains a model that predicts z, not a velocity.")
def target_is_the_data(*arguments):
    return path_loss(lambda path: path.z)(*arguments)


@flow_matching_loss.mistake("the target is the noise: that trains a noise predictor, not a velocity.")
def target_is_the_noise(*arguments):
    return path_loss(lambda path: path.noise)(*arguments)


@flow_matching_loss.mistake("the model is evaluated at the clean data point: it has to learn at x_t, on the path.")
def model_sees_the_data(*arguments):
    return path_loss(_velocity, state=lambda path: path.z)(*arguments)


flow_matching_loss.mistakes += loss_mistakes(_velocity)


@flow_matching_loss.mistake(
    "all is that of the linear schedule, the state and the target: use the schedule that is given."
)
def all_linear(model, schedule, z, t, noise):
    return flow_matching_loss.oracle(model, Linear(), z, t, noise)


@flow_matching_loss.mistake("alpha_dot and beta_dot are exchanged in the target: alpha_dot belongs to the data.")
def derivatives_exchanged(*arguments):
    return path_loss(lambda path: path.beta_dot * path.z + path.alpha_dot * path.noise)(*arguments)


@flow_matching_loss.mistake("the root is taken of the whole: the loss is the mean of squares itself.")
def root_of_the_mean(*arguments):
    return path_loss(_velocity, reduce=lambda squares: squares.sum(1).mean().sqrt())(*arguments)


@flow_matching_loss.mistake("the noise is subtracted in the state: the path adds it.")
def noise_subtracted_in_the_state(*arguments):
    return path_loss(_velocity, state=lambda path: path.alpha * path.z - path.beta * path.noise)(*arguments)


@flow_matching_loss.mistake("only the data's part of the velocity is the target: the noise changes its share, too.")
def target_of_the_data_alone(*arguments):
    return path_loss(lambda path: path.alpha_dot * path.z)(*arguments)


@flow_matching_loss.mistake("only the noise's part of the velocity is the target: the data changes its share, too.")
def target_of_the_noise_alone(*arguments):
    return path_loss(lambda path: path.beta_dot * path.noise)(*arguments)


@flow_matching_loss.mistake("the model is evaluated at the noise: it has to learn at x_t, on the path.")
def model_sees_the_noise(*arguments):
    return path_loss(_velocity, state=lambda path: path.noise)(*arguments)


@flow_matching_loss.mistake("the target is the conditional score, which Lab 3 trains: here it is a velocity.")
def target_is_the_score(*arguments):
    return path_loss(SCORE)(*arguments)


@flow_matching_loss.mistake("the target is minus the noise: it is to be the time derivative of x_t.")
def target_is_minus_the_noise(*arguments):
    return path_loss(lambda path: -path.noise)(*arguments)


@flow_matching_loss.mistake(
    "alpha and beta stand in the target where their derivatives belong, and the noise is taken off."
)
def target_from_values_with_a_minus(*arguments):
    return path_loss(lambda path: path.alpha * path.z - path.beta * path.noise)(*arguments)


@flow_matching_loss.mistake("the coordinates are added before they are squared: differences of opposite signs cancel.")
def sum_squared(model, schedule, z, t, noise):
    path = OnPath.at(schedule, expand_time(t, z), z, noise)
    return (model(path.x, t) - _velocity(path)).sum(1).square().mean()


@flow_matching_loss.mistake(
    "large differences count less than their squares, as in Huber's loss: squares are asked for."
)
def huber(model, schedule, z, t, noise):
    path = OnPath.at(schedule, expand_time(t, z), z, noise)
    return torch.nn.functional.smooth_l1_loss(model(path.x, t), _velocity(path), reduction="sum") / len(z)


flow_matching_loss.pairs += loss_pairs(_velocity, "velocity", images=False)
flow_matching_loss.traits += loss_traits(_velocity)
