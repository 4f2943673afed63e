"""Figures of Lab 7: jumps of a chain, words in columns, laws of letters and of a board, what a metric misses."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.plotting.inputs import detached, require, require_shape
from course_utils.plotting.theme import DATA, EXACT, HALO, LOOKS, MODEL, colormap, figure, panels, plain_ticks

__all__ = [
    "KINDS",
    "MONO",
    "board_laws",
    "chain_paths",
    "judged",
    "letter_laws",
    "likelihoods",
    "marked",
    "word_columns",
]

MONO: dict[str, Any] = {"family": "DejaVu Sans Mono", "va": "baseline", "size": 11}
"""How words are written: every letter as wide as the others."""

KINDS = {"new": (DATA, "*"), "copy": (MODEL, "=")}
"""Colour and sign of a word that is real and was never seen, and of one that was learned from."""

MOST_LABELLED = 12
"""Names beside the largest gaps, at most."""


@detached
def chain_paths(
    paths: Sequence[tuple[Float[Tensor, " jumps"], Tensor]],
    ts: Float[Tensor, " times"],
    law: Float[Tensor, "times states"],
) -> Figure:
    """A few paths of a chain as steps, and the law of all of them over time.

    Args:
        paths: Times, of the start and of the jumps, and the states that begin there, each of shape (jumps,).
        ts: Times of the law, shape (times,), increasing.
        law: Probability of each state, shape (times, states).

    Raises:
        ValueError: If there is not one law a time.
    """
    require_shape("a law", law, len(ts), None)
    fig, (left, right) = figure(1, 2, size=(4.4, 3.1))
    end, states = ts[-1].item(), law.shape[1]
    for k, (times, visited) in enumerate(paths):
        colour, _, dash = LOOKS[k % len(LOOKS)]
        heights = [state + 0.09 * (k - (len(paths) - 1) / 2) for state in visited.tolist()]
        left.step([*times.tolist(), end], [*heights, heights[-1]], where="post", color=colour, ls=dash, lw=1.8)
    left.set(xlabel="time $t$", title=f"{len(paths)} exact paths", xlim=(0, end), ylim=(-0.6, states - 0.4))
    left.set_yticks(range(states), [f"state {state}" for state in range(states)])
    for state, (values, (colour, _, dash)) in enumerate(zip(law.T, LOOKS * 9, strict=False)):
        right.plot(ts, values, color=colour, ls=dash, lw=2, label=f"state {state}")
    right.set(xlabel="time $t$", title=r"law $p_t = p_0\,\exp(tQ)$", xlim=(0, end), ylim=(0, 1))
    right.legend(ncols=2)
    return fig


def marked(word: str, kinds: Mapping[str, str]) -> str:
    """A word with the sign of its kind.

    Example:
        >>> figures.lab7.marked("HANSON", {"HANSON": "new"})
        'HANSON*'
    """
    return word + (KINDS[kinds[word]][1] if word in kinds else "")


def word_columns(columns: Mapping[str, Sequence[str]], kinds: Mapping[str, str] | None = None) -> Figure:
    """Words in columns, each with its title; real words coloured and signed by their kind.

    Args:
        columns: From title to words.
        kinds: From a word to "new" (real, and not learned from) or "copy" (learned from); other words are black.

    Raises:
        ValueError: If there is no column.
    """
    require(len(columns) > 0, "at least one column", "none")
    kinds = kinds or {}
    rows = max(len(words) for words in columns.values())
    fig, ax = figure(size=(9.0, 0.55 + 0.235 * rows))
    _blank(ax, len(columns), rows)
    for place, (title, words) in enumerate(columns.items()):
        ax.text(place, -1.3, title, **{**MONO, "color": "0.35", "size": 10})
        for row, word in enumerate(words):
            colour = KINDS[kinds[word]][0] if word in kinds else "black"
            ax.text(place, row, marked(word, kinds), color=colour, **MONO)
    return fig


def _blank(ax: Axes, columns: int, rows: int) -> None:
    """An axes for words: columns to the right, rows downwards, nothing else."""
    ax.set(xlim=(0, columns), ylim=(rows - 0.6, -2.0))
    ax.set_axis_off()


@detached
def letter_laws(laws: Mapping[str, Float[Tensor, "letters alphabet"]], alphabet: str) -> Figure:
    """The law of each letter of a word as a picture, a panel a title: dark as the root of the probability.

    Args:
        laws: From the word as it is seen, a title and its ticks in one, to the law of each of its letters.
        alphabet: One sign a row.

    Raises:
        ValueError: If a law has not one row a letter of its title and one column a sign of the alphabet.
    """
    few = len(alphabet) <= 9
    fig, axes = panels(len(laws), 0.8 + (0.35 if few else 0.155) * len(alphabet), widest=3.2, sharey=True)
    for ax, (word, law) in zip(axes, laws.items(), strict=True):
        require_shape(f"the law of {word}", law, len(word), len(alphabet))
        ax.imshow(law.T.sqrt().numpy(), cmap=colormap(MODEL), vmin=0, vmax=1, aspect="auto", interpolation="nearest")
        ax.set_xticks(range(len(word)), list(word), size=12)
        ax.xaxis.tick_top()
        ax.grid(False)
    axes[0].set_yticks(range(len(alphabet)), list(alphabet), size=11 if few else 8)
    return fig


@detached
def board_laws(laws: Mapping[str, Float[Tensor, "side side"]]) -> Figure:
    """Laws of two letters as pictures, a panel a title: the first letter to the right, the second upwards.

    Args:
        laws: From title to probabilities, shape (side, side), the first letter first.

    Raises:
        ValueError: If there is no panel.
    """
    fig, axes = panels(len(laws), 2.6, widest=2.6)
    for ax, (title, law) in zip(axes, laws.items(), strict=True):
        top = 2 / law.numel()
        ax.imshow(law.T.numpy(), cmap=colormap(MODEL), vmin=0, vmax=top, origin="lower", interpolation="nearest")
        ax.set(title=title, xticks=[], yticks=[])
        ax.grid(False)
    axes[0].set(xlabel="first letter", ylabel="second letter")
    return fig


def judged(
    generators: Mapping[str, tuple[float, float]], *, floor: float, xlabel: str = "3-letter distance, in floors"
) -> Figure:
    """Share of real new names against a distance to real names; best is above, left.

    Args:
        generators: From a name to its distance and the share (0 to 1) of its names that are real and new.
        floor: The distance of real names to real names.
        xlabel: Of the distance.
    """
    fig, ax = figure(size=(8.0, 4.4))
    for k, (name, (distance, share)) in enumerate(generators.items()):
        colour, marker, _ = LOOKS[k % len(LOOKS)]
        place = (distance / floor, 100 * share)
        ax.plot(*place, color=colour, marker=marker, ls="", ms=7, clip_on=False, zorder=3)
        ax.annotate(name, place, (8, 4), textcoords="offset points", size=10, path_effects=HALO)
    ax.axvline(1.0, color=EXACT, lw=2)
    ax.annotate("real names", (1.0, 0.97), (-6, 0), xycoords=("data", "axes fraction"), textcoords="offset points",
                rotation=90, ha="right", va="top", color=EXACT)  # fmt: skip
    ax.set(xlabel=xlabel, ylabel="real and never seen, %", xscale="log")
    ax.set_ylim(0, 112 * max(share for _, share in generators.values()))
    places = [distance / floor for distance, _ in generators.values()]
    ax.set_xlim(0.96 * min(0.97, *places), 1.35 * max(places))
    plain_ticks(ax.xaxis)
    return fig


@detached
def likelihoods(exact: Float[Tensor, " words"], bound: Float[Tensor, " words"], *, names: Sequence[str] = ()) -> Figure:
    """By how much the bound on minus the log-likelihood of each word is above its exact value, in bits.

    Args:
        exact: In bits, shape (words,).
        bound: In bits, shape (words,).
        names: Of the words, written beside the dots of the largest gaps where there is room; or none.

    Raises:
        ValueError: If the shapes differ, or there is not one name a word.
    """
    require_shape("the bound", bound, len(exact))
    require(len(names) in (0, len(exact)), f"{len(exact)} names, one a word", len(names))
    fig, ax = figure(size=(6.6, 4.2))
    gaps = bound - exact
    ax.axhline(0, color=EXACT, lw=2, label="bound = exact")
    ax.plot(exact, gaps, ls="", marker="o", color=MODEL, ms=4)
    room = 0.06 * gaps.max().item()
    last = math.inf
    for gap, x, name in sorted(zip(gaps.tolist(), exact.tolist(), names, strict=False), reverse=True)[:MOST_LABELLED]:
        if last - gap > room:
            ax.annotate(name, (x, gap), (-6, 0), textcoords="offset points", ha="right", va="center", size=9)
            last = gap
    ax.set(
        xlabel="exact, bits a name", ylabel="bound minus exact, bits a name", ylim=(-room, gaps.max().item() + 2 * room)
    )
    ax.margins(x=0.12)
    ax.legend(loc="upper left")
    return fig
