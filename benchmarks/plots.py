"""Curves that a benchmark yields beside its rows: a picture and the numbers in it."""

import csv
from dataclasses import dataclass
from pathlib import Path

from course_utils.plotting import LOOKS, figure, plain_ticks


@dataclass(frozen=True)
class Plot:
    """Curves on logarithmic scales.

    Attributes:
        name: Of the files, without ending.
        alt: What is seen, for those who cannot see it.
        x, y: Labels of the axes.
        curves: From name to the coordinates of its points, which are positive; what is ours comes first.
        level: Name and height of a horizontal line, such as a floor.
    """

    name: str
    alt: str
    x: str
    y: str
    curves: dict[str, tuple[list[float], list[float]]]
    level: tuple[str, float] | None = None

    def draw(self):
        """The figure."""
        fig, ax = figure(size=(6.0, 4.4))
        for (name, (x, y)), (color, marker, dash) in zip(self.curves.items(), LOOKS, strict=False):
            ax.loglog(x, y, color=color, marker=marker, ls=dash, label=name)
        if self.level:
            ax.axhline(self.level[1], color="0.3", lw=1, label=self.level[0])
        plain_ticks(ax.xaxis, ax.yaxis)
        ax.set(xlabel=self.x, ylabel=self.y)
        ax.legend()
        return fig

    def write(self, folder: Path) -> None:
        """`name.png` and, a line a point, `name.csv`."""
        folder.mkdir(parents=True, exist_ok=True)
        self.draw().savefig(folder / f"{self.name}.png", dpi=110)
        with (folder / f"{self.name}.csv").open("w", encoding="utf-8", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(["curve", self.x, self.y])
            for name, points in self.curves.items():
                lines.writerows([name, *point] for point in zip(*points, strict=True))
