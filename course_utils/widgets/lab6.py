"""Sliders of Lab 6: walks in latent space, the bound, a flow of latents, where tokens look."""

import math
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, Int
from matplotlib import colormaps
from matplotlib.patches import Rectangle
from torch import Tensor
from torch.distributions import Normal
from tqdm.auto import tqdm

from course_utils.guidance import classifier_free
from course_utils.latents import Latents
from course_utils.losses import linear_bound
from course_utils.plotting.images import pixels, wall
from course_utils.plotting.stage import Stage
from course_utils.plotting.theme import DATA, EXACT, MODEL, figure
from course_utils.simulators import midpoint_step, simulate
from course_utils.widgets.attention import explore_attention
from course_utils.widgets.core import Choice, Controls, Explorer, Slider
from course_utils.widgets.grip import Grip

__all__ = ["explore_attention", "explore_bound", "explore_latent_flow", "explore_plane", "explore_walk"]


def explore_walk(
    latents: Latents,
    images: Float[Tensor, "n 1 28 28"],
    directions: Mapping[str, Float[Tensor, " dim"]],
    *,
    names: Sequence[str] = (),
) -> Explorer:
    """A digit that is changed in latent space, along directions to walk by slider.

    Args:
        latents: Between images and latents.
        images: Digits to start from.
        directions: From a name, one word, to a direction of latents, shape (dim,), one standard deviation long.
        names: Of the digits; by default they are numbered.

    Raises:
        ValueError: If there is not one name a digit.
    """
    names = list(names) or [str(i + 1) for i in range(len(images))]
    if len(names) != len(images):
        raise ValueError(f"expected {len(images)} names, one a digit, got {len(names)}")
    with torch.no_grad():
        start = (latents.autoencoder.encode(images)[0] - latents.mean) / latents.scale

    def draw(digit: int, **amounts: float):
        change = sum(amount * directions[name] for name, amount in amounts.items())
        shown = torch.cat([images[digit], latents.decode((start[digit] + change)[None])[0]])
        return {"images": pixels(shown[None])}

    options = {name: i for i, name in enumerate(names)}
    sliders = {name: Slider(name, -3.0, 3.0, 0.0, 0.1) for name in directions}
    stage = wall(images[:1].expand(1, 2, -1, -1), zoom=6, column_titles=("real", "walked"))
    alt = "Left, a real digit. Right, its latent decoded after a walk: the same digit with more ink, or slanted."
    return Explorer(stage, draw, {"digit": Choice("digit", options), **sliders}, alt=alt)


def explore_plane(latents: Latents, points: Float[Tensor, "n 2"], labels: Int[Tensor, " n"]) -> Explorer:
    """The plane of an autoencoder with two latents, with latents of digits in it, and the decoded digit of any place.

    Args:
        latents: Between images and pairs of numbers.
        points: Latents of digits, each drawn as its digit, shape (n, 2).
        labels: Of the points, 0 to 9.

    Raises:
        ValueError: If the latents are not pairs.
    """
    if latents.event_shape != (2,):
        raise ValueError(f"expected latents of 2 numbers, got {latents.event_shape[0]}")

    def draw(h1: float, h2: float):
        shown = latents.decode(torch.tensor([[h1, h2]]))
        return {"place": ([h1], [h2]), "images": pixels(shown)}

    controls: Controls = {
        "h1": Slider("first number", -LIMIT, LIMIT, 0.0, 0.05),
        "h2": Slider("second number", -LIMIT, LIMIT, 0.0, 0.05),
    }
    alt = (
        "Left, a plane full of small digits, each at the latent of a real one, in regions by label, with a cross. "
        "Right, the digit that is decoded at the cross: near the edge of a region it turns into the neighbour."
    )
    return Explorer(_plane_and_digit(points, labels), draw, controls, alt=alt, grip=Grip("place", "h1", "h2"))


LIMIT = 3.0
"""How far the plane of latents is shown."""


def _plane_and_digit(points: Tensor, labels: Tensor) -> Stage:
    fig, (left, right) = figure(1, 2, size=(4.2, 4.2), width_ratios=(1.5, 1))
    for y in range(10):
        own = points[labels == y]
        left.scatter(own[:, 0], own[:, 1], s=24, marker=f"${y}$", color=colormaps["tab10"](y), linewidths=0)
    left.set(xlabel="$h_1$", ylabel="$h_2$", xlim=(-LIMIT, LIMIT), ylim=(-LIMIT, LIMIT), aspect="equal")
    (place,) = left.plot([0], [0], marker="P", ms=13, mfc="black", mec="white", mew=1.5)
    image = right.imshow(pixels(torch.zeros(1, 1, 28, 28)), interpolation="nearest")
    right.set_axis_off()
    return Stage(fig, {"place": place, "images": image})


def explore_bound(x: float, *, w: float = 1.5, s: float = 0.8) -> Explorer:
    r"""The bound for one latent and one pixel, $h \sim N(0, 1)$ and $x \sim N(wh, s^2)$, with the encoder to choose.

    Args:
        x: The pixel.
        w: Slope of the decoder.
        s: Its standard deviation.
    """
    variance = 1 / (1 + w**2 / s**2)
    posterior = Normal(variance * w * x / s**2, math.sqrt(variance))
    log_p = Normal(0.0, math.sqrt(w**2 + s**2)).log_prob(torch.tensor(x)).item()
    hs = torch.linspace(-4, 4, 321)

    def bound(mean: float, log_var: float) -> float:
        one = torch.ones(1, 1)
        return linear_bound(x * one, mean * one, log_var * one, w * one, torch.zeros(1), s).item()

    def draw(mean: float, log_var: float):
        value = bound(mean, log_var)
        q = Normal(mean, math.exp(log_var / 2)).log_prob(hs).exp()
        words = f"bound {value:.3f}\ngap {log_p - value:.3f}\nsum {log_p:.3f}"
        low = max(value, LOWEST)
        return {
            "q": (hs, q),
            "bound": {"height": low - LOWEST},
            "gap": {"y": low, "height": log_p - low},
            "words": words,
        }

    controls: Controls = {
        "mean": Slider("mean m", -2.0, 2.0, 0.0, 0.05),
        "log_var": Slider("log-variance l", -4.0, 1.0, 0.0, 0.1),
    }
    alt = (
        "Left, the density of the encoder over the exact posterior. Right, a column of two parts, the bound and the "
        "gap; its top is log p(x) and never moves. The gap is 0 where both densities are one."
    )
    return Explorer(_posterior_and_column(hs, posterior, log_p), draw, controls, alt=alt)


LOWEST = -12.0
"""Where the column of the bound begins."""


def _posterior_and_column(hs: Tensor, posterior: Normal, log_p: float) -> Stage:
    fig, (left, right) = figure(1, 2, size=(4.2, 3.6), width_ratios=(1.6, 1))
    exact = posterior.log_prob(hs).exp()
    left.fill_between(hs, exact, color=EXACT, alpha=0.35, label="posterior $p(h|x)$")
    (q,) = left.plot([], [], color=MODEL, lw=2, label="encoder $q(h|x)$")
    left.set(xlabel="latent $h$", ylabel="density", xlim=(-4, 4), ylim=(0, 1.9 * exact.max().item()))
    left.legend(loc="upper left")
    right.set(xlim=(-0.45, 2.0), ylim=(LOWEST, max(0.0, log_p) + 1.5), ylabel="nats", xticks=[])
    right.axhline(log_p, color=EXACT, lw=2)
    right.text(1.95, log_p + 0.15, "$\\log p(x)$", color=EXACT, ha="right", va="bottom")
    bars = {
        "bound": right.add_patch(Rectangle((-0.3, LOWEST), 0.6, 1, facecolor=DATA)),
        "gap": right.add_patch(Rectangle((-0.3, LOWEST), 0.6, 1, facecolor=MODEL, alpha=0.6, hatch="//")),
    }
    words = right.text(0.42, LOWEST + 0.5, "", va="bottom", size=10)
    return Stage(fig, {"q": q, **bars, "words": words})


def explore_latent_flow(
    model, decode, *, dim: int, scales: Sequence[float] = (0.0, 1.0, 1.2, 2.0), seed: int = 0, steps: int = 20
) -> Explorer:
    """Ten latents on their way, decoded: the state, and the clean latent that is predicted from it.

    Args:
        model: Velocity of latents, `model(h, t, y)` with the labels 0 to 9.
        decode: From latents to images.
        dim: Length of a latent.
        scales: Guidance scales to choose from.
        seed: Of the noise, the same for all scales.
        steps: Midpoint steps.
    """
    h0 = torch.randn(10, dim, generator=torch.Generator().manual_seed(seed))
    ts = torch.linspace(0, 1, steps + 1)
    ways = {}
    for w in tqdm(scales, desc="follow"):
        field = classifier_free(model, torch.arange(10), w)
        with torch.no_grad():
            way = simulate(field, h0, ts, midpoint_step)
            clean = torch.stack([h + (1 - t) * field(h, t) for h, t in zip(way.xs, way.ts, strict=True)])
        ways[w] = (way.xs, clean)

    def rows(w: float, t: float) -> Tensor:
        at = round(t * steps)
        return torch.stack([decode(states[at])[:, 0] for states in ways[w]])

    def draw(w: float, t: float):
        return {"images": pixels(rows(w, t))}

    titles = {"row_titles": ("state", "predicted"), "column_titles": list("0123456789")}
    controls: Controls = {
        "w": Choice("scale w", {f"{w:g}": w for w in scales}, first=f"{scales[1]:g}"),
        "t": Slider("time t", 0.0, 1.0, 0.0, 1 / steps),
    }
    alt = (
        "Ten digits, one a column. Upper row, the latent at time t decoded: broken strokes at first, digits from about "
        "t = 0.6 on. Lower row, the clean latent predicted from it, decoded: at w = 1 whole digits from t = 0 on."
    )
    return Explorer(wall(rows(scales[1], 0.0), zoom=2, **titles), draw, controls, alt=alt)
