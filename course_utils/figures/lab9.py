"""Figures of Lab 9: tilted mixtures, the frontier of reward and distance, resampling, crowds, hacked digits."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.distributions import GaussianMixture
from course_utils.plotting.images import inked, tiled
from course_utils.plotting.inputs import detached, require, require_shape
from course_utils.plotting.theme import BROAD, DATA, EXACT, HALO, LOOKS, MODEL, figure, legend_below, panels
from course_utils.steering import resample

__all__ = ["LARGEST", "components", "crowds", "density_of", "frontier", "hacked_digits", "resampling", "tilts"]

LARGEST = 500.0
"""Area of the dot of a component with weight 1, in square points."""

SHORT = 0.03
"""Parts of [0, 1) that are narrower than this have no room for words."""


def density_of(mixture: GaussianMixture, places: Float[Tensor, " m"]) -> Float[Tensor, " m"]:
    """Density of a mixture on the line at some places."""
    return mixture.log_density(places.to(mixture.means)[:, None]).exp()


def components(mixture: GaussianMixture, height: float) -> tuple[Float[Tensor, "k 2"], Float[Tensor, " k"]]:
    """Where the dots of a mixture's components stand, at their means, and their areas, as large as the weights."""
    means = mixture.means[:, 0]
    return torch.stack([means, torch.full_like(means, height)], 1), LARGEST * mixture.weights


def tilts(mixture: GaussianMixture, tilted: Mapping[str, GaussianMixture], places: Float[Tensor, " m"]) -> Figure:
    """A mixture on the line and tilted ones, a panel a title: densities, and below them means and weights.

    Args:
        mixture: Before tilting.
        tilted: From title to the tilted mixture, with as many components.
        places: Where the densities are drawn, shape (m,), increasing.

    Raises:
        ValueError: If there is no panel, or a tilted mixture has another number of components.
    """
    fig, axes = panels(len(tilted), 3.4, widest=4.5, sharey=True)
    for ax, (title, star) in zip(axes, tilted.items(), strict=True):
        require_shape(f"weights of {title}", star.weights, len(mixture.weights))
        ax.fill_between(places, density_of(mixture, places), color=DATA, alpha=0.3, lw=0, label="$p$")
        ax.plot(places, density_of(star, places), color=EXACT, lw=2, label="$p^*$, tilted")
        _moves(ax, mixture, star)
        ax.set(title=title, xlabel="$x$", xlim=(places[0].item(), places[-1].item()))
    axes[0].set(ylabel="density", ylim=(-0.95, None))
    axes[0].set_yticks([tick for tick in axes[0].get_yticks() if 0 <= tick <= axes[0].get_ylim()[1]])
    legend_below(fig, axes)
    return fig


def _moves(ax: Axes, mixture: GaussianMixture, star: GaussianMixture) -> None:
    """Below the densities: each component as a dot as large as its weight, before and after, and an arrow between."""
    for law, height, colour in ((mixture, -0.25, DATA), (star, -0.7, EXACT)):
        places, areas = components(law, height)
        ax.scatter(places[:, 0], places[:, 1], s=areas, color=colour, alpha=0.8, lw=0, zorder=3)
    for before, after in zip(mixture.means[:, 0].tolist(), star.means[:, 0].tolist(), strict=True):
        arrow = {"arrowstyle": "->", "color": "0.3", "lw": 1.2}
        ax.annotate("", (after, -0.7), (before, -0.25), arrowprops=arrow, zorder=4)


@detached
def frontier(
    kl: Float[Tensor, " lambdas"],
    reward: Float[Tensor, " lambdas"],
    rivals: Mapping[str, tuple[Sequence[float] | Tensor, Sequence[float] | Tensor]],
    *,
    names: Mapping[str, Sequence[str]] | None = None,
) -> Figure:
    """Mean reward against the distance from p: tilts, above which no law lies, and others.

    Args:
        kl: Of the tilts, in nats, shape (lambdas,).
        reward: Mean rewards of the tilts, shape (lambdas,).
        rivals: From the name of another way to its distances and mean rewards.
        names: From the name of a way to words at its points.

    Raises:
        ValueError: If there is no other way, or one has not one reward a distance, or not one word a point.
    """
    require(len(rivals) > 0, "at least one way to compare with", "none")
    require_shape("rewards of the tilts", reward, len(kl))
    fig, ax = figure(size=(7.4, 4.4))
    ax.plot(kl, reward, **BROAD, label="tilts: the frontier")
    for (name, (distances, rewards)), (colour, marker, dash) in zip(rivals.items(), LOOKS, strict=False):
        require(len(distances) == len(rewards), f"{len(distances)} rewards of {name}", len(rewards))
        ax.plot(distances, rewards, color=colour, marker=marker, ls=dash, ms=5, label=name)
        words = (names or {}).get(name, [])
        require(len(words) in (0, len(distances)), f"{len(distances)} words at {name}", len(words))
        for word, x, y in zip(words, distances, rewards, strict=False):
            ax.annotate(
                word, (x, y), (-9, 6), textcoords="offset points", color=colour, size=9, ha="center", path_effects=HALO
            )
    farthest = max(float(distance) for distances, _ in rivals.values() for distance in distances)
    ax.set(xlabel="KL to $p$, in nats", ylabel="mean reward", xlim=(0, 1.08 * farthest))
    ax.set_ylim(bottom=0)
    ax.legend(loc="lower right")
    return fig


@detached
def resampling(log_weights: Float[Tensor, " n"], u: float) -> Figure:
    """How n points of one u choose particles: parts of [0, 1) as wide as weights, points, and how often each is drawn.

    Args:
        log_weights: Not normalised, shape (n,).
        u: From 0 to 1.

    Raises:
        ValueError: As `steering.resample`.
    """
    n = len(log_weights)
    chosen = resample(log_weights, u)
    counts = torch.bincount(chosen, minlength=n).tolist()
    weights = log_weights.softmax(0)
    starts = (weights.cumsum(0) - weights).tolist()
    fig, ax = figure(size=(8.6, 2.0))
    for k, (left, width) in enumerate(zip(starts, weights.tolist(), strict=True)):
        colour = LOOKS[k % 2][0]
        ax.barh(0, width, 0.7, left, color=colour, alpha=0.25 + 0.5 * (counts[k] > 0), edgecolor="white")
        if width > SHORT:
            ax.text(left + width / 2, 0, str(k), ha="center", va="center")
            ax.text(left + width / 2, -0.6, f"{counts[k]}×", ha="center", va="center")
    places = [(i + u) / n for i in range(n)]
    ax.vlines(places, 0.4, 0.75, color="black", lw=1.2)
    ax.plot(places, [0.4] * n, ls="", marker="v", color="black", ms=6, clip_on=False)
    ax.set(xlim=(0, 1), ylim=(-0.85, 0.9), yticks=[], xlabel="cumulated weights")
    ax.set_title(
        f"arrows: the points $(i + u)/{n}$, $u = {u:g}$; in the bar: particles, below: how often each is drawn"
    )
    ax.grid(False)
    return fig


def crowds(found: Mapping[str, Mapping[str, tuple[float, float, float | None]]], exact: float) -> Figure:
    """The mean that weighted crowds give, a panel a title and a row a way, with its spread and effective share.

    Args:
        found: From title to a row for each way: mean over seeds, standard deviation over seeds, and the share of the
            crowd that its effective size is, None where there are no weights.
        exact: What all of them are to give.

    Raises:
        ValueError: If there is no panel, or panels have other rows.
    """
    fig, axes = panels(len(found), 2.9, widest=4.5, sharex=True, sharey=True)
    ways = list(next(iter(found.values())))
    for ax, (title, rows) in zip(axes, found.items(), strict=True):
        require(list(rows) == ways, f"the rows {', '.join(ways)}", ", ".join(rows))
        ax.axvline(exact, **BROAD)
        for height, (mean, spread, share) in enumerate(rows.values()):
            ax.errorbar(mean, height, xerr=spread, color=MODEL, marker="o", ms=6, lw=2, capsize=3)
            word = "no weights" if share is None else f"{share:.0%}"
            place = (0.03, height - 0.2)
            ax.annotate(word, place, xycoords=("axes fraction", "data"), size=9, color="0.3", path_effects=HALO)
        ax.set(title=title, xlabel="mean; grey: effective share")
    axes[0].set_yticks(range(len(ways)), ways)
    axes[0].set_ylim(len(ways) - 0.4, -0.6)
    return fig


@detached
def hacked_digits(rows: Mapping[str, Float[Tensor, "columns height width"]], verdicts: Mapping[str, str]) -> Figure:
    """Rows of digits, each with its name at the left and what is said of it at the right.

    Args:
        rows: From a name to images in [-1, 1], shape (columns, height, width).
        verdicts: From the same names to words of a line or two.

    Raises:
        ValueError: If the names differ or there is no row.
    """
    require(len(rows) > 0, "at least one row of digits", "none")
    require(rows.keys() == verdicts.keys(), f"verdicts on {', '.join(rows)}", ", ".join(verdicts))
    fig, axes = figure(len(rows), 1, size=(9.0, 0.62), squeeze=False)
    for ax, (name, images) in zip(axes[:, 0], rows.items(), strict=True):
        ax.imshow(inked(tiled(images[None])).numpy(), interpolation="nearest")
        ax.set_axis_off()
        ax.text(-0.02, 0.5, name, transform=ax.transAxes, ha="right", va="center", size=10)
        ax.text(1.02, 0.5, verdicts[name], transform=ax.transAxes, ha="left", va="center", size=10)
    return fig
