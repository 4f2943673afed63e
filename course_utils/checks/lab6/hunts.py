"""Bug hunts of Lab 6."""

import torch

from course_utils.checks.hunts import Hunts
from course_utils.checks.lab6.attention import attention
from course_utils.checks.lab6.dit_block import dit_block
from course_utils.checks.lab6.kl_to_normal import kl_to_normal
from course_utils.checks.lab6.linear_bound import linear_bound
from course_utils.checks.lab6.patchify import patchify
from course_utils.checks.lab6.unscale import unscale
from course_utils.checks.lab6.vae_loss import vae_loss

__all__ = ["bug_hunt"]

bug_hunt = Hunts()


@bug_hunt.of(vae_loss, "noise as it is", "divergence averaged", "divergence of a deviation")
def variance_as_deviation(model, x, noise, weight):
    mean, log_var = model.encode(x)
    logits = model.decode(mean + log_var.exp() * noise)
    ink = (x + 1) / 2
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, ink, reduction="sum")
    divergence = 0.5 * (mean**2 + log_var.exp() - 1 - log_var).sum()
    return (entropy + weight * divergence) / len(x)


@bug_hunt.of(kl_to_normal, "half missing", "log added", "log of a standard deviation")
def standard_deviation_for_variance(mean, log_var):
    spread = (log_var / 2).exp()
    terms = mean**2 + spread - 1 - log_var
    return terms.flatten(1).sum(1) / 2


@bug_hunt.of(attention, "no scale", "divided by d", "weights only")
def softmax_over_queries(q, k, v):
    scores = q @ k.mT / q.shape[-1] ** 0.5
    weights = scores.softmax(dim=-2)
    return weights @ v


@bug_hunt.of(patchify, "patches transposed", "columns first", "reshaped only")
def channels_last(x, p):
    batch, c, height, width = x.shape
    cut = x.reshape(batch, c, height // p, p, width // p, p)
    patches = cut.permute(0, 2, 4, 3, 5, 1)
    return patches.reshape(batch, -1, c * p * p)


@bug_hunt.of(unscale, "score as it is", "h not scaled", "velocity divided")
def velocity_as_it_is(velocity, score, mean, scale, h, t):
    scaled = (h - mean) / scale
    return velocity(scaled, t), score(scaled, t) / scale


@bug_hunt.of(dit_block, "no gates", "side by side", "no first gate")
def normalised_once(block, x, embedding):
    parts = block.modulation(torch.nn.functional.silu(embedding))[:, None]
    s1, b1, g1, s2, b2, g2 = parts.chunk(6, dim=-1)
    x = x + g1 * block.attention((1 + s1) * block.norm(x) + b1)
    return x + g2 * block.mlp((1 + s2) * x + b2)


@bug_hunt.of(linear_bound, "divergence added", "no constant", "no offset")
def no_spread(x, mean, log_var, W, b, s):
    decoded = mean @ W.T + b
    log_p = torch.distributions.Normal(decoded, s).log_prob(x).sum(1)
    divergence = 0.5 * (mean**2 + log_var.exp() - 1 - log_var).sum(1)
    return log_p - divergence
