"""Wrong answers to Labs 1, 2 and 7 to 11 that students bring along: none is accepted, and each is told what it is."""

import copy
import math
import re

import pytest
import torch

from course_utils import checks, manifolds
from course_utils.checks import CheckFailed
from course_utils.checks.mistakes import euler_loop, norm_squared
from tests.support.wrong_answers import WrongAnswers, assert_told

WRONG = WrongAnswers()
told = WRONG.told


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


# letters and laws


@told("lab7.rate_matrix", "changed its input rates in place")
def diagonal_filled(rates):
    rates.fill_diagonal_(0)
    return rates - rates.sum(1).diag()


@told("lab7.rate_matrix", "beside the diagonal all is right; the diagonal is not")
def all_but_the_last_row(rates):
    Q = checks.lab7.rate_matrix.oracle(rates)
    Q[-1, -1] = rates[-1, -1]
    return Q


@told("lab7.rate_matrix", "The result is 0.5 times what it should be, everywhere")
def halved(rates):
    return checks.lab7.rate_matrix.oracle(rates) / 2


@told("lab7.jump", r"Is something drawn anew that is given \(e and u\)\?")
def by_multinomial(Q, x, e, u):
    rates = Q[x].clamp(min=0)
    return e / rates.sum(1), torch.multinomial(rates, 1)[:, 0]


@told("lab7.jump", "The states: expected dtype int64, received float64. .* letters and states are names")
def states_with_a_point(Q, x, e, u):
    waits, states = checks.lab7.jump.oracle(Q, x, e, u)
    return waits, states.double()


@told("lab7.jump", r"The waits: expected dtype float64, received int64(.|\n)*the two results are exchanged")
def states_first(Q, x, e, u):
    return checks.lab7.jump.oracle(Q, x, e, u)[::-1]


@told("lab7.jump", "a row of zeros with a 1 at the right place")
def states_as_rows(Q, x, e, u):
    waits, states = checks.lab7.jump.oracle(Q, x, e, u)
    return waits, torch.nn.functional.one_hot(states, len(Q))


@told("lab7.jump", "all waiting times are right, the states are not")
def largest_rates_first(Q, x, e, u):
    rates, order = Q[x].clamp(min=0).sort(1, descending=True)
    above = (rates / rates.sum(1, keepdim=True)).cumsum(1) > u[:, None]
    return e / rates.sum(1), order.gather(1, above.int().argmax(1, keepdim=True))[:, 0]


@told("lab7.jump", "some states are those that are left")
def nearest_share(Q, x, e, u):
    rates = Q[x].clamp(min=0)
    cumulated = (rates / rates.sum(1, keepdim=True)).cumsum(1)
    states = (cumulated - u[:, None]).abs().argmin(1)
    return e / rates.sum(1), torch.where(torch.arange(len(x)) < 2, x, states)


@told("lab7.corrupt", "changed its input z in place")
def noise_put_into_z(z, t, u, noise):
    z[u >= t[:, None]] = noise[u >= t[:, None]]
    return z


@told("lab7.corrupt", r"nothing may be random here\. Is something drawn anew that is given \(t and u and noise\)")
def coins_of_its_own(z, t, u, noise):
    return torch.where(torch.rand_like(u) < t[:, None], z, noise)


@told("lab7.corrupt", "expected dtype int64, received float64")
def letters_with_a_point(z, t, u, noise):
    kept = (u < t[:, None]).double()
    return kept * z + (1 - kept) * noise


@told("lab7.corrupt", "all letters of the words are kept that should be, and more")
def root_of_the_time(z, t, u, noise):
    return torch.where(u < t[:, None].sqrt(), z, noise)


@told("lab7.corrupt", "the right letters are kept, but elsewhere is not the given noise")
def masks_of_its_own(z, t, u, noise):
    return torch.where(u < t[:, None], z, 27)


@told("lab7.posterior", "Their law itself is asked for")
def letters_drawn(words, q, x, t, v):
    return torch.distributions.Categorical(checks.lab7.posterior.oracle(words, q, x, t, v)).sample()


@told("lab7.posterior", "the weights are divided by their sum over the batch")
def softmax_along_the_batch(words, q, x, t, v):
    t = t[:, None, None]
    scores = (t * (x[:, None] == words) + (1 - t) / v).log().sum(2) + q.log()
    return torch.einsum("bn,nia->bia", scores.softmax(0), torch.nn.functional.one_hot(words, v).to(q))


@told("lab7.posterior", "sum to 1, but along another axis")
def normalised_over_the_places(words, q, x, t, v):
    t = t[:, None, None]
    weights = (t * (x[:, None] == words) + (1 - t) / v).prod(2) * q
    law = torch.einsum("bn,nia->bia", weights, torch.nn.functional.one_hot(words, v).to(q))
    return law / law.sum(1, keepdim=True)


@told("lab7.posterior", r"; whole numbers meet numbers with a point: bring both to one type, as in a\.to\(b\)")
def whole_numbers_in_the_sum(words, q, x, t, v):
    weights = checks.lab7.posterior.oracle(words, q, x, t, v)[:, 0] @ torch.ones(v, len(words), dtype=torch.float64)
    return torch.einsum("bn,nia->bia", weights, torch.nn.functional.one_hot(words, v))


@told("lab7.posterior", "With t = 0 your result is right")
def whole_words_only(words, q, x, t, v):
    t = t[:, None]
    weights = (t * (x[:, None] == words).all(2) + (1 - t) / v) * q
    shares = weights / weights.sum(1, keepdim=True)
    return torch.einsum("bn,nia->bia", shares, torch.nn.functional.one_hot(words, v).to(q))


@told("lab7.euler_law", "a mixture of the present letter and post, as it should be, but not in the right shares")
def half_a_step(post, x, t, h):
    return checks.lab7.euler_law.oracle(post, x, t, h / 2)


@told("lab7.euler_law", "yours is not")
def rates_of_logarithms(post, x, t, h):
    here = torch.nn.functional.one_hot(x, post.shape[-1])
    return here + h * (post.log() - here) / (1 - t)[:, None, None]


@told("lab7.masked_loss", "a cross entropy wants the scores along the second axis")
def scores_last(model, z, t, u):
    x = torch.where(u < t[:, None], z, model.letters)
    return torch.nn.functional.cross_entropy(model(x, t), z)


@told("lab7.masked_loss", "the target of a cross entropy is the letters, as whole numbers")
def target_as_rows(model, z, t, u):
    x = torch.where(u < t[:, None], z, model.letters)
    target = torch.nn.functional.one_hot(z, model.letters).mT
    return torch.nn.functional.cross_entropy(model(x, t).mT, target)


@told("lab7.masked_loss", r"expected letters first, whole numbers \(torch.long\), then the time: model\(x, t\)")
def time_first(model, z, t, u):
    return model(t, z).mean()


@told("lab7.masked_loss", "The result is 0.5 times what it should be, everywhere")
def half_the_loss(model, z, t, u):
    return checks.lab7.masked_loss.oracle(model, z, t, u) / 2


@told("lab7.masked_loss", "received inf. .The logarithm of 0 is infinite")
def logarithm_of_the_sum(model, z, t, u):
    x = torch.where(u < t[:, None], z, model.letters)
    p = model(x).softmax(-1).gather(-1, z[..., None])[..., 0]
    return -((p * (x == model.letters)).sum(1).log() / (1 - t)).mean()


@told("lab7.masked_loss", "Another model gives the same result")
def wrong_guesses_counted(model, z, t, u):
    x = torch.where(u < t[:, None], z, model.letters)
    return ((model(x).argmax(-1) != z) & (x == model.letters)).double().sum(1).mean()


@told("lab7.unmask_law", "with the mask there is one token more than letters")
def too_few_tokens(post, x, t, t_next, sigma):
    return torch.nn.functional.one_hot(x, post.shape[-1]).to(post)


@told("lab7.unmask_law", "in the proportions of the posterior, but too much or too little is")
def brackets_forgotten_in_the_share(post, x, t, t_next, sigma):
    return unmasked(post, x, t_next - (1 - sigma) * t / (1 - t), sigma)


@told("lab7.unmask_law", "all is right where x is a mask; where a letter is seen, it is not")
def masked_to_any_token(post, x, t, t_next, sigma):
    law = checks.lab7.unmask_law.oracle(post, x, t, t_next, sigma)
    seen = (1 - sigma) * torch.nn.functional.one_hot(x, law.shape[-1]).to(law) + sigma / law.shape[-1]
    return torch.where((x == post.shape[-1])[..., None], law, seen)


def unmasked(post, x, share, sigma):
    tokens = torch.eye(post.shape[-1] + 1).to(post)
    hidden = torch.cat([share * post, (1 - share).expand(*x.shape, 1)], -1)
    return torch.where((x == post.shape[-1])[..., None], hidden, (1 - sigma) * tokens[x] + sigma * tokens[-1])


# two times of one path


@told("lab8.flow_map", "With var = 0 your result is right|a state at the centre of the cloud goes where it should")
def noise_of_the_other_time(x, s, t, mean, var):
    s, t = s[:, None], t[:, None]
    return t * mean + ((t**2 * var + (1 - s) ** 2) / (s**2 * var + (1 - t) ** 2)).sqrt() * (x - s * mean)


@told("lab8.flow_map", "all is nearly right, but not exact: are these many small steps")
def a_thousand_steps(x, s, t, mean, var):
    s, t, n = s[:, None], t[:, None], 1000
    for i in range(n):
        at = s + (t - s) * i / n
        rate = (at * var - (1 - at)) / (at**2 * var + (1 - at) ** 2)
        x = x + (t - s) / n * (mean + rate * (x - at * mean))
    return x


@told("lab8.flow_map", "the old centre|this is one step along the velocity at the start")
def the_same_noise_again(x, s, t, mean, var):
    s, t = s[:, None], t[:, None]
    z = mean + s * var / (s**2 * var + (1 - s) ** 2) * (x - s * mean)
    return t * z + (1 - t) * (x - s * z) / (1 - s)


@told("lab8.flow_map", "an `if` asks one question, but this tensor holds many numbers")
def an_if_for_all(x, s, t, mean, var):
    return x if s == t else checks.lab8.flow_map.oracle(x, s, t, mean, var)


@told(
    "lab8.average_velocity_target", "all is nearly right, but not exact: is a derivative a difference over a small step"
)
def a_small_difference(u, v, x, s, t):
    h = 1e-4
    return (v + like(t - s, x) * (u(x + h * v, s + h, t) - u(x, s, t)) / h).detach()


@told("lab8.average_velocity_target", "With the same numbers in double precision your result is right")
def a_smaller_difference(u, v, x, s, t):
    h = 1e-6
    return (v + like(t - s, x) * (u(x + h * v, s + h, t) - u(x - h * v, s - h, t)) / (2 * h)).detach()


@told(
    "lab8.average_velocity_target", "Two things at once, .*: the target must stand still: .* only the start rides along"
)
def with_its_graph_and_its_end(u, v, x, s, t):
    return v + like(t - s, x) * torch.func.jvp(u, (x, s, t), (v, torch.ones_like(s), torch.ones_like(t)))[1]


@told("lab8.average_velocity_target", "is a tuple multiplied by a tensor")
def both_parts(u, v, x, s, t):
    return v + like(t - s, x) * torch.func.jvp(u, (x, s, t), (v, torch.ones_like(s), torch.zeros_like(t)))


@told(
    "lab8.average_velocity_target",
    "look at all that v is multiplied .*; the derivative of u along v enters as it should",
)
def v_in_the_bracket(u, v, x, s, t):
    rate = torch.func.jvp(u, (x, s, t), (v, torch.ones_like(s), torch.zeros_like(t)))[1]
    return (v + like(t - s, x) * (rate - v)).detach()


@told("lab8.average_velocity_target", r"the states come first, then the two times: u\(x, s, t\)")
def times_first(u, v, x, s, t):
    return u(s, t, x)


@told("lab8.average_velocity_target", "switched gradients on .* for its input x itself")
def gradients_of_x(u, v, x, s, t):
    (slope,) = torch.autograd.grad(u(x.requires_grad_(), s, t).sum(), x)
    return (v + like(t - s, x) * slope * v).detach()


@told("lab8.two_halves", "Two things at once, .*u at one time twice is the velocity now.* And 0 / 0 where s = t")
def two_Euler_steps(u, x, s, t):
    m = (s + t) / 2
    middle = x + like(m - s, x) * u(x, s, s)
    return (middle + like(t - m, x) * u(middle, m, m) - x) / like(t - s, x)


@told("lab8.two_halves", "these entries .* are 0 everywhere: 4")
def a_small_number_in_the_span(u, x, s, t):
    m = (s + t) / 2
    middle = x + like(m - s, x) * u(x, s, m)
    return (middle + like(t - m, x) * u(middle, m, t) - x) / (like(t - s, x) + 1e-8)


@told("lab8.two_halves", "With a u that is constant your result is right")
def weighed_by_the_middle(u, x, s, t):
    m = (s + t) / 2
    first = u(x, s, m)
    return like(m, x) * first + like(1 - m, x) * u(x + like(m - s, x) * first, m, t)


@told("lab8.two_halves", r"expected a time t of shape \(\) or \(5,\) .*got \(5, 1\)")
def columns_as_times(u, x, s, t):
    return u(x, s[:, None], t[:, None])


def held(x, s, t, weights, means, vars, shares):
    s, t = s[:, None, None], t[:, None, None]
    before, after = (a**2 * vars + (1 - a) ** 2 for a in (s, t))
    gaps = x[:, None] - s * means
    moved = t * means + (after / before).sqrt() * gaps
    return (shares(weights.log() - (gaps**2 / before + before.log()).sum(2) / 2)[..., None] * moved).sum(1)


@told("lab8.held_flow_map", "comes back as 0: all densities round to 0 there, and no small number")
def a_small_number_in_the_shares(*arguments):
    return held(*arguments, lambda logs: logs.exp() / (logs.exp().sum(1, keepdim=True) + 1e-4))


@told("lab8.held_flow_map", "a mean of the places that the Gaussians' maps lead to, .* but with other shares")
def densities_bounded_from_below(*arguments):
    def shares(logs):
        densities = logs.exp().clamp(min=1e-30)
        return densities / densities.sum(1, keepdim=True)

    return held(*arguments, shares)


@told("lab8.held_flow_map", "do the shares of a state sum to 1")
def roots_of_the_shares(*arguments):
    return held(*arguments, lambda logs: logs.softmax(1).sqrt())


@told("lab8.held_flow_map", "a state far out, of which one Gaussian has the whole share .* goes where it should")
def weights_renewed_on_the_way(x, s, t, weights, means, vars):
    for i in range(10):
        start, end = s + (t - s) * i / 10, s + (t - s) * (i + 1) / 10
        x = held(x, start, end, weights, means, vars, lambda logs: logs.softmax(1))
    return x


def tilt(weights, means, covs, a, lam):
    """Logarithms of the tilted weights, not normalised, and the shifts of the means."""
    shifts = covs @ a / lam
    return weights.log() + means @ a / lam + shifts @ a / (2 * lam), shifts


@told(
    "lab9.tilted_mixture", r"expected shape \(3,\), received \(3, 1\).*\n.*is there a squeeze\(\) or an unsqueeze\(\)"
)
def weights_in_a_column(weights, means, *others):
    logs, shifts = tilt(weights, means, *others)
    return logs[:, None].softmax(0), means + shifts


@told("lab9.tilted_mixture", "the weights do not sum to 1")
def softmax_over_an_axis_of_one(weights, means, *others):
    logs, shifts = tilt(weights, means, *others)
    return logs[:, None].softmax(1).squeeze(1), means + shifts


@told("lab9.tilted_mixture", "all weights are right, the means are not")
def one_shift_for_all(weights, means, *others):
    logs, shifts = tilt(weights, means, *others)
    return logs.softmax(0), means + weights @ shifts


@told("lab9.tilted_mixture", r"expected the tuple \(weights, means\), got a tuple of length 3")
def covariances_returned(weights, means, covs, *others):
    logs, shifts = tilt(weights, means, covs, *others)
    return logs.softmax(0), means + shifts, covs


@told("lab9.tilted_mixture", "changed its input means in place")
def means_moved_in_place(weights, means, *others):
    logs, shifts = tilt(weights, means, *others)
    means += shifts
    return logs.softmax(0), means


@told("lab9.tilted_mixture", "a is brought to length 1")
def direction_for_the_slope(weights, means, covs, a, lam):
    logs, shifts = tilt(weights, means, covs, torch.nn.functional.normalize(a, dim=0), lam)
    return logs.softmax(0), means + shifts


def pushed(field, reward, x, t, lam, strength):
    x = x.detach().requires_grad_()
    u = field(x, t)
    slope = torch.autograd.grad(reward(x + (1 - t) * u).sum(), x)[0]
    return u.detach() + strength(t) * slope / lam


@told("lab9.plug_in_guidance", "the denoised point has taken the name x")
def x_overwritten(field, reward, x, t, lam):
    x = x.detach().requires_grad_()
    x = x + (1 - t) * field(x, t)
    return field(x, t) + (1 - t) / t * torch.autograd.grad(reward(x).sum() / lam, x)[0]


@told("lab9.plug_in_guidance", "one number is differentiated: what is the sum of these")
def rewards_not_summed(field, reward, x, t, lam):
    x = x.detach().requires_grad_()
    u = field(x, t)
    return u + (1 - t) / t * torch.autograd.grad(reward(x + (1 - t) * u) / lam, x)[0]


@told("lab9.plug_in_guidance", r"is there a no_grad, a detach or an .item\(\), or no requires_grad")
def gradients_not_asked_for(field, reward, x, t, lam):
    u = field(x, t)
    return u + (1 - t) / t * torch.autograd.grad(reward(x + (1 - t) * u).sum() / lam, x)[0]


@told("lab9.plug_in_guidance", "switched gradients on .* for its input x itself")
def gradients_of_the_input(field, reward, x, t, lam):
    x.requires_grad_()
    u = field(x, t)
    reward(x + (1 - t) * u).sum().backward()
    return (u + (1 - t) / t * x.grad / lam).detach()


@told("lab9.plug_in_guidance", "is a tuple multiplied by a tensor")
def a_tuple_of_gradients(field, reward, x, t, lam):
    x = x.detach().requires_grad_()
    u = field(x, t)
    return u + (1 - t) / t * torch.autograd.grad(reward(x + (1 - t) * u).sum() / lam, x)


@told("lab9.plug_in_guidance", r"expected reward\(z\) with states of shape \(B, d\), got shape \(4,\)")
def rewards_state_by_state(field, reward, x, t, lam):
    x = x.detach().requires_grad_()
    u = field(x, t)
    worth = sum(reward(z) for z in x + (1 - t) * u)
    return u + (1 - t) / t * torch.autograd.grad(worth, x)[0] / lam


@told("lab9.plug_in_guidance", "the velocity enters as it should; look at all that the gradient in x is multiplied")
def root_of_the_factor(*arguments):
    return pushed(*arguments, lambda t: ((1 - t) / t).sqrt())


@told("lab9.resample", r"Is something drawn anew that is given \(u\)")
def one_number_a_slot(log_weights, u):
    n = len(log_weights)
    return torch.searchsorted(log_weights.softmax(0).cumsum(0), (torch.arange(n) + torch.rand(n)) / n).clamp(max=n - 1)


@told("lab9.resample", "expected dtype int64, received float64")
def the_weights_themselves(log_weights, u):
    return log_weights.softmax(0)


@told("lab9.resample", "With u = 0 your result is right")
def points_around_a_circle(log_weights, u):
    n = len(log_weights)
    return torch.searchsorted(log_weights.softmax(0).cumsum(0), (torch.arange(n) / n + u) % 1).clamp(max=n - 1)


@told("lab9.resample", "no particle has the number n: exp of 800 is infinite")
def exponentials_of_the_logarithms(log_weights, u):
    n, weights = len(log_weights), log_weights.exp()
    return torch.searchsorted((weights / weights.sum()).cumsum(0), (torch.arange(n) + u) / n)


@told("lab9.resample", "drawn too often, others too rarely")
def ends_among_points(log_weights, u):
    n = len(log_weights)
    return torch.searchsorted((torch.arange(n) + u) / n, log_weights.softmax(0).cumsum(0)).clamp(max=n - 1)


@told("lab9.resample", r"expected shape \(24,\), received \(14,\)")
def counts_rounded_down(log_weights, u):
    times = (len(log_weights) * log_weights.softmax(0) + u).floor().long()
    return torch.arange(len(log_weights)).repeat_interleave(times)


def ratios(x_new, free, guided, var):
    return ((x_new - guided) ** 2 - (x_new - free) ** 2) / (2 * var)


@told("lab9.log_weight", "must match the size of tensor")
def coordinates_not_summed(v_old, v_new, *step):
    return v_new - v_old + ratios(*step)


@told("lab9.log_weight", r"expected shape \(6,\), received \(6, 6\).*\n.*broadcast against each other")
def a_column_of_ratios(v_old, v_new, *step):
    return v_new - v_old + ratios(*step).sum(1, keepdim=True)


@told("lab9.log_weight", "Another x_new gives the same result")
def distance_between_the_means(v_old, v_new, x_new, free, guided, var):
    return v_new - v_old - (guided - free).square().sum(1) / (2 * var)


@told("lab9.log_weight", "one and the same number everywhere")
def a_constant_of_one_law(v_old, v_new, *step):
    return v_new - v_old + ratios(*step).sum(1) - math.log(2 * math.pi * step[-1]) / 2


@told("lab9.log_weight", "look at all that v_new is multiplied or divided by")
def values_divided_as_well(v_old, v_new, *step):
    return (v_new - v_old) / step[-1] + ratios(*step).sum(1)


@told("lab9.log_weight", "which root or logarithm is taken of a negative number")
def logarithm_of_the_values(v_old, v_new, *step):
    return (v_new / v_old).log() + ratios(*step).sum(1)


# Lab 11


def bonds_and_normals(a, b, c, d):
    """The three bonds, and at right angles to both planes the normals."""
    u, v, w = b - a, c - b, d - c
    return u, v, w, torch.linalg.cross(u, v), torch.linalg.cross(v, w)


def wrapped(a):
    return torch.remainder(a + math.pi, 2 * math.pi) - math.pi


@told("lab11.torsion_angle", r"half of them \(and is nan where rounding makes a cosine larger than 1\)")
def arc_cosine_with_its_sign(a, b, c, d):
    u, _, _, m, n = bonds_and_normals(a, b, c, d)
    angle = torch.nn.functional.cosine_similarity(m, n).clamp(-1, 1).acos()
    return torch.where((u * n).sum(1) < 0, -angle, angle)


@told("lab11.torsion_angle", "the sine still carries the length of the axis")
def normals_of_length_1(a, b, c, d):
    _, v, _, m, n = bonds_and_normals(a, b, c, d)
    m, n = (torch.nn.functional.normalize(normal, dim=1) for normal in (m, n))
    return torch.atan2((torch.linalg.cross(m, n) * v).sum(1), (m * n).sum(1))


@told("lab11.torsion_angle", "all angles are right but for half turns")
def half_turns_added_where_the_sine_is_negative(a, b, c, d):
    angle = checks.lab11.torsion_angle.oracle(a, b, c, d)
    return wrapped(torch.where(angle < 0, angle + math.pi, angle))


@told("lab11.torus_path", r"expected the tuple \(x, velocity\), got a Tensor")
def point_alone(x0, z, t):
    return wrapped(x0 + t[:, None] * wrapped(z - x0))


@told("lab11.torus_path", "some not the shortest way round: whole turns too many, or too few")
def one_question_for_all(x0, z, t):
    way = z - x0
    if (way.abs() > math.pi).any():
        way = way - 2 * math.pi * way.sign()
    return wrapped(x0 + t[:, None] * way), way


@told("lab11.torus_path", "some velocities are off by half a turn")
def half_a_turn_back(x0, z, t):
    way = z - x0
    way = torch.where(way.abs() > math.pi, way - math.pi * way.sign(), way)
    return wrapped(x0 + t[:, None] * way), way


@told("lab11.torus_path", "all velocities have the right size, but some point the wrong way round")
def what_is_missing_to_a_turn(x0, z, t):
    way = z - x0
    way = torch.where(way.abs() > math.pi, 2 * math.pi - way.abs(), way)
    return wrapped(x0 + t[:, None] * way), way


@told("lab11.torus_path", "Every number that is finite is right.*divide by something that is 0 there")
def what_is_left_over_the_time_left(x0, z, t):
    x = wrapped(x0 + t[:, None] * wrapped(z - x0))
    return x, wrapped(z - x) / (1 - t[:, None])


@told("lab11.torus_velocity", "too many indices for tensor of dimension 0")
def a_time_for_each_state(x, t, data):
    return checks.lab11.torus_velocity.oracle(x, t[:, None], data)


@told("lab11.torus_velocity", "the sizes of the coordinates are added: each by itself")
def mean_size_in_the_box(x, t, data):
    ways = wrapped(data - x[:, None])
    inside = (ways.abs().mean(2, keepdim=True) <= (1 - t) * math.pi).to(x)
    return (inside * ways).sum(1) / inside.sum(1) / (1 - t)


@told("lab11.torus_velocity", "These are nearly equal.*added somewhere, such as to a denominator")
def boxes_counted_with_a_little_more(x, t, data):
    ways = wrapped(data - x[:, None])
    inside = (ways.abs() <= (1 - t) * math.pi).all(2, keepdim=True).to(x)
    return (inside * ways).sum(1) / (inside.sum(1) + 1e-6) / (1 - t)


@told("lab11.rotation", "these are rotations about the right axes, but by other angles")
def rational_rotation(w):
    K, one = checks.lab11.spinning.cross_matrix(w) / 2, torch.eye(3, dtype=w.dtype)
    return torch.linalg.solve(one - K, one + K)


@told("lab11.rotation", "some of these matrices are mirrors")
def reflection(w):
    axis = torch.nn.functional.normalize(w, dim=1)
    return torch.eye(3, dtype=w.dtype) - 2 * axis[:, :, None] * axis[:, None]


@told("lab11.rotation", "these are rotations by the right angles, but about other axes")
def another_axis(w):
    return checks.lab11.rotation.oracle(w.roll(1, 1) * w.new_tensor([1, -1, 1]))


@told("lab11.rotation", r"These are nearly equal.*\nWith w = 0 your result is right")
def a_small_number_added_to_the_angle(w):
    angle = w.norm(dim=1)[:, None, None] + 1e-8
    K = manifolds.skew(w) / angle
    return torch.eye(3).to(w) + angle.sin() * K + (1 - angle.cos()) * K @ K


@told("lab11.rotation", "no rotation is the identity")
def infinite_and_nan_to_numbers(w):
    axis = w / w.norm(dim=1, keepdim=True)
    return (checks.lab11.rotation.oracle(w) + 0 * axis[:, :, None]).nan_to_num()


@told(
    "lab11.pairwise_field",
    r"must match the size of tensor.*is an axis of length 1 missing",
)
def weights_without_an_axis(weight, x):
    d = x[:, :, None] - x[:, None]
    return (weight(d.square().sum(-1)) * d).mean(2)


@told("lab11.pairwise_field", "every pair pushes along the line between its atoms.*look at the weight")
def distances_in_the_plane(weight, x):
    d = x[:, :, None] - x[:, None]
    return (weight(d[..., :2].square().sum(-1, keepdim=True)) * d).mean(2)


@told("lab11.pairwise_field", r"times what it should be, everywhere")
def slope_of_the_weight(weight, x):
    def energy(x):
        return weight((x[:, :, None] - x[:, None]).square().sum(-1)).sum() / x.shape[1]

    return torch.func.grad(energy)(x)


@told("lab11.pairwise_field", "the clouds begin to turn")
def weights_of_squares(weight, x):
    d = x[:, :, None] - x[:, None]
    return (weight(d.square().sum(-1, keepdim=True)) * d * d.abs()).mean(2)


@pytest.mark.parametrize("exercise, words, fn", WRONG)
def test_a_wrong_answer_is_told_what_it_is(exercise, words, fn):
    assert_told(exercise, words, fn, re.MULTILINE)


def test_the_result_in_place_of_the_function_is_told_as_that():
    with pytest.raises(CheckFailed, match="expected your function itself, got a Tensor"):
        checks.lab1.euler(euler_loop(lambda x, t: -x, torch.ones(3, 2), 4))
