"""Sliders of Lab 1: Brownian motion, Ornstein–Uhlenbeck, a flow that warps a grid, Langevin dynamics."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from tqdm.auto import tqdm

from course_utils.distributions import GaussianMixture
from course_utils.plotting.fields import grid_points, picture, plane
from course_utils.plotting.stage import Stage, bundle, polylines, shades
from course_utils.plotting.theme import DATA, EXACT, MODEL, figure
from course_utils.processes import Langevin, OrnsteinUhlenbeck
from course_utils.shapes import Field, check_same_shape
from course_utils.simulators import heun_step, simulate
from course_utils.widgets.core import SHOWN, Choice, Controls, Explorer, Slider

__all__ = ["explore_brownian_motion", "explore_flow", "explore_langevin", "explore_ornstein_uhlenbeck"]

BAND = {"color": EXACT, "lw": 1.8}
"""How the band of an exact law looks."""


def explore_ornstein_uhlenbeck(
    *, start: float = 5.0, horizon: float = 20.0, paths: int = 1000, generator: torch.Generator | None = None
) -> Explorer:
    r"""Ornstein–Uhlenbeck paths with $\theta$ and $\sigma$ to choose, beside the law at the end; all of one noise.

    Args:
        start: Where all paths start.
        horizon: Time at the end.
        paths: Number of paths.
        generator: Source of the noise.
    """
    n = 150
    ts = torch.linspace(0, horizon, n + 1)
    eps = torch.randn(n, paths, generator=generator)
    k = torch.arange(n + 1)
    places = torch.linspace(-6, 6, 61)
    middles = (places[1:] + places[:-1]) / 2

    def draw(theta: float, sigma: float):
        process = OrnsteinUhlenbeck(theta, sigma)
        mean, std = process.transition(torch.full_like(ts, start), ts)
        decay, spread = (v.item() for v in process.transition(torch.ones(1), ts[1]))
        weights = decay ** (k[1:, None] - k[1:]).clamp(min=0).to(ts)
        xs = torch.cat([torch.full_like(eps[:1], start), mean[1:, None] + spread * weights.tril() @ eps])
        counts = torch.histc(xs[-1], len(middles), -6, 6) / (paths * 0.2)
        law = torch.exp(-(((middles - mean[-1]) / std[-1].clamp(min=0.03)) ** 2) / 2)
        return {
            "xs": polylines(ts, xs[:, :SHOWN]), "m": (ts, mean), "l": (ts, mean - 2 * std), "h": (ts, mean + 2 * std),
            "histogram": counts, "law": (law / (law.sum() * 0.2), middles),
        }  # fmt: skip

    controls = {"theta": Slider("pull θ", 0.0, 2.0, 0.25, 0.05), "sigma": Slider("noise σ", 0.0, 1.5, 0.5, 0.05)}
    alt = (
        "Paths of an Ornstein–Uhlenbeck process in the green band of their exact mean and two standard deviations, "
        "and a histogram of where they end, with the exact density."
    )
    return Explorer(_paths_and_end(horizon, places), draw, controls, alt=alt)


def _paths_and_end(horizon: float, places: Float[Tensor, " edges"]) -> Stage:
    """Paths with the mean, low and high of their band, and a histogram of their ends with the exact density."""
    fig, (left, right) = figure(1, 2, size=(3.9, 3.6), sharey=True, width_ratios=(2.4, 1))
    left.set(xlim=(0, horizon), ylim=(-6, 6), xlabel="time $t$", ylabel="$X_t$")
    left.set_xticks(torch.linspace(0, horizon, 5))
    right.set(xlim=(0, 1.2), xlabel=f"density at $t = {horizon:g}$")
    empty = torch.zeros(len(places) - 1)
    bars = right.stairs(empty, places, orientation="horizontal", color=MODEL, alpha=0.5, fill=True)
    parts = {
        "xs": bundle(left, color=MODEL, lw=0.8, alpha=0.6),
        "m": left.plot([], [], **BAND, ls="--")[0],
        "l": left.plot([], [], **BAND)[0],
        "h": left.plot([], [], **BAND)[0],
        "histogram": bars,
        "law": right.plot([], [], **BAND)[0],
    }
    return Stage(fig, parts)


def explore_brownian_motion(*, paths: int = 1000, generator: torch.Generator | None = None) -> Explorer:
    r"""Sums of n increments $h^p \epsilon$ with n and p to choose: Brownian motion for p = 1/2 alone, whatever n is.

    Args:
        paths: Number of paths.
        generator: Source of the noise: one Brownian motion, of which fewer steps see less.
    """
    finest = 512
    fine = torch.randn(finest, paths, generator=generator)

    def draw(n: int, p: float):
        eps = fine.unflatten(0, (n, -1)).sum(1) * (n / finest) ** 0.5
        ts = torch.linspace(0, 1, n + 1)
        xs = torch.cat([torch.zeros_like(eps[:1]), n**-p * eps.cumsum(0)])
        seen = slice(max(1, n // 16), None, max(1, n // 16))
        return {"xs": polylines(ts, xs[:, :SHOWN]), "variance": (ts[seen], xs[seen].var(1))}

    controls: Controls = {
        "n": Choice("steps n", {str(n): n for n in (2, 8, 16, 64, 128, 512)}, first="64"),
        "p": Slider("exponent p", 0.3, 1.0, 0.5, 0.05),
    }
    alt = (
        "Left, sums of increments, h to the power p times normal numbers, with the band of two standard deviations of "
        "Brownian motion. Right, their variance over time; for p = 0.5 it lies on the line variance = t, for "
        "smaller p above it, for larger p below it."
    )
    return Explorer(_sums_and_variance(), draw, controls, alt=alt)


def _sums_and_variance() -> Stage:
    """Sums of increments in the band of Brownian motion, and their variance beside the line variance = t."""
    line = torch.linspace(0, 1, 101)
    fig, (left, right) = figure(1, 2, size=(3.9, 3.6), width_ratios=(2, 1))
    left.set(xlim=(0, 1), ylim=(-3.5, 3.5), xlabel="time $t$", ylabel="sum of the increments")
    left.plot(line, 2 * line.sqrt(), line, -2 * line.sqrt(), **BAND)
    right.plot(line, line, **BAND)
    right.set(xlim=(0, 1.03), ylim=(0, 2), xlabel="time $t$", title="variance")
    sums = bundle(left, color=MODEL, lw=0.8, alpha=0.6)
    return Stage(fig, {"xs": sums, "variance": right.plot([], [], "o", color=MODEL, ms=4)[0]})


def explore_flow(field: Field, lines: Float[Tensor, "lines points 2"], *, steps: int = 100) -> Explorer:
    """Lines of a grid carried along by a flow, with the time to choose; to the left time runs backwards.

    Args:
        field: Velocity u(x, t), followed from t = 0 to t = 1 by Heun's method.
        lines: Lines at t = 0, shape (lines, points, 2); the first half in one colour, the rest in another.
        steps: Steps of the method.

    Raises:
        ValueError: If the velocities have not the shape of the points, or carry them out of all bounds.
    """
    ts, points = torch.linspace(0, 1, steps + 1).to(lines), lines.flatten(0, 1)
    check_same_shape(points=points, velocities=field(points, ts[0]))
    frames = simulate(field, points, ts, heun_step).xs.unflatten(1, lines.shape[:2])
    if not frames.isfinite().all():
        raise ValueError("expected a flow that stays finite up to t = 1, got inf or nan: take a weaker field")
    limit = 1.05 * frames.abs().max().item()
    half = len(lines) // 2
    fig, ax = figure(size=(4.6, 4.1))
    plane(ax, limit, xlabel="$x_1$", ylabel="$x_2$")
    parts = {name: bundle(ax, color=color, lw=1.3) for name, color in (("one", MODEL), ("other", DATA))}

    def draw(t: float):
        now = frames[round(t * steps)]
        return {"one": now[:half], "other": now[half:]}

    controls = {"t": Slider("time t", 0.0, 1.0, 0.5, 0.02)}
    alt = "A square grid, carried along by a flow: its lines bend, but two of one colour never meet."
    return Explorer(Stage(fig, parts), draw, controls, alt=alt)


def explore_langevin(
    targets: dict[str, GaussianMixture],
    starts: dict[str, Float[Tensor, "points 2"]],
    *,
    horizon: float = 20.0,
    generator: torch.Generator | None = None,
) -> Explorer:
    """Langevin dynamics with target and time to choose: points over the density, and how many are at each mode.

    Args:
        targets: From name to target density.
        starts: From the same names to where the points start, shape (points, 2).
        horizon: Time at the end.
        generator: Source of the noise.
    """
    ts = torch.linspace(0, horizon, 1001)
    runs = {
        name: simulate(Langevin(p.score), starts[name], ts, generator=generator, save_every=10).xs
        for name, p in tqdm(targets.items(), desc="simulate")
    }
    greens = {name: _green(p, limit=4.0) for name, p in targets.items()}
    modes = len(next(iter(targets.values())).weights)
    numbers = torch.arange(1, modes + 1)

    def draw(target: str, t: float):
        p, x = targets[target], runs[target][round(100 * t / horizon)]
        nearest = torch.cdist(x, p.means).argmin(1)
        shares = torch.bincount(nearest, minlength=modes) / len(x)
        exact = (numbers, p.weights)
        return {"density": greens[target], "points": tuple(x.T), "shares": shares, "exact": exact}

    controls: Controls = {
        "target": Choice("target", {name: name for name in targets}),
        "t": Slider("time t", 0.0, horizon, horizon / 20, horizon / 100),
    }
    alt = (
        "Left, points over a green density with several modes. Right, the share of the points nearest to each mode as "
        "bars, and the weights of the modes as green lines."
    )
    return Explorer(_points_and_shares(modes, limit=4.0), draw, controls, alt=alt)


def _green(p: GaussianMixture, limit: float, m: int = 81) -> np.ndarray:
    """A density over the plane as pixels."""
    density = p.log_prob(grid_points(limit, m)).exp().reshape(m, m)
    return shades(density / density.max())


def _points_and_shares(modes: int, limit: float) -> Stage:
    """Points over a density, and bars for the shares of the modes with the exact weights."""
    fig, (left, right) = figure(1, 2, size=(3.9, 3.6), width_ratios=(1.4, 1))
    plane(left, limit, xlabel="$x_1$", ylabel="$x_2$")
    right.set(ylim=(0, 1), xlim=(0.4, modes + 0.6), xticks=range(1, modes + 1), xlabel="mode", title="share of points")
    parts = {
        "density": picture(left, shades(torch.zeros(2, 2)), limit),
        "points": left.plot([], [], ".", color=MODEL, ms=4, alpha=0.6)[0],
        "shares": right.stairs(torch.zeros(modes), torch.arange(modes + 1) + 0.5, color=MODEL, alpha=0.6, fill=True),
        "exact": right.plot([], [], "_", color=EXACT, ms=48, mew=3)[0],
    }
    return Stage(fig, parts)
