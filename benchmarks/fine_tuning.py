"""Lab 9's line, fine-tuned to the reward r(x) = x at lambda = 0.5: two ways, beside the exact tilted law; three seeds.

The field is the exact one of the mixture plus (1 - t) times a small network that begins at 0. Reward-weighted flow
matching draws data and weighs them by exp(r / lambda). Adjoint matching (Domingo-Enrich et al., 2024) has no data: it
follows the field with noise, carries the reward's slope back along each flight, and regresses on that. With the noise
2(1 - t)/t, which forgets where a flight began, the field learned is that of the tilted law; with less of it, it is not.
"""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor, nn

from benchmarks.maps import PATH, seeded
from benchmarks.rewards import EXACT, LAM, LINE, ONE, ends, reward
from benchmarks.rows import Row, alone, over_seeds, processor
from course_utils.losses import flow_matching_loss
from course_utils.networks import MLP, Residual
from course_utils.paths import marginal
from course_utils.processes import FlowSDE
from course_utils.shapes import Field
from course_utils.simulators import simulate
from course_utils.training import Recipe, fit

TILTED = marginal(PATH, LINE.tilted(ONE, lam=LAM))
LOG_Z = LINE.log_normaliser(ONE, lam=LAM)
FIRST = 0.02
"""Time at which flights begin: at 0 their noise is infinite."""


def untrained() -> Residual:
    """The exact field, plus (1 - t) times a network whose answer is 0."""
    net = MLP(1, hidden=64)
    nn.init.zeros_(net.last.weight)
    nn.init.zeros_(net.last.bias)
    return Residual(EXACT.velocity, lambda t: 1 - t, net).double()


def noise(share: float) -> Callable[[Tensor], Tensor]:
    """The noise that forgets where a flight began, times a share."""
    return lambda t: share * (2 * (1 - t) / t).sqrt()


def grid(steps: int) -> Tensor:
    """Times of a flight, closer together where the noise is large."""
    return FIRST + (1 - FIRST) * torch.linspace(0, 1, steps + 1, dtype=torch.double) ** 1.5


def slopes(f: Field, x: Tensor, t: Tensor) -> Tensor:
    """df/dx of a field on the line at each state, shape of x; some at a time, to bound memory."""
    found = []
    for states, times in zip(x.split(50_000), t.split(50_000), strict=True):
        at = states.detach().requires_grad_()
        with torch.enable_grad():
            found += torch.autograd.grad(f(at, times).sum(), at)
    return torch.cat(found)


@torch.no_grad()
def flights(
    field: Field, z: Tensor, steps: int, share: float, source: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """States on flights along a field, from data that are noisy yet, their times, and the adjoints there.

    The adjoint is -1/lambda at the end, and on the way back it grows by the slope of the drift without reward.
    """
    n, ts = len(z), grid(steps)
    x0 = PATH.sample(z, ts[0], generator=source).x
    way, free = (FlowSDE.from_velocity(u, PATH.schedule, noise(share)) for u in (field, EXACT.velocity))
    x = simulate(way, x0, ts, generator=source).xs[:-1].reshape(-1, 1)
    t = ts[:-1].repeat_interleave(n)
    growth = slopes(free.drift, x, t).reshape(steps, n, 1) * ts.diff()[:, None, None]
    a = torch.full((n, 1), -1 / LAM, dtype=torch.double)
    adjoints = []
    for factor in growth.flip(0):
        a = a * (1 + factor)
        adjoints.append(a)
    return x, t, torch.stack(adjoints[::-1]).reshape(-1, 1)


def adjoint_loss(model: Residual, z: Tensor, *, share: float, source: torch.Generator, steps: int = 40) -> Tensor:
    r"""Mean of $|c\,(u - u_0)/\sigma + \sigma a|^2$ over the states of flights; c = 1 + share^2 drifts a velocity."""
    x, t, adjoint = flights(model, z, steps, share, source)
    sigma = noise(share)(t)[:, None]
    pushed = (1 + share**2) * (model(x, t) - EXACT.velocity(x, t))
    return (pushed / sigma + sigma * adjoint).square().mean()


def weighted_loss(model: Residual, z: Tensor, *, source: torch.Generator) -> Tensor:
    """Flow matching on data that are weighed by what they are worth."""
    weights = (reward(z) / LAM - LOG_Z).exp()
    return flow_matching_loss(model, z, path=PATH, weight=weights, generator=source)


def target_error(share: float, t: float, n: int = 20_000, steps: int = 400) -> tuple[float, float]:
    """Of adjoint matching at the answer: how far the mean of its target is from the tilted field's change, and chance.

    Both are root mean squares over 20 bins of equal counts, the second of the standard errors; the change itself is
    the velocity that the reward adds.
    """
    x, at, adjoint = flights(TILTED.velocity, TILTED.p_data.draw(n, seeded(6)), steps, share, seeded(5))
    here = (at - t).abs() == (at - t).abs().min()
    x, at, adjoint = x[here], at[here], adjoint[here]
    target = -(noise(share)(at)[:, None] ** 2) * adjoint / (1 + share**2)
    miss = (target - (TILTED.velocity(x, at) - EXACT.velocity(x, at)))[x[:, 0].argsort()].reshape(20, -1)
    return miss.mean(1).square().mean().sqrt().item(), (miss.var(1) / miss.shape[1]).mean().sqrt().item()


WAYS: dict[str, tuple[Callable, int, int]] = {
    "reward-weighted flow matching": (weighted_loss, 512, 1600),
    "adjoint matching": (partial(adjoint_loss, share=1.0), 256, 200),
    "adjoint matching, 80 times a flight": (partial(adjoint_loss, share=1.0, steps=80), 256, 200),
    "adjoint matching, 0.7 of the noise": (partial(adjoint_loss, share=0.7), 256, 200),
}
"""Losses, points of data a step, and steps."""


def tuned(loss: Callable, batch: int, steps: int, seed: int) -> tuple[Residual, float]:
    """A field fine-tuned by one of the ways, and the CPU-seconds that it took."""
    torch.manual_seed(seed)
    model, source = untrained(), seeded(100 + seed)
    batches = ((LINE.draw(batch, source),) for _ in range(steps))
    start = processor()
    recipe = Recipe(weight_decay=0.0)
    fit(model, partial(loss, source=source), batches, steps=steps, recipe=recipe, progress=False)
    return model, processor() - start


def fine_tuning(quick: bool) -> Iterator[Row]:
    """Rows of the exact law, of the targets of adjoint matching at the answer, and of every way."""
    n, seeds = (200, 2) if quick else (4000, 3)
    yield alone("fine_tuning", "mean reward asked for", TILTED.p_data.mean.item(), "")
    for share in (1.0, 0.7):
        for t in (0.3, 0.6, 0.9):
            words = f"target of adjoint matching at the answer, {share:g} of the noise, t = {t:g}"
            miss, chance = target_error(share, t, *((2000, 60) if quick else ()))
            yield alone("fine_tuning", f"{words}: error of its mean, ± {chance:.2g}", miss, "")
    for name, (loss, batch, full) in WAYS.items():
        steps = 3 if quick else full
        runs = [tuned(loss, batch, steps, seed) for seed in range(seeds)]
        found = [ends(model, LAM, n) for model, _ in runs]
        yield over_seeds("fine_tuning", f"{name}: mean reward", [mean for mean, _ in found], "")
        yield over_seeds("fine_tuning", f"{name}: W1 to the tilted law", [distance for _, distance in found], "")
        yield over_seeds("fine_tuning", f"{name}: {steps} steps", [spent for _, spent in runs], "CPU-s")
