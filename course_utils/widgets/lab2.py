"""Sliders of Lab 2: noisy data, where a point may be on its way to, a field with its streamlines, steps and solvers."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm.auto import tqdm

from course_utils.distributions import Checkerboard, Empirical
from course_utils.metrics import off_support
from course_utils.paths import GaussianPath, Marginal, marginal
from course_utils.plotting.fields import grid_points, picture, plane
from course_utils.plotting.stage import Stage, bundle, shades
from course_utils.plotting.theme import DATA, EXACT, HALO, LOOKS, MODEL, NOISE, figure
from course_utils.schedules import Schedule
from course_utils.shapes import Field
from course_utils.simulators import euler_step, heun_step, midpoint_step, rk4_step, simulate
from course_utils.widgets.core import Choice, Controls, Explorer, Slider
from course_utils.widgets.grip import Grip
from course_utils.widgets.images import SCHEDULES

__all__ = ["explore_conditional_path", "explore_field", "explore_steps", "explore_you_are_here"]

CIRCLE = torch.stack([torch.linspace(0, 2 * torch.pi, 61).cos(), torch.linspace(0, 2 * torch.pi, 61).sin()], 1)
"""Points of a circle of radius 1."""

AXES = {"xlabel": "$x_1$", "ylabel": "$x_2$"}
"""Labels of the plane."""

COUNTS = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32]
"""Numbers of steps to choose from."""

SOLVERS = {"Euler": (euler_step, 1), "midpoint": (midpoint_step, 2), "Heun": (heun_step, 2), "RK4": (rk4_step, 4)}
"""Step functions, and how often they evaluate the field."""


def explore_conditional_path(
    data: Float[Tensor, "n 2"],
    *,
    schedules: Mapping[str, Schedule] = SCHEDULES,
    limit: float = 4.5,
    generator: torch.Generator | None = None,
) -> Explorer:
    """Samples of the path to one data point and of the path to all of them, with time and schedule to choose.

    Args:
        data: Data points, shape (n, 2); the first is the one.
        schedules: To choose from, by name.
        limit: The plane is shown from -limit to limit.
        generator: Source of the noise, the same for all times.
    """
    noise = torch.empty_like(data).normal_(generator=generator)
    one = data[0]
    ts = torch.linspace(0, 1, 101)

    def draw(t: float, schedule: Schedule):
        at = torch.tensor(t)
        alpha, beta = schedule.alpha(at), schedule.beta(at)
        return {
            "one": tuple((alpha * one + beta * noise).T),
            "all": tuple((alpha * data + beta * noise).T),
            "circle": tuple((alpha * one + 2 * beta * CIRCLE.to(one)).T),
            "alpha": (ts, schedule.alpha(ts)),
            "beta": (ts, schedule.beta(ts)),
            "now": (at.expand(2), torch.stack([alpha, beta])),
        }

    controls: Controls = {"t": Slider("time t", 0.0, 1.0, 0.6, 0.02), "schedule": Choice("schedule", schedules)}
    alt = (
        "Left, samples of the path to one data point, marked by a cross, with the circle of two standard deviations. "
        "Middle, samples of the path to the whole distribution. Right, both coefficients over time."
    )
    return Explorer(_two_paths(one, limit), draw, controls, alt=alt)


def _two_paths(one: Float[Tensor, " 2"], limit: float) -> Stage:
    """The path to one data point, that to all of them, and both coefficients."""
    fig, (left, middle, right) = figure(1, 3, size=(2.9, 3.2), width_ratios=(1, 1, 0.75))
    plane(left, limit, title="conditional: one $z$", **AXES)
    plane(middle, limit, title="marginal: all $z$", **AXES)
    right.set(xlim=(0, 1), ylim=(0, 1.05), xlabel="time $t$", title=r"$\alpha_t$ (blue), $\beta_t$ (grey)")
    dots = {"color": DATA, "ls": "", "marker": ".", "ms": 3, "alpha": 0.6, "mew": 0}
    parts = {
        "one": left.plot([], [], **dots)[0],
        "all": middle.plot([], [], **dots)[0],
        "circle": left.plot([], [], color=EXACT, lw=2)[0],
        "z": left.plot(*one[:, None], "x", color="black", ms=8, mew=2)[0],
        "alpha": right.plot([], [], color=DATA, lw=2)[0],
        "beta": right.plot([], [], color=NOISE, lw=2)[0],
        "now": right.plot([], [], "o", color="black")[0],
    }
    return Stage(fig, parts)


def explore_you_are_here(data: Float[Tensor, "n 2"], *, limit: float = 3.0) -> Explorer:
    """A point to move, a time to choose: arrows to the data points, as broad as their posterior weights, and the field.

    Args:
        data: A few data points, shape (n, 2).
        limit: The plane is shown from -limit to limit.
    """
    empirical = Empirical(data)
    field = marginal(GaussianPath(), empirical)

    def draw(x1: float, x2: float, t: float):
        x, at = torch.tensor([[x1, x2]]).to(data), torch.tensor(t).to(data)
        shares = empirical.weights(x, at, 1 - at)[0]
        return {
            "circles": at * data[:, None] + (1 - at) * CIRCLE.to(data),
            "lines": {"segments": torch.stack([x.expand_as(data), data], 1), "linewidths": 0.2 + 9 * shares},
            "velocity": (x, (1 - at) * field.velocity(x, at)),
            "here": tuple(x.T),
            **{f"share {i}": f"{share:.0%}" for i, share in enumerate(shares.tolist())},
        }

    place = {"low": -limit, "high": limit, "step": 0.25}
    controls = {
        "x1": Slider("place x₁", value=-0.25, **place),
        "x2": Slider("place x₂", value=0.75, **place),
        "t": Slider("time t", 0.0, 0.98, 0.3, 0.02),
    }
    alt = (
        "A black point, lines to blue data points as broad as their posterior weights, which are written beside them, "
        "grey circles of one standard deviation around what each data point has shrunk to, and a green arrow: the "
        "velocity times the time that is left."
    )
    return Explorer(_ways_from_here(data, limit), draw, controls, alt=alt, grip=Grip("here", "x1", "x2"))


def _ways_from_here(data: Float[Tensor, "n 2"], limit: float) -> Stage:
    """Data points, what is left of them, lines to them with their shares, and the velocity at a place."""
    fig, ax = figure(size=(5.2, 4.3))
    plane(ax, limit, **AXES)
    ax.plot(*data.T, "o", color=DATA, ms=7)
    aim = {"angles": "xy", "scale_units": "xy", "scale": 1, "color": EXACT, "width": 0.009, "zorder": 6}
    label = {"color": DATA, "ha": "center", "path_effects": HALO, "zorder": 8}
    parts = {
        "circles": bundle(ax, color=NOISE, lw=1),
        "lines": bundle(ax, color=DATA, alpha=0.7),
        **{f"share {i}": ax.text(x, y + 0.05 * limit, "", **label) for i, (x, y) in enumerate(data)},
        "velocity": ax.quiver([0.0], [0.0], [0.0], [0.0], **aim),
        "here": ax.plot([], [], "o", color="black", ms=9)[0],
    }
    return Stage(fig, parts)


def explore_field(
    exact: Marginal, velocity: Field | None = None, *, limit: float = 5.0, last: float = 0.98
) -> Explorer:
    """A vector field in the plane with the time to choose: streamlines over the density, each ending in a dot.

    Args:
        exact: The marginal path whose density is drawn.
        velocity: The field to draw; that of `exact` if not given.
        limit: The plane is shown from -limit to limit.
        last: The last time.
    """
    velocity = velocity or exact.velocity
    m, side = 61, 15
    pixels, seeds = grid_points(limit, m), grid_points(0.94 * limit, side)
    grid = torch.linspace(0, 1, 6)

    @torch.no_grad()
    def frame(t: Tensor):
        density = exact.log_prob(pixels, t).exp().reshape(m, m)
        speed = velocity(seeds, t).norm(dim=1).quantile(0.9)
        factor = 2.2 * limit / (side * speed)
        streams = simulate(lambda x, _: factor * velocity(x, t), seeds, grid, midpoint_step).xs
        green = shades(density / (1.3 * density.max()))
        return {"density": green, "streams": streams.transpose(0, 1), "ends": tuple(streams[-1].T)}

    frames = [frame(t) for t in tqdm(torch.linspace(0, last, 50), desc="streamlines")]

    def draw(t: float):
        return frames[round(49 * t / last)]

    controls = {"t": Slider("time t", 0.0, last, 30 * last / 49, last / 49)}
    alt = "Streamlines of a vector field, each ending in a dot, over the density at this time in green."
    return Explorer(_streamlines(limit), draw, controls, alt=alt)


def _streamlines(limit: float) -> Stage:
    """Streamlines with dots at their ends, over a density."""
    fig, ax = figure(size=(4.7, 4.3))
    plane(ax, limit, **AXES)
    parts = {
        "density": picture(ax, shades(torch.zeros(2, 2)), limit),
        "streams": bundle(ax, color="0.15", lw=0.9),
        "ends": ax.plot([], [], ".", color="0.15", ms=3.5)[0],
    }
    return Stage(fig, parts)


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
    ends = _ends(fields, x0, last)
    off = {job: 100 * off_support(board, x) for job, x in ends.items()}

    def draw(field: str, solver: str, n: int):
        x = ends[field, solver, n]
        on = board.contains(x)
        lines = {
            name: ([cost * k for k in COUNTS], [off[field, name, k] for k in COUNTS])
            for name, (_, cost) in SOLVERS.items()
        }
        now = ([SOLVERS[solver][1] * n], [off[field, solver, n]])
        return {"on": tuple(x[on].T), "off": tuple(x[~on].T), "now": now, **lines}

    controls = {
        "n": Choice("steps", {str(n): n for n in COUNTS}, first="8"),
        "solver": Choice("solver", {name: name for name in SOLVERS}),
        "field": Choice("field", {name: name for name in fields}),
    }
    alt = (
        "Left, samples over the plane; those that miss the squares of the checkerboard are black. Right, their share "
        "against the number of evaluations for four solvers; a circle marks what is shown at the left."
    )
    return Explorer(_samples_and_misses(1.2 * board.half_width), draw, controls, alt=alt)


def _ends(fields: Mapping[str, Field], x0: Tensor, last: float) -> dict[tuple[str, str, int], Tensor]:
    """Where the samples end, for every field, solver and number of steps."""
    jobs = [(field, solver, n) for field in fields for solver in SOLVERS for n in COUNTS]
    ends = {}
    for field, solver, n in tqdm(jobs, desc="sample"):
        grid = torch.linspace(0, last, n + 1)
        ends[field, solver, n] = simulate(fields[field], x0, grid, SOLVERS[solver][0], save_every=n).end
    return ends


def _samples_and_misses(limit: float) -> Stage:
    """Samples on the support and off it, and the share of these against the work of each solver."""
    fig, (left, right) = figure(1, 2, size=(3.9, 3.8))
    plane(left, limit, **AXES)
    right.set(xscale="log", xlim=(0.9, 150), ylim=(0, 60), xlabel="evaluations of the field")
    right.set_title("off the squares, %")
    dots = {"ls": "", "marker": ".", "ms": 3, "mew": 0}
    parts = {"on": left.plot([], [], color=MODEL, **dots)[0], "off": left.plot([], [], color="black", **dots)[0]}
    for name, (color, marker, dash) in zip(SOLVERS, LOOKS, strict=False):
        parts[name] = right.plot([], [], color=color, marker=marker, ls=dash, ms=4, label=name)[0]
    parts["now"] = right.plot([], [], "o", color="black", ms=11, fillstyle="none", mew=2)[0]
    right.legend()
    return Stage(fig, parts)
