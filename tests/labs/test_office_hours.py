"""Wrong answers to Labs 1 and 2 that students bring along: none is accepted, and each is told what it is."""

import copy
import math
import re

import pytest
import torch

from course_utils import checks
from course_utils.checks import CheckFailed
from course_utils.checks.mistakes import euler_loop, norm_squared

WRONG: list = []


def told(exercise, words):
    """Register a wrong answer to an exercise, and words of what its check says."""

    def register(fn):
        WRONG.append(pytest.param(exercise, words, fn, id=f"{exercise}-{fn.__name__}"))
        return fn

    return register


def like(t, x):
    return t.reshape(-1, *[1] * (x.ndim - 1))


# wrong only for some of what a lab uses


@told("lab1.euler", "An axis of length 1 is missing")
def squeezed(field, x0, n):
    return euler_loop(field, x0, n).squeeze()


@told("lab1.euler", r"ValueError: too many values to unpack \(expected 2\) in your line \d+, `batch, d = x0.shape`")
def two_axes_only(field, x0, n):
    batch, d = x0.shape
    return euler_loop(field, x0, n).reshape(n + 1, batch, d)


@told("lab1.euler", "one step too many")
def times_from_arange(field, x0, n):
    xs = [x0]
    for t in torch.arange(0, 1, 1 / n, dtype=torch.float64):
        xs.append(xs[-1] + field(xs[-1], t) / n)
    return torch.stack(xs)


@told("lab1.brownian_motion", "An axis of length 1 is missing")
def squeezed_path(eps, h):
    return checks.lab1.brownian_motion.oracle(eps, h).squeeze()


@told("lab1.brownian_motion", r"too many values to unpack \(expected 3\)")
def three_axes_only(eps, h):
    n, batch, d = eps.shape
    return checks.lab1.brownian_motion.oracle(eps, h).reshape(n + 1, batch, d)


@told("lab1.brownian_motion", "raised IndexError")
def rounds_from_arange(eps, h):
    w = [torch.zeros_like(eps[0])]
    for k, _ in enumerate(torch.arange(0, len(eps) * h, h, dtype=torch.float64)):
        w.append(w[-1] + h**0.5 * eps[k])
    return torch.stack(w)


@told("lab2.conditional_velocity", "expected .*, received ")
def beta_clamped(schedule, x, z, t):
    s = like(t, x)
    rate = schedule.beta_dot(s) / schedule.beta(s).clamp(min=1e-2)
    return (schedule.alpha_dot(s) - rate * schedule.alpha(s)) * z + rate * x


@told("lab2.sample_path", "expected dtype float32, received float64")
def double_always(schedule, z, t, noise):
    return checks.lab2.sample_path.oracle(schedule, z, t, noise).double()


@told("lab2.divergence", "switched gradients on")
def gradients_left_on(field, x, t):
    x.requires_grad_()
    u = field(x, t)
    return sum(torch.autograd.grad(u[:, i].sum(), x, retain_graph=True)[0][:, i] for i in range(x.shape[1])).detach()


@told("lab2.generate", "With x0 = 0 your result is right")
def clamped_to_the_board(field, x0, n):
    return euler_loop(lambda x, t: field(x, t), x0, n)[-1].clamp(-4, 4)


@told("lab2.train", "The number of steps of the given optimizer")
def three_passes(model, loss_fn, batches, optimizer):
    return [loss for _ in range(3) for loss in checks.lab2.train.oracle(model, loss_fn, batches, optimizer)]


# wrong, and told the wrong thing


@told("lab2.conditional_velocity", "These are nearly equal, .* such as to a denominator")
def small_number_in_the_denominator(schedule, x, z, t):
    s = like(t, x)
    rate = schedule.beta_dot(s) / (schedule.beta(s) + 1e-8)
    return (schedule.alpha_dot(s) - rate * schedule.alpha(s)) * z + rate * x


@told("lab2.flow_matching_loss", r"left gradients in model \(\.grad\): is backward\(\) called in it\?")
def backward_inside(model, schedule, z, t, noise):
    loss = checks.lab2.flow_matching_loss.oracle(model, schedule, z, t, noise)
    loss.backward()
    return loss


@told("lab2.flow_matching_loss", r"Is something drawn anew that is given \(t and noise\)\?")
def times_drawn_anew(model, schedule, z, t, noise):
    return checks.lab2.flow_matching_loss.oracle(model, schedule, z, torch.rand_like(t), noise)


@told("lab2.train", "expected the list of losses, as plain numbers, got a tuple that holds an AffineModel")
def model_and_losses(model, loss_fn, batches, optimizer):
    return model, checks.lab2.train.oracle(model, loss_fn, batches, optimizer)


@told("lab2.train", "which model is the loss computed with?")
def of_a_copy(model, loss_fn, batches, optimizer):
    twin, losses = copy.deepcopy(model), []
    for batch in batches:
        loss = loss_fn(twin, *batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@told("lab1.langevin_drift", "`//` rounds down to a whole number")
def rounded_down(score, x, sigma):
    return sigma**2 // 2 * score(x)


@told("lab1.ornstein_uhlenbeck", r"expected a number, or a tensor that broadcasts .* as diffusion, got a tuple$")
def tuple_in_a_tuple(x, t, theta, sigma):
    return -theta * x, (sigma,)


@told("lab1.ornstein_uhlenbeck", r"expected the pair \(drift, diffusion\), got a tuple of length 1")
def pair_in_a_tuple(x, t, theta, sigma):
    return ((-theta * x, sigma),)


@told("lab2.marginal_velocity", "far from the data all weights are 0: .* nan_to_num, only hides 0 / 0")
def nan_hidden(x, t, data):
    likelihoods = (-((x[:, None] - t * data) ** 2).sum(-1) / (2 * (1 - t) ** 2)).exp()
    weights = (likelihoods / likelihoods.sum(1, keepdim=True)).nan_to_num()
    return (weights @ data - x) / (1 - t)


# wrong, and told nothing


@told("lab2.flow_matching_loss", "all is that of the linear schedule, the state and the target")
def all_linear(model, schedule, z, t, noise):
    s = t[:, None]
    return norm_squared((model(s * z + (1 - s) * noise, t) - (z - noise)) ** 2)


@told("lab1.brownian_motion", "in Python a power comes before a division")
def power_before_division(eps, h):
    return torch.cat([torch.zeros_like(eps[:1]), h**1 / 2 * eps.cumsum(0)])


@told("lab1.euler", r"the steps have the length 1 / \(n - 1\), and there are n - 1")
def grid_of_n_points(field, x0, n):
    ts, xs = torch.linspace(0, 1, n, dtype=x0.dtype), [x0]
    for t in ts[:-1]:
        xs.append(xs[-1] + (ts[1] - ts[0]) * field(xs[-1], t))
    return torch.stack(xs)


@told("lab1.euler", r"all states are x0\. Is a step too short to be one\? \(`//` rounds down\.\)")
def steps_of_no_length(field, x0, n):
    return euler_loop(field, x0, n, h=1 // n)


@told("lab1.euler", "the change is always added to x0")
def added_to_the_start(field, x0, n):
    x, xs = x0, [x0]
    for i in range(n):
        x = x0 + field(x, i / n) / n
        xs.append(x)
    return torch.stack(xs)


@told("lab2.conditional_velocity", "brackets are missing: the whole difference is multiplied by z")
def brackets_forgotten(schedule, x, z, t):
    s = like(t, x)
    rate = schedule.beta_dot(s) / schedule.beta(s)
    return schedule.alpha_dot(s) - rate * schedule.alpha(s) * z + rate * x


@told("lab2.conditional_velocity", "this is the cosine schedule of Exercise 2.1")
def cosine_always(schedule, x, z, t):
    c, s = math.pi / 2, like(t, x)
    alpha, beta = (c * s).sin(), (c * s).cos()
    return c * beta * z - c * alpha / beta * (x - alpha * z)


@told("lab2.cosine_schedule", "beta_dot: is what the argument of the cosine itself changes by in there")
def factor_lost(t):
    c = math.pi / 2
    return (c * t).sin(), (c * t).cos(), c * (c * t).cos(), -(c * t).sin()


@told("lab2.marginal_velocity", "these weights are logarithms of shares")
def log_softmax(x, t, data):
    weights = (-((x[:, None] - t * data) ** 2).sum(-1) / (2 * (1 - t) ** 2)).log_softmax(1)
    return (weights @ data - x) / (1 - t)


@told("lab2.divergence", r"u\[i\] is the velocity of one state")
def rows_of_u(field, x, t):
    x = x.detach().requires_grad_()
    u = field(x, t)
    return sum(torch.autograd.grad(u[i].sum(), x, retain_graph=True)[0][:, i] for i in range(x.shape[1]))


# what is left changed


@told("lab2.generate", "switched gradients off, or on, for everything that comes later")
def gradients_off(field, x0, n):
    torch.set_grad_enabled(False)
    return euler_loop(field, x0, n)[-1]


@told("lab2.sample_path", "set the seed of torch's random numbers")
def seed_set(schedule, z, t, noise):
    torch.manual_seed(0)
    return checks.lab2.sample_path.oracle(schedule, z, t, noise)


@told("lab2.flow_matching_loss", "switched model between training and evaluation")
def evaluation_mode(model, schedule, z, t, noise):
    model.eval()
    return checks.lab2.flow_matching_loss.oracle(model, schedule, z, t, noise)


@pytest.mark.parametrize("exercise, words, fn", WRONG)
def test_a_wrong_answer_is_told_what_it_is(exercise, words, fn):
    lab, name = exercise.split(".")
    with pytest.raises(CheckFailed) as failure:
        getattr(getattr(checks, lab), name)(fn)
    assert re.search(words, str(failure.value), re.MULTILINE), failure.value


def test_the_result_in_place_of_the_function_is_told_as_that():
    with pytest.raises(CheckFailed, match="expected your function itself, got a Tensor"):
        checks.lab1.euler(euler_loop(lambda x, t: -x, torch.ones(3, 2), 4))
