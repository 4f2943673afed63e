"""Steps for words: each gives the law of every next letter, from which `chains.categorical` draws.

All letters of a word are then drawn at once, so those that change in one step know nothing of each other: the one error
of these steps with masks.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor

from course_utils.chains import check_states
from course_utils.shapes import Time, expand_time
from course_utils.words.letters import check_posterior, check_words, one_hot, word_time

__all__ = ["euler_law", "exponential_law", "own_letter", "unmask_law"]

SLACK = 4 * torch.finfo(torch.float64).eps
"""Roundings of a time."""


def euler_law(
    post: Float[Tensor, "batch length v"], x: Integer[Tensor, "batch length"], t: Time, h: Time
) -> Float[Tensor, "batch length v"]:
    r"""Euler's step of the chain, $1_x + \frac{h}{1-t} (p(z^i = \cdot | x) - 1_x)$: a share h / (1 - t) jumps.

    Args:
        post: Posterior of the clean letters, shape (batch, length, v).
        x: Present letters, shape (batch, length).
        t: Time before the step, shape () or (batch,).
        h: Length of the step, from 0 to 1 - t: then all jump; shape () or (batch,).

    Raises:
        ValueError: If h is negative or beyond the time that is left, or `post` is no law or does not fit to `x`.

    Source: Gat et al., "Discrete flow matching" (2024), sampling.

    Example:
        >>> words.euler_law(torch.tensor([[[0.2, 0.3, 0.5]]]), torch.tensor([[0]]), 0.5, 0.25)
        tensor([[[0.6000, 0.1500, 0.2500]]])
    """
    check_posterior(post, x)
    check_words(x, post.shape[-1])
    step = _number(h, x)
    share = _share(step, word_time(t, x), step).to(post)
    return (1 - share) * one_hot(x, post.shape[-1], post) + share * post


def unmask_law(
    post: Float[Tensor, "batch length v"],
    x: Integer[Tensor, "batch length"],
    t: Time,
    t_next: Time,
    sigma: float | Tensor = 0.0,
) -> Float[Tensor, "batch length states"]:
    r"""The step of masked words from t to t': some masks are revealed, some seen letters become masks again.

    The former have the probability $r = \frac{t' - (1-\sigma) t}{1 - t}$, the latter $\sigma$.
    If a share t of the letters was seen before, a share t' is seen afterwards, for every sigma. With sigma = 0 it is
    Euler's step, and for one letter exact.

    Args:
        post: Posterior of the clean letters, shape (batch, length, v); only that of masks is used.
        x: Letters, the mask is v, shape (batch, length).
        t, t_next: Times before and after the step, shape () or (batch,).
        sigma: From 0 to (1 - t') / t, and to 1; shape () or (batch,).

    Returns:
        Laws of the v letters and the mask, shape (batch, length, v + 1).

    Raises:
        ValueError: If t' is not from t to 1, sigma is out of its range, or `post` is no law or does not fit to `x`.

    Source: Sahoo et al., "Simple and effective masked diffusion language models" (2024), for sigma = 0; Wang et al.,
    "Remasking discrete diffusion models with inference-time scaling" (2025).

    Example:
        >>> words.unmask_law(torch.tensor([[[0.2, 0.8], [0.5, 0.5]]]), torch.tensor([[2, 0]]), 0.5, 0.75)
        tensor([[[0.1000, 0.4000, 0.5000],
                 [1.0000, 0.0000, 0.0000]]])
    """
    check_posterior(post, x)
    mask = post.shape[-1]
    check_words(x, mask + 1, mask)
    at, after = word_time(t, x), word_time(t_next, x)
    again = _number(sigma, x)
    shown = _share(after - (1 - again) * at, at, after - at).to(post)
    _check_sigma(again, at, after)
    again = again.to(post).reshape(-1, 1, 1)
    hidden = one_hot(torch.full_like(x, mask), mask + 1, post)
    revealed = shown * F.pad(post, (0, 1)) + (1 - shown) * hidden
    seen = (1 - again) * one_hot(x, mask + 1, post) + again * hidden
    return torch.where((x == mask)[..., None], revealed, seen)


def exponential_law(
    rate: Float[Tensor, "batch length states"], x: Integer[Tensor, "batch length"], h: Time
) -> Float[Tensor, "batch length states"]:
    r"""The step that jumps with the chance $1 - e^{-h \lambda}$, where $\lambda$ is the rate of leaving.

    It is exact for rates that stay as they are. Those of words grow as 1 / (1 - t), so it leaves masks at the end.

    Args:
        rate: Rates to each state, rows sum to 0, shape (batch, length, states), such as `MaskPath.rate`.
        x: Present letters, shape (batch, length).
        h: Length of the step, shape () or (batch,).

    Raises:
        ValueError: If a rate to another letter is negative, rows do not sum to 0, h is negative, or shapes do not fit.

    Source: Gat et al., "Discrete flow matching" (2024), code; "tau leaping" of Gillespie (2001).

    Example:
        >>> words.exponential_law(torch.tensor([[[-2.0, 0.5, 1.5]]]), torch.tensor([[0]]), 0.5)
        tensor([[[0.3679, 0.1580, 0.4741]]])
    """
    if rate.ndim != 3 or rate.shape[:2] != x.shape:
        raise ValueError(f"expected rates of shape {(*x.shape, 'states')}, got {tuple(rate.shape)}")
    check_words(x, rate.shape[-1])
    step = _number(h, x).to(rate).reshape(-1, 1, 1)
    if not (step >= 0).all():
        raise ValueError(f"expected a step h of at least 0, got {step.min().item():g}")
    here = one_hot(x, rate.shape[-1], rate)
    jumps = rate * (1 - here)
    if not (jumps >= 0).all():
        raise ValueError(f"expected rates of at least 0 to other letters, got {jumps.min().item():g}")
    leave = jumps.sum(-1, keepdim=True)
    own = rate.gather(-1, x.long()[..., None])
    if not torch.allclose(own, -leave, rtol=1e-4, atol=1e-6):
        raise ValueError(f"expected rates that sum to 0, got a sum of {(own + leave).abs().max().item():.4g}")
    chance = -torch.expm1(-step * leave)
    shares = torch.where(leave > 0, jumps / leave, here)
    return (1 - chance) * here + chance * shares


def own_letter(
    logits: Float[Tensor, "batch length v"], x: Integer[Tensor, "batch length"], t: Time
) -> Float[Tensor, "batch length v"]:
    r"""Logits with what the present letter says of the clean one at its place: $\log(1 + \frac{v t}{1 - t})$ for it.

    With uniform noise $p(z^i = a | x) \propto p(x^i | z^i = a)\, p(z^i = a | x^{j \ne i})$, and the first factor is
    known: (1 - t)/v for every a, and t more for the letter that is there.

    Args:
        logits: What the other letters say, up to a constant, shape (batch, length, v).
        x: Present letters, shape (batch, length).
        t: Time from 0 to below 1, shape () or (batch,).

    Raises:
        ValueError: At t = 1, where the letter is certain, or if `x` and `logits` do not fit.

    Example:
        >>> words.own_letter(torch.zeros(1, 1, 3), torch.tensor([[1]]), 0.5).softmax(-1)
        tensor([[[0.1667, 0.6667, 0.1667]]])
    """
    if logits.ndim != 3 or logits.shape[:2] != x.shape:
        raise ValueError(f"expected logits of shape {(*x.shape, 'letters')}, got {tuple(logits.shape)}")
    v = logits.shape[-1]
    check_states(x, v, "letters")
    at = word_time(t, x)
    if not (at < 1).all():
        raise ValueError("expected a time below 1: at t = 1 the letter that is there is certain")
    known = torch.log1p(v * at / (1 - at)).to(logits)
    return logits + known[..., None] * one_hot(x, v, logits)


def _number(value: Time, x: Tensor) -> Tensor:
    return expand_time(value, torch.empty(x.shape, dtype=torch.float64))


def _share(part: Tensor, t: Tensor, h: Tensor) -> Tensor:
    """The share part / (1 - t) that jumps in a step of length h, shape (1, 1, 1) or (batch, 1, 1)."""
    left = 1 - t
    fits = (h >= 0) & (h <= left + SLACK) & (left > 0)
    if not fits.all():
        [step, time] = [value[~fits][0].item() for value in torch.broadcast_tensors(h, t)]
        end = f"the time that is left, {1 - time:g} at t = {time:g}"
        raise ValueError(f"expected a step h from 0 to {end}, got {step:g}")
    return (part / left).clamp(max=1).reshape(-1, 1, 1)  # cuts roundings only


def _check_sigma(sigma: Tensor, t: Tensor, t_next: Tensor) -> None:
    most = torch.where(t > 0, (1 - t_next) / t, torch.inf).clamp(max=1)
    fits = (sigma >= 0) & (sigma <= most + SLACK)
    if not fits.all():
        [given, limit] = [value[~fits][0].item() for value in torch.broadcast_tensors(sigma, most)]
        raise ValueError(f"expected sigma from 0 to (1 - t_next) / t and to 1, here {limit:g}, got {given:g}")
