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
    x0 = torch.randn(400, 2, generator=random)
    path = GaussianPath()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = MLP(2, hidden=96, depth=3, frequencies=(1 / 8, 1 / 4, 1 / 2, 1)).to(points)
    live = _Live(points, x0, seconds, refresh)

    def loss(model, z: Tensor) -> Tensor:
        return flow_matching_loss(model, z, path=path, t=stratified_times(len(z), random), generator=random)

    batches = ((points[torch.randint(len(points), (512,), generator=random)],) for _ in iter(int, 1))
    recipe = Recipe(schedule=live.schedule)
    history = fit(model, loss, batches, steps=10**6, lr=1e-2, recipe=recipe, progress=False, callback=live.watch)
    live.show(model, history.steps)
    live.leave()
    return model


class _Live:
    """A picture of a training that goes on, drawn anew now and then, until its time is over."""

    def __init__(self, points: Tensor, x0: Tensor, seconds: float, refresh: float):
        self.x0, self.seconds, self.refresh = x0, seconds, refresh
        self.stage = _three_panels(points)
        path = GaussianPath()
        exact = _seen(marginal(path, Empirical(points)).velocity, x0, path.schedule.span[1])
        self.stage.picture({f"exact {name}": value for name, value in exact.items()})
        self.start = time.perf_counter()
        self.next_picture = 0.0
        self.place = ipywidgets.HTML()
        display(self.place)

    def passed(self) -> float:
        """Seconds since the end of the first step."""
        return time.perf_counter() - self.start

    def schedule(self, step: int, steps: int) -> float:
        """The learning rate follows the clock, not the steps."""
        return trapezoid(round(1000 * min(self.passed() / self.seconds, 0.999)), 1000)

    def watch(self, step: int, model, history) -> bool:
        """A callback of `fit`: whether the time is over."""
        if step == 1:
            self.start = time.perf_counter()
        if self.passed() > self.next_picture:
            self.show(model, step)
            self.next_picture = self.passed() + self.refresh
        return self.passed() > 0.95 * self.seconds

    def show(self, model: Field, step: int) -> None:
        """Draw what is learned so far."""
        note = f"step {step}, {self.passed():.1f} s"
        learned = {f"learned {name}": value for name, value in _seen(model, self.x0, 1.0).items()}
        frame = self.stage.jpeg(learned | {"title": note})
        self.place.value = image_html(frame, f"{ALT} Now: {note}.", self.stage.width, "jpeg")

    def leave(self) -> None:
        """Put a plain picture in place of the live one, so that it stays when the kernel is gone."""
        picture = self.place.value
        self.place.close()
        display(HTML(picture))


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
