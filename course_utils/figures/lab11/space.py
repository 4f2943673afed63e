"""Things in space: chains of residues, rotation vectors, fields of a cloud that is turned."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from torch import Tensor

from course_utils.figures.lab11.angles import dots
from course_utils.manifolds import chain_from_torsions
from course_utils.metrics import in_helix, in_strand
from course_utils.plotting.inputs import detached, require, require_shape
from course_utils.plotting.theme import DATA, EXACT, MODEL, NOISE, figure, legend_below, panels, tick_at

__all__ = ["APART", "BELOW", "chains", "rotation_vectors", "turned_fields"]

APART = 44.0
"""Ångström from chain to chain in a row."""

BELOW = 19.0
"""Ångström from row to row."""


@detached
def chains(rows: Mapping[str, Float[Tensor, "k length 2"]]) -> Figure:
    """Chains in space from their angles, a row a name: the line through all atoms, and a dot at each CA.

    A dot is orange where phi and psi are those of a helix, blue where of a strand, else grey. Each chain is turned,
    never mirrored, so that its longest direction lies level.

    Args:
        rows: From name to phi and psi in radians, shape (k, length, 2), the same k for all.

    Raises:
        ValueError: If there is no row, or rows differ in number.
    """
    require(len(rows) > 0, "at least one row of chains", "none")
    k = len(next(iter(rows.values())))
    fig, ax = _space(k * APART, len(rows) * BELOW)
    for row, (name, angles) in enumerate(rows.items()):
        require_shape(name, angles, k, None, 2)
        ax.text(0, 0, -row * BELOW + 0.42 * BELOW, name, size=10)
        places = chain_from_torsions(angles[..., 0].double(), angles[..., 1].double()).flatten(1, 2)
        for column, (chain, own) in enumerate(zip(places, angles, strict=True)):
            corner = torch.tensor([(column + 0.5) * APART, 0.0, -row * BELOW])
            _chain(ax, _level(chain) + corner, own)
    return fig


def _space(width: float, height: float) -> tuple[Figure, Any]:
    """Axes of three dimensions without a frame that fill a figure of 9 inches, `width` Ångström from side to side."""
    fig, ax = figure(size=(9.0, 9.0 * height / width), subplot_kw={"projection": "3d"})
    fig.set_layout_engine("none")
    ax.set_position((0, 0.5 - width / height / 2, 1, width / height))
    ax.set(xlim=(0, width), ylim=(-10, 10), zlim=(0.7 * BELOW - height, 0.7 * BELOW))
    ax.set_box_aspect((width, 20, height), zoom=1.0)
    ax.set_proj_type("ortho")
    ax.view_init(elev=15, azim=-90)
    ax.set_axis_off()
    return fig, ax


def _level(places: Float[Tensor, "atoms 3"]) -> Float[Tensor, "atoms 3"]:
    """The same about its centre, its longest direction along the first axis; turned, not mirrored."""
    centred = places - places.mean(0)
    axes = torch.linalg.svd(centred, full_matrices=False)[2]
    return centred @ (axes.T * torch.tensor([1.0, 1.0, torch.linalg.det(axes).sign().item()]).to(axes))


def _chain(ax: Any, places: Float[Tensor, "atoms 3"], angles: Float[Tensor, "length 2"]) -> None:
    """Bonds from far to near, the nearer the darker and broader, and dots."""
    bonds = torch.stack([places[:-1], places[1:]], 1)
    depth = bonds[..., 1].mean(1) - places[:, 1].mean()
    far = (depth / depth.abs().amax().clamp(min=1e-9) + 1) / 2
    for i in depth.argsort(descending=True).tolist():
        shade = 0.15 + 0.65 * far[i].item()
        ax.plot(*bonds[i].T, color=str(shade), lw=2.8 - 1.6 * far[i].item(), clip_on=False, solid_capstyle="round")
    helix, strand = in_helix(angles), in_strand(angles)
    for chosen, colour in ((helix, MODEL), (strand, DATA), (~helix & ~strand, NOISE)):
        ax.scatter(*places[1::3][chosen].T, s=18, color=colour, depthshade=False, lw=0, clip_on=False)


@detached
def rotation_vectors(vectors: Mapping[str, Float[Tensor, "_ 3"]]) -> Figure:
    """The first two numbers of rotation vectors (axis times angle) in degrees, a panel a title, within the ball.

    Args:
        vectors: From title to vectors in radians, shape (n, 3); the first are data.

    Raises:
        ValueError: If there is no panel, or a shape does not fit.
    """
    fig, axes = panels(len(vectors), 3.0, widest=3.4, sharey=True)
    for ax, (title, w), color in zip(axes, vectors.items(), [DATA, *[MODEL] * len(vectors)], strict=False):
        require_shape(title, w, None, 3)
        ax.add_patch(Circle((0, 0), 180, fill=False, ec="0.5", lw=1))
        dots(ax, torch.rad2deg(w), 3, color, alpha=0.5)
        ax.set(xlim=(-195, 195), ylim=(-195, 195), aspect="equal", title=title, xlabel="$w_1$")
        for axis in (ax.xaxis, ax.yaxis):
            tick_at(axis, [-180, -90, 0, 90, 180])
    axes[0].set_ylabel("$w_2$")
    return fig


@detached
def turned_fields(
    x: Float[Tensor, "n 3"], turn: Float[Tensor, "3 3"], fields: Mapping[str, Callable[[Tensor], Tensor]]
) -> Figure:
    """Velocities of a turned cloud (orange), and turned velocities of the cloud (green): equal if a field turns too.

    Args:
        x: Places, shape (n, 3); the first two coordinates are drawn.
        turn: A rotation.
        fields: From name to a field that takes clouds of shape (1, n, 3).

    Raises:
        ValueError: If there is no field, or a shape does not fit.
    """
    require_shape("a cloud", x, None, 3)
    require_shape("a turn", turn, 3, 3)
    fig, axes = panels(len(fields), 4.0, widest=4.0, sharey=True)
    there = x @ turn.T
    side = 1.4 * float(there[:, :2].abs().max())
    for ax, (name, field) in zip(axes, fields.items(), strict=True):
        expected, found = field(x[None])[0].detach() @ turn.T, field(there[None])[0].detach()
        scale = float(expected.norm(dim=1).max() / (0.35 * there.abs().max()))
        look: dict[str, Any] = {"angles": "xy", "scale_units": "xy", "scale": scale}
        for v, colour, width, label in (
            (expected, EXACT, 0.022, "turned velocities"), (found, MODEL, 0.009, "velocities of the turned cloud")
        ):  # fmt: skip
            ax.quiver(*there[:, :2].T, *v[:, :2].T, color=colour, alpha=0.7, width=width, label=label, **look)
        dots(ax, there, 28, "black", zorder=3)
        ax.plot(*there[:, :2].T, color="0.7", lw=1, zorder=0)
        ax.set(title=name, xlabel="$x_1$ in Å", xlim=(-side, side), ylim=(-side, side), aspect="equal")
    axes[0].set_ylabel("$x_2$ in Å")
    legend_below(fig, axes)
    return fig
