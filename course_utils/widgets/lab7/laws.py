"""A chain at a time to choose; the law of a sampler of two letters on a board."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from course_utils.chains import Paths, chain_law, total_variation
from course_utils.plotting.stage import Stage, bundle, polylines, shades
from course_utils.plotting.theme import EXACT, LOOKS, MODEL, figure, plain_ticks
from course_utils.widgets.core import Choice, Controls, Explorer, Slider

__all__ = ["explore_board", "explore_chain"]


def explore_chain(
    Q: Float[Tensor, "n n"],
    p0: Float[Tensor, " n"],
    paths: Paths,
    *,
    end: float = 2.0,
    steps: Sequence[int] = (2, 3, 4, 8, 16, 64),
) -> Explorer:
    """The law of a chain at a time to choose: exact, counted on exact paths, and by Euler's steps.

    Args:
        Q: Rates, rows sum to 0, shape (n, n).
        p0: Law at the beginning, shape (n,).
        paths: Exact ones, as `chains.gillespie` gives them.
        end: Last time.
        steps: Numbers of Euler steps in a unit of time, to choose from.
    """
    n, ts = len(Q), torch.linspace(0, end, 101).to(Q)
    exact = chain_law(Q, p0, ts)

    def draw(k: int, t: float):
        there = paths.at(t)
        grid, laws = _euler_laws(Q, p0, k, end)
        return {
            "euler": polylines(grid, laws),
            "now": ([t, t], [-1, 2]),
            "shares": torch.bincount(there, minlength=n) / len(there),
            "exact": (range(n), exact[round(100 * t / end)]),
            "steps": (range(n), _between(grid, laws, t)),
        }

    controls: Controls = {
        "k": Choice("Euler steps a unit", {str(k): k for k in steps}, first=str(steps[2])),
        "t": Slider("time t", 0.0, end, end / 4, end / 100),
    }
    alt = (
        "Left, the probability of each state over time, exact as broad lines and by Euler's steps as thin ones. Right, "
        "at time t: bars of the shares of exact paths, green dashes of the exact law, crosses of Euler's."
    )
    return Explorer(_law_over_time(ts, exact), draw, controls, alt=alt)


def _euler_laws(Q: Tensor, p0: Tensor, k: int, end: float) -> tuple[Float[Tensor, " times"], Float[Tensor, "times n"]]:
    """Times and laws of Euler's steps of length 1/k; what falls below 0 is shown as it is."""
    laws = [p0]
    for _ in range(round(end * k)):
        laws.append(laws[-1] + laws[-1] @ Q / k)
    return torch.arange(len(laws)).to(Q) / k, torch.stack(laws)


def _between(grid: Float[Tensor, " times"], laws: Float[Tensor, "times n"], t: float) -> Float[Tensor, " n"]:
    """Euler's law at t: within a step it changes in proportion to the time."""
    before = min(int((grid <= t + 1e-9).sum()) - 1, len(grid) - 2)
    share = (t - grid[before]) / (grid[before + 1] - grid[before])
    return torch.lerp(laws[before], laws[before + 1], share)


def _law_over_time(ts: Float[Tensor, " times"], exact: Float[Tensor, "times n"]) -> Stage:
    fig, (left, right) = figure(1, 2, size=(4.2, 3.6), width_ratios=(1.5, 1))
    n = exact.shape[1]
    for state, (colour, _, _) in zip(range(n), LOOKS * n, strict=False):
        left.plot(ts, exact[:, state], color=colour, lw=4, alpha=0.45, label=f"state {state}")
    left.set(xlabel="time $t$", title="broad: exact, thin: Euler", xlim=(0, ts[-1].item()), ylim=(-0.45, 1.05))
    left.legend(ncols=2, loc="upper right")
    right.set(ylim=(-0.45, 1.05), xlim=(-0.6, n - 0.4), xticks=range(n), xlabel="state", title="law at $t$")
    edges = torch.arange(n + 1) - 0.5
    parts = {
        "euler": bundle(left, colors=[colour for colour, _, _ in LOOKS], lw=1.2),
        "now": left.plot([], [], color="0.3", ls=":")[0],
        "shares": right.stairs(torch.zeros(n), edges, color=MODEL, alpha=0.45, fill=True, label="paths"),
        "exact": right.plot([], [], "_", color=EXACT, ms=36, mew=3, label="exact")[0],
        "steps": right.plot([], [], "x", color="black", ms=8, mew=2, label="Euler")[0],
    }
    right.legend(loc="upper left", markerscale=0.5)
    return Stage(fig, parts)


def explore_board(
    laws: Mapping[tuple[str, str, int], Float[Tensor, "side side_again"]], exact: Float[Tensor, "side side_again"]
) -> Explorer:
    """The law of a sampler of two letters, with path, grid and number of steps to choose, and its total variation.

    Args:
        laws: From names of path and grid and a number of steps to the law of the two letters, shape (side, side).
        exact: The law of the data.

    Raises:
        ValueError: If a combination is missing.
    """
    kinds = list(dict.fromkeys(kind for kind, _, _ in laws))
    grids = list(dict.fromkeys(grid for _, grid, _ in laws))
    counts = list(dict.fromkeys(n for _, _, n in laws))
    wanted = [(kind, grid, n) for kind in kinds for grid in grids for n in counts]
    if missing := [key for key in wanted if key not in laws]:
        raise ValueError(f"expected a law for every path, grid and number of steps, got none for {missing}")
    distance = {key: total_variation(law.flatten(), exact.flatten()).item() for key, law in laws.items()}
    names = {(kind, grid): f"{kind}, {grid}" for kind in kinds for grid in grids}
    curves = {names[kind, grid]: [distance[kind, grid, n] for n in counts] for kind, grid in names}

    def draw(path: str, grid: str, n: int):
        law = laws[path, grid, n]
        value = distance[path, grid, n]
        return {
            "law": shades((law.T * law.numel() / 2).clamp(0, 1).sqrt(), "Oranges"),
            "now": ([n], [value]),
            "words": f"total variation {value:.4f}",
        }

    controls: Controls = {
        "path": Choice("path", {kind: kind for kind in kinds}),
        "grid": Choice("grid", {grid: grid for grid in grids}),
        "n": Choice("steps", {str(n): n for n in counts}, first=str(counts[min(2, len(counts) - 1)])),
    }
    alt = (
        "Left, the probability of each pair of letters that a sampler gives: squares of a checkerboard, with more "
        "outside them the fewer steps there are. Right, total variation against steps; a circle marks what is shown."
    )
    return Explorer(_law_and_curves(counts, curves), draw, controls, alt=alt)


def _law_and_curves(counts: Sequence[int], curves: Mapping[str, Sequence[float]]) -> Stage:
    fig, (left, right) = figure(1, 2, size=(4.2, 3.7), width_ratios=(1, 1.15))
    blank = shades(torch.zeros(2, 2))
    law = left.imshow(blank, origin="lower", extent=(0, 1, 0, 1), interpolation="nearest")
    left.set(xticks=[], yticks=[], xlabel="first letter", ylabel="second letter")
    left.grid(False)
    for (name, values), (colour, marker, dash) in zip(curves.items(), LOOKS, strict=False):
        right.loglog(counts, values, color=colour, marker=marker, ls=dash, ms=4, label=name)
    right.set(xlabel="steps", title="total variation")
    right.legend(loc="lower left")
    plain_ticks(right.xaxis)
    now = right.plot([], [], "o", color="black", ms=11, fillstyle="none", mew=2)[0]
    words = left.text(0.5, 1.03, "", ha="center", va="bottom", size=11)
    return Stage(fig, {"law": law, "now": now, "words": words})
