"""Bug hunts of Lab 7."""

import torch

from course_utils.checks.hunts import Hunts
from course_utils.checks.lab7.corrupt import corrupt
from course_utils.checks.lab7.euler_law import euler_law
from course_utils.checks.lab7.jump import jump
from course_utils.checks.lab7.masked_loss import masked_loss
from course_utils.checks.lab7.posterior import posterior
from course_utils.checks.lab7.rate_matrix import rate_matrix
from course_utils.checks.lab7.unmask_law import unmask_law

__all__ = ["bug_hunt"]

bug_hunt = Hunts()


@bug_hunt.of(masked_loss, "no weight", "leak", "seen letters only")
def all_letters(model, z, t, u):
    x = torch.where(u < t[:, None], z, model.letters)
    logits = model(x, t).mT
    entropy = torch.nn.functional.cross_entropy(logits, z, reduction="none")
    return (entropy.sum(1) / (1 - t)).mean()


@bug_hunt.of(posterior, "noise never right", "weights forgotten", "own letter only")
def noise_without_v(words, q, x, t, v):
    t = t[:, None, None]
    chances = t * (x[:, None] == words) + (1 - t)
    weights = q * chances.prod(2)
    weights = weights / weights.sum(1, keepdim=True)
    letters = torch.nn.functional.one_hot(words, v).to(weights)
    return torch.einsum("bn,nia->bia", weights, letters)


@bug_hunt.of(rate_matrix, "diagonal zero", "sign", "probabilities")
def columns_sum_to_0(rates):
    jumps = rates - rates.diagonal().diag()
    arriving = jumps.sum(0)
    return jumps - arriving.diag()


@bug_hunt.of(corrupt, "exchanged", "other side of the coin", "time ignored")
def one_coin_a_word(z, t, u, noise):
    kept = u[:, 0] < t
    return torch.where(kept[:, None], z, noise)


@bug_hunt.of(euler_law, "divided by t", "rate only", "target of the jump is x")
def no_time_that_is_left(post, x, t, h):
    here = torch.nn.functional.one_hot(x, post.shape[-1])
    change = h * (post - here)
    return here + change


@bug_hunt.of(jump, "no rate", "one too early", "from the end")
def multiplied(Q, x, e, u):
    rates = Q[x].clamp(min=0)
    leaving = rates.sum(1)
    ends = (rates / leaving[:, None]).cumsum(1)
    following = (ends > u[:, None]).int().argmax(1)
    return e * leaving, following


@bug_hunt.of(unmask_law, "share for staying", "divided by t next", "sigma for staying")
def remasking_not_made_up_for(post, x, t, t_next, sigma):
    v = post.shape[-1]
    mask = torch.nn.functional.one_hot(torch.full_like(x, v), v + 1)
    revealed = (t_next - t) / (1 - t)
    guess = torch.nn.functional.pad(post, (0, 1))
    hidden = revealed * guess + (1 - revealed) * mask
    seen = (1 - sigma) * torch.nn.functional.one_hot(x, v + 1) + sigma * mask
    return torch.where((x == v)[..., None], hidden, seen)
