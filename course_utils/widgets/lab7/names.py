"""Words on two paths; a pattern with gaps that is filled; ways to draw names."""

from collections.abc import Callable, Mapping, Sequence
from textwrap import fill

import torch
import torch.nn.functional as F
from jaxtyping import Int
from matplotlib.text import Text
from torch import Tensor

from course_utils.data import LETTERS, MASK, decode, encode
from course_utils.figures.lab7 import MONO
from course_utils.plotting.stage import Stage, shades
from course_utils.plotting.theme import DATA, figure
from course_utils.widgets.core import Choice, Controls, Explorer, Slider, Word
from course_utils.widgets.lab7.lines import LINE, empty, shown_words, word_grid
from course_utils.words import MaskPath, UniformPath, reveal

__all__ = ["explore_names", "explore_pattern", "explore_words"]


def explore_words(
    z: Int[Tensor, "words length"], letters: str = LETTERS, *, generator: torch.Generator | None = None
) -> Explorer:
    """Words on the path of masks and on that of random letters, with the time to choose; each keeps its coins.

    Args:
        z: Words.
        letters: One sign a letter.
        generator: Source of coins and noise.
    """
    v = len(letters)
    u = torch.rand(z.shape, generator=generator)
    ways = {"masks": MaskPath(v), "random letters": UniformPath(v)}
    noises = {name: way.start((z.shape[0], z.shape[1]), generator) for name, way in ways.items()}

    def draw(t: float):
        found: dict[str, object] = {"when": f"$t = {t:.2f}$"}
        own = (u < t).tolist()
        for name, way in ways.items():
            x = way.sample(z, torch.tensor(t), u, noises[name]).x
            rows = [[(letters + "_")[k] for k in row] for row in x.tolist()]
            for k, (row, mine) in enumerate(zip(rows, own, strict=True)):
                found[f"{name} {k}"] = _only(row, mine, True)
                found[f"{name}, noise {k}"] = _only(row, mine, False)
        return found

    alt = (
        "The same words twice, at time t of a path: left with masks, right with random letters where the word's own "
        "are missing. Letters of the word are blue, noise is grey."
    )
    controls: Controls = {"t": Slider("time t", 0.0, 1.0, 0.4, 0.02)}
    return Explorer(_two_columns(list(ways), len(z)), draw, controls, alt=alt)


def _only(row: Sequence[str], mine: Sequence[bool], of_word: bool) -> str:
    """The letters that are of the word, or those that are not; blanks in the other places."""
    return "".join(sign if own == of_word else " " for sign, own in zip(row, mine, strict=True))


def _two_columns(titles: Sequence[str], rows: int) -> Stage:
    fig, axes = figure(1, 2, size=(3.0, 0.45 + LINE * rows))
    parts: dict[str, Text] = {}
    for ax, title in zip(axes, titles, strict=True):
        empty(ax)
        ax.set_title(title)
        parts |= word_grid(ax, title, rows, (0.2,), color=DATA)
        parts |= word_grid(ax, f"{title}, noise", rows, (0.2,), color="0.55")
    parts["when"] = axes[0].text(1.08, 1.03, "", ha="center", size=12)
    return Stage(fig, parts)


def explore_pattern(
    model: Callable[[Tensor], Tensor],
    kinds: Mapping[str, str],
    pattern: str = "_A_SON",
    *,
    others: tuple[str, ...] = ("___OWSKI",),
    draws: int = 12,
    seed: int = 0,
) -> Explorer:
    """A pattern with gaps to type, filled letter by letter: the law of each letter on the way, and what came out.

    Args:
        model: Logits of the clean letters, `model(x)`.
        kinds: From a word to "new" or "copy" if it is real, as in `figures.lab7.word_columns`.
        pattern: To begin with.
        others: To choose besides, on a page without a kernel.
        draws: How often the pattern is filled.
        seed: Of the order of the gaps and of the letters.
    """
    filled: dict[str, tuple[Tensor, Tensor]] = {}

    def draw(pattern: str, which: int, t: float, again: int):
        word = pattern.strip().upper()
        try:
            start = encode([word])
        except ValueError as error:
            return _refused(str(error), draws)
        if word not in filled:
            filled[word] = _fill(model, start.expand(draws, -1), seed)
        whens, states = filled[word]
        x = states[(whens[which - 1] <= t).sum(), which - 1].clone()
        x[again - 1 : again] = MASK
        with torch.no_grad():
            law = model(x[None])[0].softmax(-1)
        law = torch.where((x == MASK)[:, None], law, F.one_hot(x.clamp(max=MASK - 1), MASK).to(law))
        names = shown_words("name", decode(states[-1]), draws, kinds)
        names[f"name {which - 1}"]["text"] += " <"
        masked = f", letter {again} masked" if again else ""
        when = {"words": "", "when": f"$t = {t:.2f}${masked}"}
        return {"law": shades(law.T.sqrt(), "Oranges"), **_signs(x.tolist()), **names, **when}

    places = {"none": 0, **{str(i + 1): i + 1 for i in range(10)}}
    controls: Controls = {
        "pattern": Word("pattern", pattern, others),
        "which": Slider("name", 1, draws, 1, 1),
        "t": Slider("time t", 0.0, 1.0, 0.0, 0.02),
        "again": Choice("mask letter", places),
    }
    alt = (
        "Left, a word with gaps over a picture of the law of each letter, dark where it is likely. Right, the names "
        "that came out; real ones that were never seen are blue with a star, copies orange with an equals sign."
    )
    return Explorer(_laws_and_names(draws), draw, controls, alt=alt)


def _fill(model: Callable[[Tensor], Tensor], x: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Times at which gaps are filled, shape (draws, gaps), and the states before, between and after."""
    generator = torch.Generator().manual_seed(seed)
    states: list[Tensor] = []

    def noted(x: Tensor, t: Tensor) -> Tensor:
        states.append(x)
        return model(x)

    end = reveal(noted, MaskPath(MASK), x, generator=generator)
    whens = torch.rand(len(x), len(states), generator=generator).sort(1).values  # of which gap, does not matter
    return whens, torch.stack([*states, end])


def _signs(x: Sequence[int]) -> dict[str, str]:
    """What stands above each column of the picture."""
    return {f"letter {i}": (LETTERS + "_")[k] for i, k in enumerate(x)}


def _refused(message: str, draws: int) -> dict[str, object]:
    """What is shown in place of a word that is none."""
    nothing = shades(torch.zeros(MASK, 10), "Oranges")
    blank = {name: "" for name in _signs([0] * 10)} | shown_words("name", [], draws, {})
    return {"law": nothing, **blank, "when": "", "words": fill(message, 40)}


def _laws_and_names(draws: int) -> Stage:
    fig, (left, right) = figure(1, 2, size=(3.6, 4.6), width_ratios=(1.7, 1))
    extent = (-0.5, 9.5, MASK - 0.5, -0.5)
    law = left.imshow(shades(torch.zeros(MASK, 10)), aspect="auto", extent=extent, interpolation="nearest")
    left.set(xticks=[])
    left.set_yticks(range(MASK), list(LETTERS), size=8)
    left.grid(False)
    left.set_title(" \n ")
    empty(right)
    above = {**MONO, "ha": "center", "size": 14}
    letters = {name: left.text(i, -1.1, "", **above) for i, name in enumerate(_signs([0] * 10))}
    parts = {"law": law, **letters, **word_grid(right, "name", draws, (0.1,), step=LINE / 4.2)}
    parts["words"] = left.text(4.5, 13, "", ha="center", va="center", size=10)
    parts["when"] = right.text(0.1, 1.03, "", size=12)
    return Stage(fig, parts)


def explore_names(
    samples: Mapping[tuple[str, str], tuple[Sequence[str], Mapping[str, str]]],
    kinds: Mapping[str, str],
    *,
    rows: int = 14,
    columns: int = 3,
) -> Explorer:
    """Names drawn in several ways at several temperatures, with the figures that judge them.

    Args:
        samples: From names of a way to draw and of a temperature to words and to figures, name and value as texts.
        kinds: From a word to "new" or "copy" if it is real.
        rows, columns: Of the words that are shown.

    Raises:
        ValueError: If a combination is missing.
    """
    ways, heats = (list(dict.fromkeys(key[i] for key in samples)) for i in range(2))
    if missing := [(way, heat) for way in ways for heat in heats if (way, heat) not in samples]:
        raise ValueError(f"expected names for every way and temperature, got none for {missing}")

    def draw(way: str, heat: str):
        words, facts = samples[way, heat]
        said = "\n".join(f"{name}\n  {value}" for name, value in facts.items())
        return {**shown_words("name", words, columns * rows, kinds), "facts": said}

    controls: Controls = {
        "way": Choice("way", {way: way for way in ways}),
        "heat": Choice("temperature", {heat: heat for heat in heats}, first="1" if "1" in heats else None),
    }
    alt = (
        "Names in columns; real ones that were never seen are blue with a star, copies of names learned from are "
        "orange with an equals sign. Beside them the figures that judge them."
    )
    return Explorer(_columns_and_facts(rows, columns), draw, controls, alt=alt)


def _columns_and_facts(rows: int, columns: int) -> Stage:
    fig, ax = figure(size=(8.0, 0.2 + LINE * rows))
    empty(ax)
    facts = ax.text(0.68, 0.97, "", va="top", size=11, linespacing=1.25)
    return Stage(fig, word_grid(ax, "name", rows, [0.22 * k for k in range(columns)]) | {"facts": facts})
