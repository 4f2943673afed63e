"""A model that learns a drawing in seconds, with its samples moving all the while, beside what is right."""

import time

import ipywidgets
import torch
from IPython.display import HTML, display
from jaxtyping import Float
from torch import Tensor

from course_utils.distributions import Empirical
from course_utils.losses import flow_matching_loss, stratified_times
from course_utils.networks import MLP
from course_utils.paths import GaussianPath, marginal
from course_utils.plotting.fields import grid_points, plane
from course_utils.plotting.page import image_html
from course_utils.plotting.stage import Stage, bundle
from course_utils.plotting.theme import DATA, EXACT, MODEL, figure
from course_utils.shapes import Field
from course_utils.simulators import euler_step, midpoint_step, simulate
from course_utils.training import Recipe, fit, trapezoid

__all__ = ["learn_drawing"]

LIMIT = 3.2
ALT = (
    "Left, the drawn points in blue. Middle, samples of the network on its field: at first a cloud, in the end the "
    "drawing, a little blurred. Right, samples of the exact field of the drawn points: the drawn points themselves."
)


def learn_drawing(points: Float[Tensor, "n 2"], *, seconds: float = 3.5, refresh: float = 0.3, seed: int = 0) -> MLP:
    """Train a network on drawn points and show its samples as they change, beside those of the exact field.

    The clock decides how many steps are done, so that a slow machine takes no longer, but learns less.

    Args:
        points: Data points in [-3, 3]², shape (n, 2).
        seconds: Time for the training, pictures included, from the end of the first step on.
        refresh: Seconds between two pictures.
        seed: Of everything random.

    Returns:
        The trained velocity field.

    Raises:
        ValueError: If a time is not positive.
    """
    if min(seconds, refresh) <= 0:
        raise ValueError(f"expected positive times, got seconds = {seconds:g} and refresh = {refresh:g}")
    random = torch.Generator().manual_seed(seed)
    path, x0 = GaussianPath(), torch.randn(400, 2, generator=random)
    stage = _three_panels(points)
    exact = _seen(marginal(path, Empirical(points)).velocity, x0, path.schedule.span[1])
    stage.picture({f"exact {name}": value for name, value in exact.items()})
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = MLP(2, hidden=96, depth=3, frequencies=(1 / 8, 1 / 4, 1 / 2, 1)).to(points)
    place, start, next_picture = ipywidgets.HTML(), time.perf_counter(), 0.0
    display(place)

    def share_of_time(*_) -> float:
        return (time.perf_counter() - start) / seconds

    def loss(model, z: Tensor) -> Tensor:
        return flow_matching_loss(model, z, path=path, t=stratified_times(len(z), random), generator=random)

    def show(note: str) -> None:
        learned = {f"learned {name}": value for name, value in _seen(model, x0, 1.0).items()}
        place.value = image_html(stage.jpeg(learned | {"title": note}), f"{ALT} Now: {note}.", stage.width, "jpeg")

    def watch(step: int, model, history) -> bool:
        nonlocal next_picture, start
        start = time.perf_counter() if step == 1 else start
        if share_of_time() * seconds > next_picture:
            show(f"step {step}, {share_of_time() * seconds:.1f} s")
            next_picture = share_of_time() * seconds + refresh
        return share_of_time() > 0.95

    def of_the_clock(*_) -> float:
        return trapezoid(round(1000 * min(share_of_time(), 0.999)), 1000)

    batches = ((points[torch.randint(len(points), (512,), generator=random)],) for _ in iter(int, 1))
    recipe = Recipe(schedule=of_the_clock)
    history = fit(model, loss, batches, steps=10**6, lr=1e-2, recipe=recipe, progress=False, callback=watch)
    show(f"step {history.steps}, {share_of_time() * seconds:.1f} s")
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
        plane(ax, LIMIT, title=title)
    axes[0].set_ylabel("$x_2$")
    axes[0].plot(*points[:1500].T, ".", ms=3, mew=0, color=DATA)
    axes[1].set_title("step 700, 0.0 s")
    parts = {}
    for name, ax, color in (("learned", axes[1], MODEL), ("exact", axes[2], EXACT)):
        parts[f"{name} streams"] = bundle(ax, color="0.7", lw=0.8)
        parts[f"{name} ends"] = ax.plot([], [], ".", ms=3, color="0.7")[0]
        parts[f"{name} samples"] = ax.plot([], [], ".", ms=4, mew=0, color=color)[0]
    axes[2].set_title("exact field of the drawn points", size=10)
    return Stage(fig, parts | {"title": axes[1].title})


def _leave(place: ipywidgets.HTML) -> None:
    """Put a plain picture in place of the live one, so that it stays when the kernel is gone."""
    picture = place.value
    place.close()
    display(HTML(picture))
