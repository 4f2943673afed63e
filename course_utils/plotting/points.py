"""Points in the plane, a panel a title: over a density, or over the support that they should lie on."""

from collections.abc import Callable, Mapping, Sequence

from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.plotting.fields import grid_points, picture, plane
from course_utils.plotting.inputs import detached, require, require_shape
from course_utils.plotting.theme import EXACT, MODEL, panels

__all__ = ["board_samples", "point_clouds"]


@detached
def point_clouds(
    points: Mapping[str, Float[Tensor, "_ 2"]],
    colors: Sequence[str] | None = None,
    *,
    density: tuple[Float[Tensor, " m"], Float[Tensor, "m m"]] | None = None,
) -> Figure:
    """Points in the plane, one panel for each title.

    Args:
        points: From title to points, shape (n, 2).
        colors: One a panel; by default that of the model.
        density: Places along both axes, shape (m,), and the exact density there, shape (m, m), second coordinate
            first; drawn as contours.

    Raises:
        ValueError: If there is no panel, or shapes or numbers do not fit.

    Example:
        >>> points = {"noise": torch.randn(50, 2), "data": torch.rand(50, 2)}
        >>> fig = plotting.point_clouds(points, [plotting.NOISE, plotting.DATA])
        >>> [ax.get_title() for ax in fig.axes]
        ['noise', 'data']
    """
    colors = colors or [MODEL] * len(points)
    require(len(colors) == len(points), f"{len(points)} colours, one a panel", len(colors))
    fig, axes = panels(len(points), 2.9, widest=3.0, sharex=True, sharey=True)
    for ax, (title, x), color in zip(axes, points.items(), colors, strict=True):
        require_shape(title, x, None, 2)
        if density is not None:
            places, values = density
            require_shape("a density", values, len(places), len(places))
            ax.contour(places, places, values, levels=6, colors=EXACT, linewidths=0.8)
        size, alpha = (5, 0.5) if len(x) > 100 else (20, 0.9)
        ax.scatter(x[:, 0], x[:, 1], s=size, color=color, alpha=alpha, linewidths=0, zorder=3)
        ax.set(title=title, aspect="equal", xlabel="$x_1$")
    axes[0].set_ylabel("$x_2$")
    return fig


@detached
def board_samples(
    samples: Mapping[str, Float[Tensor, "n 2"]], contains: Callable[[Tensor], Tensor], *, limit: float = 4.5
) -> Figure:
    """Samples over a support: those on it in the colour of the model, those off it black.

    Args:
        samples: From title to samples, shape (n, 2).
        contains: From points of shape (n, 2) to whether each lies on the support, such as `Checkerboard().contains`.
        limit: The plane is shown from -limit to limit.

    Raises:
        ValueError: If there is no panel, or a shape does not fit.

    Example:
        >>> board = distributions.Checkerboard()
        >>> fig = plotting.board_samples({"exact": distributions.draw(board, 50)}, board.contains)
        >>> fig.axes[0].get_xlabel()
        '$x_1$'
    """
    side = min(4.2, 9 / max(1, len(samples)))
    fig, axes = panels(len(samples), 1.3 * side, widest=4.2, sharey=True)
    support = contains(grid_points(limit, 450)).reshape(450, 450).float()
    for ax, (title, x) in zip(axes, samples.items(), strict=True):
        require_shape(title, x, None, 2)
        picture(ax, support, limit, cmap="Blues", vmax=6)
        on = contains(x)
        for points, color in ((x[on], MODEL), (x[~on], "black")):
            ax.scatter(points[:, 0], points[:, 1], s=3, color=color, alpha=0.6, lw=0)
        plane(ax, limit, title=title, xlabel="$x_1$")
    axes[0].set_ylabel("$x_2$")
    return fig
