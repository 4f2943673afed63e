"""What one run of the command found: the table with its plots, as Markdown, and the rows as JSON."""

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

import torch

from benchmarks.plots import Plot
from benchmarks.rows import Row, side_by_side, table

AGREE = (
    "This run is that of `table.md`. Ratios, with the least and the most of a round in brackets, and figures that "
    'stand alone. Where each median lies within the other run\'s spread, two ratios agree "within" it; else the '
    'spreads "overlap", or they are "apart".'
)


def read_rows(folder: Path) -> list[Row]:
    """The rows of an earlier run.

    Raises:
        ValueError: If there is no `rows.json` with rows in the folder.
    """
    try:
        rows = json.loads((folder / "rows.json").read_text("utf-8"))
        return [Row(**{**row, "spread": row["spread"] and tuple(row["spread"])}) for row in rows]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"expected the rows of an earlier run in {folder / 'rows.json'}: {error}") from error


class Report:
    """Collects rows and plots; table and plots are written anew with each of them, so nothing is lost.

    The table goes to `table.md`, its rows to `rows.json`, their comparison with an earlier run to `second.md`.

    Args:
        folder: Where to write.
        quick: Whether the run is a quick one: then each row says so.
        earlier: Rows of an earlier run to compare with.
    """

    def __init__(self, folder: Path, quick: bool = False, earlier: list[Row] | None = None):
        self.folder, self.quick, self.earlier = folder, quick, earlier
        self.rows: list[Row] = []
        self.plots: dict[str, Plot] = {}
        self.loads: dict[str, float] = {}

    def take(self, name: str, found: Iterable[Row | Plot]) -> None:
        """Run the benchmark of that name, and keep what it yields."""
        self.loads[name] = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
        for one in found:
            if isinstance(one, Plot):
                self.plots[one.name] = one
                one.write(self.folder)
            else:
                self.rows.append(replace(one, what=f"{one.what} (quick)") if self.quick else one)
            self.write()

    @property
    def holds(self) -> bool:
        return all(row.holds for row in self.rows)

    def text(self) -> str:
        """Machine, table and plots."""
        pictures = [f"![{plot.alt}]({name}.png)" for name, plot in self.plots.items()]
        return "\n\n".join(["# Speed, measured side by side", self._machine(), table(self.rows), *pictures]) + "\n"

    def write(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "table.md").write_text(self.text(), "utf-8")
        (self.folder / "rows.json").write_text(self.json(), "utf-8")
        if self.earlier:
            found = side_by_side(self.rows, self.earlier)
            (self.folder / "second.md").write_text(f"# The same command run twice\n\n{AGREE}\n\n{found}\n", "utf-8")

    def json(self) -> str:
        """The rows as a list."""
        return json.dumps([row.as_dict() for row in self.rows], indent=1, allow_nan=False)

    def _machine(self) -> str:
        loads = ", ".join(f"{name} {load:.1f}" for name, load in self.loads.items())
        return (
            f"{date.today()}, {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
            f"torch {torch.__version__} with {torch.get_num_threads()} thread. Ratios are medians over rounds, in "
            f"brackets the least and the most of a round. Load of the machine when each benchmark began: {loads}."
        )
