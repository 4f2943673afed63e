"""Bug hunts of Lab 2."""

import torch

from course_utils.checks.hunts import Hunts
from course_utils.checks.lab2.conditional_velocity import conditional_velocity
from course_utils.checks.lab2.cosine_schedule import cosine_schedule
from course_utils.checks.lab2.divergence import divergence
from course_utils.checks.lab2.flow_matching_loss import flow_matching_loss
from course_utils.checks.lab2.linear_path import linear_path
from course_utils.checks.lab2.marginal_velocity import marginal_velocity
from course_utils.checks.lab2.sample_path import sample_path
from course_utils.checks.lab2.train import train

__all__ = ["bug_hunt"]

bug_hunt = Hunts()


@bug_hunt.of(flow_matching_loss, "linear state", "model sees the data", "target is the state")
def linear_target(model, schedule, z, t, noise):
    at = t[:, None]
    x = schedule.alpha(at) * z + schedule.beta(at) * noise
    target = z - noise
    squares = (model(x, t) - target) ** 2
    return squares.sum(1).mean()


@bug_hunt.of(conditional_velocity, "x and z exchanged", "sign in the bracket", "whole distance")
def noise_still_scaled(schedule, x, z, t):
    t = t.reshape(-1, *[1] * (x.ndim - 1))
    noise = x - schedule.alpha(t) * z
    return schedule.alpha_dot(t) * z + schedule.beta_dot(t) * noise


@bug_hunt.of(marginal_velocity, "no 2", "nearest only", "whole distance")
def distance_to_z(x, t, data):
    squares = torch.cdist(x, data) ** 2
    weights = torch.softmax(-squares / (2 * (1 - t) ** 2), dim=1)
    mean = weights @ data
    return (mean - x) / (1 - t)


@bug_hunt.of(divergence, "of the first component", "mean", "time stands still")
def sum_of_all_partial_derivatives(field, x, t):
    x = x.detach().requires_grad_()
    total = field(x, t).sum()
    (slopes,) = torch.autograd.grad(total, x)
    return slopes.sum(1)


@bug_hunt.of(sample_path, "alpha and beta exchanged", "root", "noise not scaled")
def variance(schedule, z, t, noise):
    t = t.reshape(-1, *[1] * (z.ndim - 1))
    return schedule.alpha(t) * z + schedule.beta(t) ** 2 * noise


@bug_hunt.of(train, "two steps a batch", "a batch late", "loss after the step")
def no_zero_grad(model, loss_fn, batches, optimizer):
    losses = []
    for batch in batches:
        loss = loss_fn(model, *batch)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@bug_hunt.of(cosine_schedule, "sign of beta dot", "only derivatives exchanged", "squares")
def no_chain_rule(t):
    angle = torch.pi / 2 * t
    alpha = torch.sin(angle)
    beta = torch.cos(angle)
    return alpha, beta, beta, -alpha


@bug_hunt.of(linear_path, "ends exchanged", "velocity reversed", "z not faded in")
def brackets_missing(x0, z, t):
    t = t.reshape(-1, *[1] * (z.ndim - 1))
    x = 1 - t * x0 + t * z
    return x, z - x0
