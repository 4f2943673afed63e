"""Sliders of Lab 3: the strength of the noise against the marginals."""

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm.auto import tqdm

from course_utils.paths import Marginal
from course_utils.plotting.stage import Stage, bundle, polylines
from course_utils.plotting.theme import EXACT, MODEL, figure
from course_utils.processes import FlowSDE
from course_utils.simulators import simulate
from course_utils.widgets.core import SHOWN, Choice, Controls, Explorer, Slider

__all__ = ["explore_sigma"]

KINDS = {
    "s √β": lambda s, schedule: lambda t: s * schedule.beta(t).sqrt(),
    "constant s": lambda s, schedule: s,
}
"""Diffusion coefficients to choose from, of a strength and a schedule."""

STRENGTHS = [k / 4 for k in range(7)]


def explore_sigma(
    exact: Marginal,
    *,
    steps: int = 100,
    samples: int = 3000,
    limit: float = 3.0,
    generator: torch.Generator | None = None,
) -> Explorer:
    r"""Samples on the line with the diffusion coefficient and the time to choose, over their exact density.

    The SDE extension has the same marginals for every $\sigma_t$; a simulation keeps them as far as its steps allow.

    Args:
        exact: Exact fields on the line, from a linear schedule.
        steps: Steps of the simulation.
        samples: Number of samples; some of their paths are drawn.
        limit: The line is shown from -limit to limit.
        generator: Source of the noise.
    """
    ts = exact.schedule.grid(steps)
    x0 = torch.randn(samples, 1, generator=generator)
    runs = _runs(exact, x0, ts, generator)
    places = torch.linspace(-limit, limit, 241)
    densities = torch.stack([exact.log_prob(places[:, None], t).exp() for t in ts])

    def draw(kind: str, s: float, t: float):
        xs, i = runs[kind, round(4 * s) / 4], round(t * steps)
        top = densities[i].max()
        counts = torch.histc(xs[i], 120, -limit, limit) / (samples * 2 * limit / 120)
        return {
            "xs": polylines(ts, xs[:, :SHOWN]),
            "now": ([t, t], [-limit, limit]),
            "histogram": (counts / top).clamp(max=1.25),
            "law": (places, densities[i] / top),
        }

    controls: Controls = {
        "kind": Choice("σ at time t", {kind: kind for kind in KINDS}),
        "s": Slider("strength s", 0.0, 1.5, 0.75, 0.25),
        "t": Slider("time t", 0.0, 1.0, 1.0, 0.02),
    }
    alt = (
        "Left, paths from noise to data over the exact density of their law. Right, the histogram of all samples at "
        "the chosen time and the exact density."
    )
    return Explorer(_paths_and_law(ts, places, densities), draw, controls, alt=alt)


def _runs(
    exact: Marginal, x0: Tensor, ts: Tensor, generator: torch.Generator | None
) -> dict[tuple[str, float], Float[Tensor, "times samples"]]:
    """Simulations with every kind and strength of the noise."""
    runs = {}
    for kind, s in tqdm([(kind, s) for kind in KINDS for s in STRENGTHS], desc="simulate"):
        sde = FlowSDE(exact.velocity, exact.score, KINDS[kind](s, exact.schedule))
        runs[kind, s] = simulate(sde, x0, ts, generator=generator).xs[..., 0]
    return runs


def _paths_and_law(ts: Tensor, places: Tensor, densities: Float[Tensor, "times m"]) -> Stage:
    """Paths over a density that changes with time, and a histogram with the density at one time."""
    limit = places[-1].item()
    fig, (left, right) = figure(1, 2, size=(3.9, 3.6), width_ratios=(1.6, 1))
    left.pcolormesh(ts, places, (densities**0.4).T, cmap="Greens", shading="gouraud", rasterized=True)
    left.set(xlim=(0, 1), ylim=(-limit, limit), xlabel="time $t$", ylabel="$X_t$")
    left.grid(False)
    right.set(xlim=(-limit, limit), ylim=(0, 1.25), yticks=[], xlabel="$x$", title="density, largest exact value 1")
    edges = torch.linspace(-limit, limit, 121)
    parts = {
        "xs": bundle(left, color=MODEL, lw=0.8, alpha=0.8),
        "now": left.plot([], [], color="black", lw=1.5)[0],
        "histogram": right.stairs(torch.zeros(120), edges, color=MODEL, alpha=0.5, fill=True),
        "law": right.plot([], [], color=EXACT, lw=1.8)[0],
    }
    return Stage(fig, parts)
