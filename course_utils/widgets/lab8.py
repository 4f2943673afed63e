"""Sliders of Lab 8: the exact map of a flow on a line, where learned maps err, digits from few evaluations."""

import math
from collections.abc import Callable, Mapping

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from course_utils.metrics import map_errors
from course_utils.paths import Marginal
from course_utils.plotting.images import pixels, wall
from course_utils.plotting.stage import Stage, bundle, polylines, shades
from course_utils.plotting.theme import BROAD, DATA, EXACT, MODEL, figure
from course_utils.simulators import simulate
from course_utils.widgets.core import Choice, Controls, Explorer, Slider

__all__ = ["explore_errors", "explore_evaluations", "explore_flow_map"]

REACH = 3.0
"""Places of the line that are shown, from -REACH to REACH."""

SMALLEST, LARGEST = 0.01, 1.0
"""Errors between which shades tell them apart."""

PLACES = torch.linspace(-REACH, REACH, 121)[:, None]
"""Where maps are drawn."""


def explore_flow_map(exact: Marginal) -> Explorer:
    """The exact flow map on a line, with its two times and a point to choose, beside Euler's steps.

    Args:
        exact: Fields of a path to a distribution on a line whose flow map is known.

    Example:
        >>> exact = paths.marginal(paths.GaussianPath(), distributions.GaussianMixture(torch.tensor([[1.0]])))
        >>> widgets.lab8.explore_flow_map(exact)
        Explorer(s, t, x, n)
    """

    def draw(s: float, t: float, x: float, n: int):
        start = torch.cat([torch.tensor([[x]]), PLACES])
        ends = exact.flow_map(start, s, t)[:, 0]
        ts = torch.linspace(s, t, n + 1)
        steps = simulate(exact.velocity, start, ts).xs[:, :, 0] if s != t else start.T.expand(n + 1, -1)
        end, stepped = ends[0].item(), steps[-1, 0].item()
        return {
            "way": _way(exact, x, s, t),
            "steps": (ts, steps[:, 0]),
            "chord": ([s, t], [x, end]),
            "exact": (PLACES[:, 0], ends[1:]),
            "euler": (PLACES[:, 0], steps[-1, 1:]),
            "point": ([x], [end]),
            "stepped": ([x], [stepped]),
            "words": _said(exact, x, s, t, end, stepped),
        }

    controls: Controls = {
        "s": Slider("start s", 0.0, 1.0, 0.0, 0.02),
        "t": Slider("end t", 0.0, 1.0, 1.0, 0.02),
        "x": Slider("point x", -2.5, 2.5, 0.6, 0.05),
        "n": Choice("Euler steps", {str(n): n for n in (1, 2, 4, 16)}),
    }
    alt = (
        "Left, paths of the flow over time; the chosen point's, green, from s to t, its chord, and orange steps of "
        "Euler's. Right, where the map carries every place, as a green curve, and where Euler's steps do, dashed."
    )
    return Explorer(_flow_and_map(exact), draw, controls, alt=alt)


def _way(exact: Marginal, x: float, s: float, t: float) -> tuple[Tensor, Tensor]:
    """Times and places of one point on its way."""
    ts = torch.linspace(s, t, 41)
    return ts, exact.flow_map(torch.full((41, 1), x), s, ts)[:, 0]


def _said(exact: Marginal, x: float, s: float, t: float, end: float, stepped: float) -> str:
    """The map at one point, its average velocity, and by how much Euler misses."""
    now = exact.velocity(torch.tensor([[x]]), s).item()
    average = now if s == t else (end - x) / (t - s)
    lines = (f"X(x) = {end:.2f}", f"average velocity {average:.2f}", f"velocity at s {now:.2f}")
    return "\n".join([*lines, f"Euler misses by {stepped - end:.2f}"])


def _flow_and_map(exact: Marginal) -> Stage:
    fig, (left, right) = figure(1, 2, size=(4.4, 3.9), width_ratios=(1.25, 1))
    times = torch.linspace(0, 1, 41)
    starts = torch.special.ndtri((torch.arange(24) + 0.5) / 24)[:, None]
    flow = torch.stack([exact.flow_map(starts, 0.0, t)[:, 0] for t in times])
    left.add_collection(bundle(left, color="0.75", lw=0.8))
    left.collections[-1].set_segments(list(polylines(times, flow).numpy()))
    left.set(xlim=(0, 1), ylim=(-REACH, REACH), xlabel="time", ylabel="place")
    right.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), xlabel="$x$ at time $s$", aspect="equal")
    right.set_title("$X_{s,t}(x)$")
    right.plot([-REACH, REACH], [-REACH, REACH], color="0.8", lw=1)
    parts = {
        "way": left.plot([], [], **BROAD)[0],
        "chord": left.plot([], [], color=DATA, ls=":", lw=2, marker="o", ms=5)[0],
        "steps": left.plot([], [], color=MODEL, marker="s", ms=4, lw=1.5)[0],
        "exact": right.plot([], [], **BROAD)[0],
        "euler": right.plot([], [], color=MODEL, ls="--", lw=1.6)[0],
        "point": right.plot([], [], "o", color=DATA, ms=8)[0],
        "stepped": right.plot([], [], "s", color=MODEL, ms=6)[0],
        "words": right.text(-0.95 * REACH, 0.95 * REACH, "", va="top", size=9),
    }
    return Stage(fig, parts)


def explore_errors(maps: Mapping[str, Callable], ts: Float[Tensor, " k"], xs: Float[Tensor, "k n 1"]) -> Explorer:
    """Where learned maps of a flow on a line err: every pair of times as a picture, and the map of one pair to choose.

    Args:
        maps: From name to a map, called as flow_map(x, s, t).
        ts: Times, shape (k,), evenly spaced.
        xs: Points that the flow itself has carried along, at each time, shape (k, n, 1), in order on the line.

    Raises:
        ValueError: As `metrics.map_errors`.
    """
    errors = {name: map_errors(flow_map, ts, xs) for name, flow_map in maps.items()}
    first, last, step = ts[0].item(), ts[-1].item(), (ts[1] - ts[0]).item()

    def draw(name: str, a: float, b: float):
        i, j = sorted(round((time - first) / step) for time in (a, b))
        with torch.no_grad():
            learned = maps[name](xs[i], ts[i], ts[j])[:, 0]
        error = errors[name][i, j].item() if i < j else 0.0
        return {
            "errors": _shaded(errors[name]),
            "pair": ([ts[i].item()], [ts[j].item()]),
            "exact": (xs[i, :, 0], xs[j, :, 0]),
            "learned": (xs[i, :, 0], learned),
            "words": f"s = {ts[i]:.3g}, t = {ts[j]:.3g}\nerror {error:.3f}",
        }

    controls: Controls = {
        "name": Choice("learned by", {name: name for name in maps}),
        "a": Slider("one time", first, last, first, step),
        "b": Slider("other time", first, last, last, step),
    }
    alt = (
        "Left, the error of a learned map for every start and end, darker where it is larger; a circle marks the pair "
        "of times chosen. Right, the map of that pair, exact as a broad green curve and learned as a thin orange one."
    )
    return Explorer(_errors_and_map(ts, xs), draw, controls, alt=alt)


def _shaded(errors: Float[Tensor, "k k_again"]) -> np.ndarray:
    """Errors as pixels, white where there is none; logarithmic, and black from LARGEST on."""
    share = (errors / SMALLEST).log() / math.log(LARGEST / SMALLEST)
    picture = shades(share.nan_to_num(0).clamp(0, 1).T, "magma_r")
    picture[errors.isnan().T.numpy()] = 255
    return picture


def _errors_and_map(ts: Float[Tensor, " k"], xs: Float[Tensor, "k n 1"]) -> Stage:
    fig, (left, right) = figure(1, 2, size=(4.2, 3.9))
    half = (ts[1] - ts[0]).item() / 2
    extent = (ts[0].item() - half, ts[-1].item() + half) * 2
    blank = shades(torch.zeros(len(ts), len(ts)))
    errors = left.imshow(blank, origin="lower", extent=extent, interpolation="nearest")
    left.set(xlabel="start $s$", ylabel="end $t$", title=f"error: {SMALLEST:g} light, {LARGEST:g} dark")
    left.grid(False)
    reach = 1.1 * xs.abs().max().item()
    right.set(xlim=(-reach, reach), ylim=(-reach, reach), xlabel="$x$ at time $s$", title="$X_{s,t}(x)$")
    parts = {
        "errors": errors,
        "pair": left.plot([], [], "o", color=EXACT, ms=14, fillstyle="none", mew=3)[0],
        "exact": right.plot([], [], **BROAD, label="exact")[0],
        "learned": right.plot([], [], color=MODEL, lw=1.6, label="learned")[0],
        "words": right.text(0.95 * reach, -0.95 * reach, "", ha="right", va="bottom", size=11),
    }
    right.legend(loc="upper left")
    return Stage(fig, parts)


def explore_evaluations(made: Mapping[str, Mapping[int, Float[Tensor, "n 1 height width"]]]) -> Explorer:
    """Images that several samplers make, with the number of evaluations to choose; a row a sampler.

    Args:
        made: From the name of a sampler to its images by number of evaluations, as many for each; a number that a
            sampler lacks leaves its row empty. The first shown is the least that all have.

    Raises:
        ValueError: If there are no images, or not as many everywhere.

    Example:
        >>> one = torch.zeros(10, 1, 28, 28)
        >>> widgets.lab8.explore_evaluations({"Euler": {1: one, 2: one}, "midpoint": {2: one}})
        Explorer(evaluations)
    """
    shapes = {tuple(images.shape) for by_count in made.values() for images in by_count.values()}
    if len(shapes) != 1:
        raise ValueError(f"expected as many images of one size everywhere, got shapes {sorted(shapes)}")
    empty = torch.full(shapes.pop(), torch.nan)
    counts = sorted({count for by_count in made.values() for count in by_count})

    def rows(evaluations: int) -> Tensor:
        return torch.stack([by_count.get(evaluations, empty)[:, 0] for by_count in made.values()])

    whole = [count for count in counts if all(count in by_count for by_count in made.values())]
    first = (whole or counts)[0]
    controls: Controls = {"evaluations": Choice("evaluations", {str(k): k for k in counts}, first=str(first))}
    alt = (
        "Rows of digits, one a sampler. From noise with one evaluation every digit is the grey mean of its kind; the "
        "more evaluations, the sharper they are, and those that begin with an exact draw are sharp from two on."
    )
    stage = wall(rows(first), zoom=2, row_titles=list(made))
    return Explorer(stage, lambda evaluations: {"images": pixels(rows(evaluations))}, controls, alt=alt)
