"""Sliders on sampling: the strength of the noise against the marginals, steps and solver against quality."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm.auto import tqdm

from course_utils.distributions import Checkerboard
from course_utils.metrics import off_support
from course_utils.paths import Marginal
from course_utils.plotting.core import EXACT, MODEL, figure
from course_utils.plotting.digits import LOOKS
from course_utils.plotting.stage import Stage, polylines
from course_utils.processes import FlowSDE
from course_utils.shapes import Field
from course_utils.simulators import euler_step, heun_step, midpoint_step, rk4_step, simulate
from course_utils.widgets.core import Choice, Explorer, Slider
from course_utils.widgets.paths import plane
from course_utils.widgets.processes import SHOWN, bundle

SOLVERS = {"Euler": (euler_step, 1), "midpoint": (midpoint_step, 2), "Heun": (heun_step, 2), "RK4": (rk4_step, 4)}
"""Step functions, and how often they evaluate the field."""


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
    ts, strengths = exact.schedule.grid(steps), [k / 4 for k in range(7)]
    kinds = {"s √β": lambda s: lambda t: s * exact.schedule.beta(t).sqrt(), "constant s": lambda s: s}
    x0 = torch.randn(samples, 1, generator=generator)
    runs = {
        (kind, s): simulate(FlowSDE(exact.velocity, exact.score, make(s)), x0, ts, generator=generator).xs[..., 0]
        for kind, make in tqdm(kinds.items(), desc="simulate") for s in strengths
    }  # fmt: skip
    places = torch.linspace(-limit, limit, 241)
    densities = torch.stack([exact.log_prob(places[:, None], t).exp() for t in ts])
    edges = torch.linspace(-limit, limit, 121)
    fig, (left, right) = figure(1, 2, size=(3.9, 3.6), width_ratios=(1.6, 1))
    left.pcolormesh(ts, places, (densities**0.4).T, cmap="Greens", shading="gouraud", rasterized=True)
    left.set(xlim=(0, 1), ylim=(-limit, limit), xlabel="time $t$", ylabel="$X_t$")
    left.grid(False)
    right.set(xlim=(-limit, limit), ylim=(0, 1.25), yticks=[], xlabel="$x$", title="density, largest exact value 1")
    parts = {
        "xs": bundle(left, color=MODEL, lw=0.8, alpha=0.8), "now": left.plot([], [], color="black", lw=1.5)[0],
        "histogram": right.stairs(torch.zeros(120), edges, color=MODEL, alpha=0.5, fill=True),
        "law": right.plot([], [], color=EXACT, lw=1.8)[0],
    }  # fmt: skip

    def draw(kind: str, s: float, t: float):
        xs, i = runs[kind, round(4 * s) / 4], round(t * steps)
        top = densities[i].max()
        counts = torch.histc(xs[i], 120, -limit, limit) / (samples * 2 * limit / 120)
        return {
            "xs": polylines(ts, xs[:, :SHOWN]), "now": ([t, t], [-limit, limit]),
            "histogram": (counts / top).clamp(max=1.25), "law": (places, densities[i] / top),
        }  # fmt: skip

    controls = {
        "kind": Choice("σ at time t", {kind: kind for kind in kinds}), "s": Slider("strength s", 0.0, 1.5, 0.75, 0.25),
        "t": Slider("time t", 0.0, 1.0, 1.0, 0.02),
    }  # fmt: skip
    return Explorer(Stage(fig, parts), draw, controls, alt=(
        "Left, paths from noise to data over the exact density of their law. Right, the histogram of all samples at "
        "the chosen time and the exact density."
    ))  # fmt: skip


def explore_steps(
    fields: Mapping[str, Field], board: Checkerboard, x0: Float[Tensor, "n 2"], *, last: float = 0.999
) -> Explorer:
    """Samples of the checkerboard with field, solver and number of steps to choose; those off the squares black.

    Args:
        fields: From name to velocity field, finite up to `last`.
        board: The data.
        x0: Noise to start from, shape (n, 2).
        last: The time at which sampling ends.
    """
    counts, limit = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32], 1.2 * board.half_width
    jobs = [(field, solver, n) for field in fields for solver in SOLVERS for n in counts]
    ends = {
        (field, solver, n): simulate(
            fields[field], x0, torch.linspace(0, last, n + 1), SOLVERS[solver][0], save_every=n
        ).end
        for field, solver, n in tqdm(jobs, desc="sample")
    }
    off = {job: 100 * off_support(board, x) for job, x in ends.items()}
    fig, (left, right) = figure(1, 2, size=(3.9, 3.8))
    plane(left, limit)
    right.set(xscale="log", xlim=(0.9, 150), ylim=(0, 60), xlabel="evaluations of the field")
    right.set_title("off the squares, %")
    dots = {"ls": "", "marker": ".", "ms": 3, "mew": 0}
    parts = {"on": left.plot([], [], color=MODEL, **dots)[0], "off": left.plot([], [], color="black", **dots)[0]}
    for name, (color, marker, dash) in zip(SOLVERS, LOOKS, strict=False):
        parts[name] = right.plot([], [], color=color, marker=marker, ls=dash, ms=4, label=name)[0]
    parts["now"] = right.plot([], [], "o", color="black", ms=11, fillstyle="none", mew=2)[0]
    right.legend()

    def draw(field: str, solver: str, n: int):
        x = ends[field, solver, n]
        on = board.contains(x)
        lines = {
            name: ([cost * k for k in counts], [off[field, name, k] for k in counts])
            for name, (_, cost) in SOLVERS.items()
        }
        now = ([SOLVERS[solver][1] * n], [off[field, solver, n]])
        return {"on": tuple(x[on].T), "off": tuple(x[~on].T), "now": now, **lines}

    controls = {
        "n": Choice("steps", {str(n): n for n in counts}, first="8"),
        "solver": Choice("solver", {name: name for name in SOLVERS}),
        "field": Choice("field", {name: name for name in fields}),
    }
    return Explorer(Stage(fig, parts), draw, controls, alt=(
        "Left, samples over the plane; those that miss the squares of the checkerboard are black. Right, their share "
        "against the number of evaluations for four solvers; a circle marks what is shown at the left."
    ))  # fmt: skip
