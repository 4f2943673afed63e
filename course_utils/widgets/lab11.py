"""Slider of Lab 11: the square of angles, cut elsewhere."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from matplotlib.text import Text
from torch import Tensor

from course_utils.data import Cut
from course_utils.figures.lab11 import in_degrees, outside
from course_utils.manifolds import wrap
from course_utils.plotting.stage import Stage
from course_utils.plotting.theme import DATA, MODEL, figure
from course_utils.widgets.core import Choice, Controls, Explorer, Slider

__all__ = ["explore_cut"]


def explore_cut(cuts: Sequence[Cut], test: Float[Tensor, "n 2"]) -> Explorer:
    """What flows make of the Ramachandran plot, with the flow and the place of the cut to choose; nothing is trained.

    Args:
        cuts: Samples with each cut, as `data.cuts` gives them, two or more with the same flows.
        test: Angles of real residues in radians and in their usual names, shape (n, 2).

    Raises:
        ValueError: If there are fewer than two cuts, or their flows differ.
    """
    if len(cuts) < 2 or any(cut.flows.keys() != cuts[0].flows.keys() for cut in cuts):
        raise ValueError(f"expected two or more cuts with the same flows, got {[list(cut.flows) for cut in cuts]}")

    def draw(flow: str, cut: int):
        chosen = cuts[cut]
        made = chosen.flows[flow]
        out = outside(made.x)
        back = wrap(made.x + chosen.taken)
        phi, psi = torch.rad2deg(wrap(chosen.taken + torch.pi)).tolist()
        where = f"cut at $\\varphi$ = {phi:.0f}°, $\\psi$ = {psi:.0f}°"
        return {
            "real": torch.rad2deg(wrap(test - chosen.taken)),
            "inside": torch.rad2deg(made.x[~out]),
            "outside": torch.rad2deg(wrap(made.x[out])),
            "back inside": torch.rad2deg(back[~out]),
            "back outside": torch.rad2deg(back[out]),
            "down": ([phi, phi], [-180, 180]),
            "across": ([-180, 180], [psi, psi]),
            "words": f"{where}: TV to test {made.variation.mean():.3f}, {made.outside.mean():.1f}% outside",
        }

    controls: Controls = {
        "flow": Choice(
            "flow", {name: name for name in cuts[0].flows}, first="plane" if "plane" in cuts[0].flows else None
        ),
        "cut": Slider("cut", 0, len(cuts) - 1, 0, 1),
    }
    alt = (
        "Left, what the flow sees: real residues in blue, and its samples in orange; those outside of the square are "
        "black and wrapped. Right, the same samples in the usual names, and the cut as lines. On the torus nothing "
        "changes with the cut; the plane loses what lies at it, most of all where it goes through helix or strand."
    )
    return Explorer(_two_squares(test), draw, controls, alt=alt)


def _two_squares(test: Tensor) -> Stage:
    fig, (left, right) = figure(1, 2, size=(4.3, 4.4), sharey=True)
    dots = {"s": 4, "alpha": 0.5, "lw": 0}
    real = left.scatter([], [], color=DATA, **dots)
    right.scatter(*torch.rad2deg(test).T, color=DATA, **dots)
    parts = {"real": real}
    for ax, prefix in ((left, ""), (right, "back ")):
        parts[f"{prefix}inside"] = ax.scatter([], [], color=MODEL, **dots)
        parts[f"{prefix}outside"] = ax.scatter([], [], s=9, color="black", lw=0)
    for name in ("down", "across"):
        parts[name] = right.plot([], [], color="0.2", lw=1.4, ls=(0, (4, 2)))[0]
    in_degrees(left, title="\n\nwith the cut at the edge", xlabel=r"$\varphi$ less the cut", ylabel=r"$\psi$")
    in_degrees(right, title="\n\nin the usual names", xlabel=r"$\varphi$")
    words: Text = fig.text(0.5, 0.985, "", ha="center", va="top", size=11)
    return Stage(fig, parts | {"words": words})
