"""Sliders of Lab 9: a tilt and its frontier, three ways to guide, digits of more or less reward."""

from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from torch import Tensor

from course_utils.distributions import GaussianMixture
from course_utils.figures.lab9 import components, density_of
from course_utils.guidance import value_and_slope
from course_utils.guidance.rewards import Value
from course_utils.paths import Marginal
from course_utils.plotting.images import pixels, wall
from course_utils.plotting.stage import Stage
from course_utils.plotting.theme import BROAD, DATA, EXACT, LOOKS, NOISE, figure
from course_utils.widgets.core import Choice, Controls, Explorer, Slider

__all__ = ["explore_eta", "explore_guidance", "explore_tilt"]

PLACES = torch.linspace(-3.2, 3.4, 221, dtype=torch.double)
"""Where densities and fields on the line are drawn."""

LAMBDAS = torch.logspace(1.5, -1.0, 60, dtype=torch.double)
"""Of the tilts along the frontier."""


def explore_tilt(mixture: GaussianMixture, rivals: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> Explorer:
    r"""A mixture on the line tilted by $e^{x/\lambda}$, with lambda to choose: densities, weights and means, frontier.

    Args:
        mixture: On the line.
        rivals: From the name of another way to its distances KL and mean rewards.

    Raises:
        ValueError: If the mixture is not on the line.
    """
    if mixture.event_shape != (1,):
        raise ValueError(f"expected a mixture on the line, got states of shape {tuple(mixture.event_shape)}")
    a = torch.ones(1, dtype=mixture.means.dtype)

    def standing(lam: float) -> tuple[float, float]:
        """Distance from p and mean reward of a tilt."""
        reward = mixture.tilted(a, lam=lam).mean.item()
        return reward / lam - mixture.log_normaliser(a, lam=lam).item(), reward

    frontier = torch.tensor([standing(lam) for lam in LAMBDAS.tolist()]).T

    def draw(lam: float):
        star = mixture.tilted(a, lam=lam)
        kl, reward = standing(lam)
        places, areas = components(star, -0.7)
        words = f"$E\\,r$ {reward:.2f}   KL {kl:.2f}   $E\\,r - \\lambda$ KL {reward - lam * kl:.2f}"
        return {
            "density": (PLACES, density_of(star, PLACES)),
            "dots": {"offsets": places, "sizes": areas},
            "now": ([kl], [reward]),
            "words": words,
        }

    controls: Controls = {"lam": Slider("lambda", 0.2, 4.0, 1.0, 0.05)}
    alt = (
        "Left, the mixture and the tilted one, and below them a dot for each component, as large as its weight: the "
        "smaller lambda is, the more of the weight is at the right, and each mean moves a little to the right. Right, "
        "mean reward against KL: the tilts are the upper edge, other ways lie below; a circle marks lambda."
    )
    return Explorer(_tilt_and_frontier(mixture, frontier, rivals), draw, controls, alt=alt)


def _tilt_and_frontier(mixture: GaussianMixture, frontier: Tensor, rivals: Mapping) -> Stage:
    fig, (left, right) = figure(1, 2, size=(4.4, 3.7), width_ratios=(1.25, 1))
    left.fill_between(PLACES, density_of(mixture, PLACES), color=DATA, alpha=0.3, lw=0, label="$p$")
    places, areas = components(mixture, -0.25)
    left.scatter(places[:, 0], places[:, 1], s=areas, color=DATA, alpha=0.8, lw=0)
    (density,) = left.plot([], [], color=EXACT, lw=2, label="$p^*$, tilted")
    left.set(xlabel="$x$", ylabel="density", xlim=(PLACES[0].item(), PLACES[-1].item()), ylim=(-1, 2.4))
    left.set_yticks([0, 0.5, 1, 1.5, 2])
    left.legend(loc="upper left")
    dots = left.scatter([0.0], [0.0], color=EXACT, alpha=0.8, lw=0)
    right.plot(*frontier, **BROAD, label="tilts")
    for (name, points), (colour, marker, dash) in zip(rivals.items(), LOOKS, strict=False):
        right.plot(*points, color=colour, marker=marker, ls=dash, ms=4, label=name)
    right.set(xlabel="KL to $p$, in nats", ylabel="mean reward", xlim=(0, 3.5), ylim=(0, 2.5))
    right.legend(loc="lower right")
    (now,) = right.plot([], [], "o", color="black", ms=11, fillstyle="none", mew=2)
    words = _words(fig, left)
    return Stage(fig, {"density": density, "dots": dots, "now": now, "words": words})


def explore_guidance(
    exact: Marginal,
    values: Mapping[str, Callable[[float], Value]],
    ends: Mapping[tuple[str, float], Float[Tensor, "n 1"]],
) -> Explorer:
    r"""Where guided fields send a state, and where they end, with lambda and the time to choose; the reward is x.

    The point that a field u sends x to is $x + (1-t)\,u(x, t)$: that of the exact field is the mean of the tilted data
    that x may become.

    Args:
        exact: Fields of the linear path to a mixture on the line.
        values: From the name of a way of guidance to its value V for a given lambda.
        ends: From a name and lambda to the ends of the guided flow, shape (n, 1). The lambdas are evenly spaced.

    Raises:
        ValueError: If the mixture is not on the line, an end is missing, or the lambdas are not evenly spaced.
    """
    lams = sorted({lam for _, lam in ends})
    gaps = [b - a for a, b in zip(lams, lams[1:], strict=False)]
    if exact.p_data.event_shape != (1,):
        raise ValueError(f"expected a mixture on the line, got states of shape {tuple(exact.p_data.event_shape)}")
    if not gaps or max(gaps) - min(gaps) > 1e-6:
        raise ValueError(f"expected two or more lambdas, evenly spaced, got {lams}")
    if missing := [(name, lam) for name in values for lam in lams if (name, lam) not in ends]:
        raise ValueError(f"expected the ends for every value and lambda, got none for {missing}")
    a = torch.ones_like(exact.p_data.means[0])
    stars = {lam: Marginal(exact.schedule, exact.p_data.tilted(a, lam=lam)) for lam in lams}
    means = {key: f"{points.mean().item():.2f}" for key, points in ends.items()}

    def draw(lam: float, t: float):
        lam = min(lams, key=lambda known: abs(known - lam))
        at = torch.tensor(t, dtype=torch.double)
        changes: dict[str, object] = {
            "density": (PLACES, density_of(stars[lam].p_data, PLACES)),
            "exact": (PLACES, _target(stars[lam], at)),
            "free": (PLACES, _target(exact, at)),
        }
        for name, value in values.items():
            slope = value_and_slope(value(lam), PLACES[:, None], at)[1][:, 0]
            changes[name] = (PLACES, _target(exact, at) + (1 - t) ** 2 / t * slope)
            changes[f"{name} ends"] = torch.histogram(ends[name, lam][:, 0].double(), EDGES, density=True).hist
        told = [f"exact {stars[lam].p_data.mean.item():.2f}", *(f"{name} {means[name, lam]}" for name in values)]
        return changes | {"words": "mean reward: " + ", ".join(told)}

    controls: Controls = {
        "lam": Slider("lambda", lams[0], lams[-1], lams[max(1, len(lams) // 4)], gaps[0]),
        "t": Slider("time t", 0.04, 0.96, 0.6, 0.04),
    }
    alt = (
        "Left, the clean point that each field sends x to at time t: the exact one stays within the data, the plug-in "
        "is too high where two modes compete, and so leaves them. Right, the law at the end: the exact tilted density, "
        "and outlines of where the flows end; that of the plug-in lies too far to the right."
    )
    return Explorer(_targets_and_ends(list(values)), draw, controls, alt=alt)


EDGES = torch.linspace(PLACES[0].item(), PLACES[-1].item(), 84, dtype=torch.double)
"""Of the bins of where flows end."""


def _target(exact: Marginal, t: Tensor) -> Float[Tensor, " places"]:
    """The mean of the data that each place may become."""
    return exact.posterior(PLACES[:, None], t).data[:, 0]


def _targets_and_ends(names: Sequence[str]) -> Stage:
    fig, (left, right) = figure(1, 2, size=(4.5, 3.9))
    parts = {
        "free": left.plot([], [], color=NOISE, lw=2, label="not guided")[0],
        "exact": left.plot([], [], **BROAD, label="exact")[0],
        "density": right.plot([], [], **BROAD, label="exact")[0],
    }
    for name, (colour, _, dash) in zip(names, LOOKS, strict=False):
        parts[name] = left.plot([], [], color=colour, ls=dash, lw=2, label=name)[0]
        parts[f"{name} ends"] = right.stairs(torch.zeros(len(EDGES) - 1), EDGES, color=colour, ls=dash, lw=1.8)
    left.set(xlabel="state $x$ at time $t$", ylabel="the clean point it is sent to", xlim=(-3, 3), ylim=(-3, 4))
    left.legend(loc="upper left")
    right.set(xlabel="$x$ at $t = 1$", ylabel="density", xlim=(-3, 3.4), ylim=(0, 3.2))
    return Stage(fig, parts | {"words": _words(fig, left)})


def _words(fig: Figure, ax: Axes) -> Text:
    """A line of words above the figure, for which a title makes room."""
    ax.set_title(" ")
    return fig.text(0.5, 0.985, "", ha="center", va="top", size=11)


def explore_eta(samples: Mapping[str, Mapping[float, Float[Tensor, "n 1 height width"]]]) -> Explorer:
    """Digits of a reward and its strength eta to choose, below those of eta = 0; all from one noise.

    Args:
        samples: From the name of a reward to images for each eta, the same evenly spaced ones for all, 0 among them;
            shape (n, 1, height, width).

    Raises:
        ValueError: If rewards have other etas, or these are not evenly spaced or without 0.
    """
    etas = sorted(next(iter(samples.values())))
    gaps = [b - a for a, b in zip(etas, etas[1:], strict=False)]
    if any(sorted(images) != etas for images in samples.values()):
        raise ValueError(
            f"expected the same etas for all rewards, got {[sorted(images) for images in samples.values()]}"
        )
    if not gaps or max(gaps) - min(gaps) > 1e-6 or 0 not in etas:
        raise ValueError(f"expected two or more etas, evenly spaced, 0 among them, got {etas}")

    def rows(reward: str, eta: float) -> Tensor:
        nearest = min(etas, key=lambda known: abs(known - eta))
        return torch.stack([samples[reward][0], samples[reward][nearest]])[:, :, 0]

    def draw(reward: str, eta: float):
        return {"images": pixels(rows(reward, eta))}

    names = list(samples)
    controls: Controls = {
        "reward": Choice("reward", {name: name for name in names}),
        "eta": Slider("strength eta", float(etas[0]), float(etas[-1]), float(etas[-1]), gaps[0]),
    }
    alt = (
        "Upper row, digits without a reward. Lower row, those of the same noise with it: the larger eta is, the "
        "thicker or the more slanted they are, and each is the digit of its column still."
    )
    columns = len(samples[names[0]][etas[0]])
    titles = {"row_titles": ("eta = 0", "tilted"), "column_titles": list("0123456789") if columns == 10 else ()}
    return Explorer(wall(rows(names[0], etas[-1]), zoom=3, **titles), draw, controls, alt=alt)
