"""Sliders on probability paths: noisy data, where a point may be on its way to, a field with its streamlines."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from matplotlib.collections import LineCollection
from torch import Tensor
from tqdm.auto import tqdm

from course_utils.distributions import Empirical
from course_utils.paths import GaussianPath, Marginal, marginal
from course_utils.plotting.core import DATA, EXACT, HALO, NOISE, figure
from course_utils.plotting.flows import grid_points
from course_utils.plotting.stage import Stage, shades
from course_utils.schedules import Cosine, Linear, Schedule
from course_utils.shapes import Field
from course_utils.simulators import midpoint_step, simulate
from course_utils.widgets.core import Choice, Explorer, Slider

SCHEDULES = {"linear": Linear(), "cosine": Cosine()}
CIRCLE = torch.stack([torch.linspace(0, 2 * torch.pi, 61).cos(), torch.linspace(0, 2 * torch.pi, 61).sin()], 1)


def plane(ax, limit: float) -> None:
    """Square axes from -limit to limit."""
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xlabel="$x_1$", ylabel="$x_2$")
    ax.grid(False)


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
    noise, one = torch.empty_like(data).normal_(generator=generator), data[0]
    fig, axes = figure(1, 3, size=(2.9, 3.2), width_ratios=(1, 1, 0.75))
    for ax, title in zip(axes, ("conditional: one $z$", "marginal: all $z$"), strict=False):
        plane(ax, limit)
        ax.set_title(title)
    ts = torch.linspace(0, 1, 101)
    axes[2].set(xlim=(0, 1), ylim=(0, 1.05), xlabel="time $t$", title=r"$\alpha_t$ (blue), $\beta_t$ (grey)")
    dots = {"ls": "", "marker": ".", "ms": 3, "alpha": 0.6, "mew": 0}
    parts = {
        "one": axes[0].plot([], [], color=DATA, **dots)[0], "all": axes[1].plot([], [], color=DATA, **dots)[0],
        "circle": axes[0].plot([], [], color=EXACT, lw=2)[0],
        "z": axes[0].plot([one[0].item()], [one[1].item()], "x", color="black", ms=8, mew=2)[0],
        "alpha": axes[2].plot([], [], color=DATA, lw=2)[0], "beta": axes[2].plot([], [], color=NOISE, lw=2)[0],
        "now": axes[2].plot([], [], "o", color="black")[0],
    }  # fmt: skip

    def draw(t: float, schedule: Schedule):
        at = torch.tensor(t)
        alpha, beta = schedule.alpha(at), schedule.beta(at)
        values = torch.stack([alpha, beta])
        return {
            "one": tuple((alpha * one + beta * noise).T), "all": tuple((alpha * data + beta * noise).T),
            "circle": tuple((alpha * one + 2 * beta * CIRCLE.to(one)).T), "now": (at.expand(2), values),
            "alpha": (ts, schedule.alpha(ts)), "beta": (ts, schedule.beta(ts)),
        }  # fmt: skip

    controls = {"t": Slider("time t", 0.0, 1.0, 0.6, 0.02), "schedule": Choice("schedule", schedules)}
    return Explorer(Stage(fig, parts), draw, controls, alt=(
        "Left, samples of the path to one data point, marked by a cross, with the circle of two standard deviations. "
        "Middle, samples of the path to the whole distribution. Right, both coefficients over time."
    ))  # fmt: skip


def explore_you_are_here(data: Float[Tensor, "n 2"], *, limit: float = 3.0) -> Explorer:
    """A point to move, a time to choose: arrows to the data points, as broad as their posterior weights, and the field.

    Args:
        data: A few data points, shape (n, 2).
        limit: The plane is shown from -limit to limit.
    """
    empirical = Empirical(data)
    field = marginal(GaussianPath(), empirical)
    fig, ax = figure(size=(5.2, 4.3))
    plane(ax, limit)
    ax.plot(*data.T, "o", color=DATA, ms=7)
    aim = {"angles": "xy", "scale_units": "xy", "scale": 1, "color": EXACT, "width": 0.009, "zorder": 6}
    label = {"color": DATA, "ha": "center", "path_effects": HALO, "zorder": 8}
    parts = {
        "circles": ax.add_collection(LineCollection([], color=NOISE, lw=1), autolim=False),
        "lines": ax.add_collection(LineCollection([], color=DATA, alpha=0.7), autolim=False),
        **{f"share {i}": ax.text(x, y + 0.05 * limit, "", **label) for i, (x, y) in enumerate(data)},
        "velocity": ax.quiver([0.0], [0.0], [0.0], [0.0], **aim),
        "here": ax.plot([], [], "o", color="black", ms=9)[0],
    }

    def draw(x1: float, x2: float, t: float):
        x, at = torch.tensor([[x1, x2]]).to(data), torch.tensor(t).to(data)
        shares = empirical.weights(x, at, 1 - at)[0]
        return {
            "circles": at * data[:, None] + (1 - at) * CIRCLE.to(data),
            "lines": {"segments": torch.stack([x.expand_as(data), data], 1), "linewidths": 0.2 + 9 * shares},
            "velocity": (x, (1 - at) * field.velocity(x, at)), "here": tuple(x.T),
            **{f"share {i}": f"{share:.0%}" for i, share in enumerate(shares.tolist())},
        }  # fmt: skip

    place = {"low": -limit, "high": limit, "step": 0.25}
    controls = {
        "x1": Slider("place x₁", value=0.5, **place), "x2": Slider("place x₂", value=0.5, **place),
        "t": Slider("time t", 0.0, 0.98, 0.3, 0.02),
    }  # fmt: skip
    return Explorer(Stage(fig, parts), draw, controls, alt=(
        "A black point, lines to blue data points as broad as their posterior weights, which are written beside them, "
        "grey circles of one standard deviation around what each data point has shrunk to, and a green arrow: the "
        "velocity times the time that is left."
    ))  # fmt: skip


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
    velocity, m, side = velocity or exact.velocity, 61, 15
    pixels, seeds = grid_points(limit, m), grid_points(0.94 * limit, side)
    grid = torch.linspace(0, 1, 6)
    fig, ax = figure(size=(4.7, 4.3))
    plane(ax, limit)
    extent = (-limit, limit, -limit, limit)
    picture = {"origin": "lower", "extent": extent, "interpolation": "bilinear"}
    parts = {
        "density": ax.imshow(shades(torch.zeros(m, m)), **picture),
        "streams": ax.add_collection(LineCollection([], color="0.15", lw=0.9), autolim=False),
        "ends": ax.plot([], [], ".", color="0.15", ms=3.5)[0],
    }

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
    return Explorer(Stage(fig, parts), draw, controls, alt=(
        "Streamlines of a vector field, each ending in a dot, over the density at this time in green."
    ))  # fmt: skip
