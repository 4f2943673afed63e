"""A model that learns a drawing in seconds, with its samples moving all the while, beside what is right."""

import time

import ipywidgets
import torch
from IPython.display import HTML, display
from jaxtyping import Float
from matplotlib.collections import LineCollection
from torch import Tensor

from course_utils.distributions import Empirical
from course_utils.losses import flow_matching_loss, stratified_times
from course_utils.networks import MLP
from course_utils.paths import GaussianPath, marginal
from course_utils.plotting.core import DATA, EXACT, MODEL, figure, image_html
from course_utils.plotting.flows import grid_points
from course_utils.plotting.stage import Stage
from course_utils.shapes import Field
from course_utils.simulators import euler_step, midpoint_step, simulate
from course_utils.training import fit
from course_utils.widgets.paths import plane

LIMIT = 3.2
ALT = (
    "Left, the drawn points in blue. Middle, samples of the network on its field: at first a cloud, in the end the "
    "drawing, a little blurred. Right, samples of the exact field of the drawn points: the drawn points themselves."
)


def learn_drawing(points: Float[Tensor, "n 2"], *, steps: int = 700, refresh: float = 0.3, seed: int = 0) -> MLP:
    """Train a network on drawn points and show its samples as they change, beside those of the exact field.

    Args:
        points: Data points in [-3, 3]², shape (n, 2).
        steps: Optimiser steps; 700 take about three seconds.
        refresh: Seconds between two pictures.
        seed: Of everything random.

    Returns:
        The trained velocity field.
    """
    random = torch.Generator().manual_seed(seed)
    path, x0 = GaussianPath(), torch.randn(400, 2, generator=random)
    exact = marginal(path, Empirical(points)).velocity
    stage = _three_panels(points)
    right = {f"exact {name}": value for name, value in _seen(exact, x0, 0.998).items()}
    stage.picture(right)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = MLP(2, hidden=96, depth=3, frequencies=(1 / 8, 1 / 4, 1 / 2, 1)).to(points)
    place, start, last = ipywidgets.HTML(), time.perf_counter(), 0.0
    display(place)

    def loss(model, z: Tensor) -> Tensor:
        return flow_matching_loss(model, z, path=path, t=stratified_times(len(z), random), generator=random)

    def show(step: int, model, history) -> None:
        nonlocal last
        now = time.perf_counter() - start
        if now - last < refresh and step < steps:
            return
        last = now
        note = f"step {step} of {steps}, {now:.1f} s"
        jpeg = stage.jpeg({f"learned {name}": v for name, v in _seen(model, x0, 1.0).items()} | {"title": note})
        place.value = image_html(jpeg, f"{ALT} Now: {note}.", stage.width, "jpeg")

    batches = ((points[torch.randint(len(points), (512,), generator=random)],) for _ in range(steps))
    fit(model, loss, batches, steps=steps, lr=1e-2, progress=False, callback=show)
    show(steps, model, None)
    _leave(place)
    return model


@torch.no_grad()
def _seen(field: Field, x0: Tensor, end: float) -> dict[str, object]:
    """Samples of a field, and its streamlines half way."""
    seeds = grid_points(0.92 * LIMIT, 11).to(x0)
    x = simulate(field, x0, torch.linspace(0, end, 9), midpoint_step).end
    half = torch.tensor(0.5)
    streams = simulate(lambda x, _: 0.2 * field(x, half), seeds, torch.linspace(0, 1, 5), euler_step).xs
    return {"samples": tuple(x.T), "streams": streams.transpose(0, 1), "ends": tuple(streams[-1].T)}


def _three_panels(points: Tensor) -> Stage:
    fig, axes = figure(1, 3, size=(2.9, 3.3))
    for ax, title in zip(axes, ("drawn", "learned", "exact"), strict=True):
        plane(ax, LIMIT)
        ax.set(title=title, xlabel="")
        if ax is not axes[0]:
            ax.set(ylabel="")
    axes[0].plot(*points[:1500].T, ".", ms=3, mew=0, color=DATA)
    axes[1].set_title("step 700 of 700, 0.0 s")
    parts = {}
    for name, ax, color in (("learned", axes[1], MODEL), ("exact", axes[2], EXACT)):
        parts[f"{name} streams"] = ax.add_collection(LineCollection([], color="0.7", lw=0.8), autolim=False)
        parts[f"{name} ends"] = ax.plot([], [], ".", ms=3, color="0.7")[0]
        parts[f"{name} samples"] = ax.plot([], [], ".", ms=4, mew=0, color=color)[0]
    axes[2].set_title("exact field of the drawn points", size=10)
    return Stage(fig, parts | {"title": axes[1].title})


def _leave(place: ipywidgets.HTML) -> None:
    """Put a plain picture in place of the live one, so that it stays when the kernel is gone."""
    picture = place.value
    place.close()
    display(HTML(picture))
