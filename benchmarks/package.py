"""Importing the package, and running its notebooks."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.rows import Row, alone

ROOT = Path(__file__).parents[1]


def _import_seconds(statement: str) -> float:
    code = f"import time; import torch; start = time.perf_counter(); {statement}; print(time.perf_counter() - start)"
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def imports(quick: bool) -> list[Row]:
    """What `import course_utils` costs beyond torch."""
    times = [1000 * _import_seconds("import course_utils") for _ in range(3 if quick else 9)]
    row = alone("imports", "import course_utils, torch already imported", statistics.median(times), "ms", most=50)
    return [row]


def notebooks(quick: bool) -> list[Row]:
    """The five solution notebooks, one after another; with --quick only with the small budget."""
    from nbclient import NotebookClient
    from nbformat import read

    rows = []
    for budget, most in (("small", 2.0), ("full", 15.0)):
        if quick and budget == "full":
            continue
        os.environ["COURSE_BUDGET"] = budget
        minutes = 0.0
        for path in sorted(ROOT.glob("solutions/*/*.ipynb")):
            start = time.perf_counter()
            NotebookClient(read(path, 4), timeout=1800, resources={"metadata": {"path": str(path.parent)}}).execute()
            took = (time.perf_counter() - start) / 60
            minutes += took
            rows.append(alone("notebooks", f"{path.stem}, COURSE_BUDGET={budget}", took, "min"))
        rows.append(alone("notebooks", f"all five, COURSE_BUDGET={budget}", minutes, "min", most=most))
    os.environ.pop("COURSE_BUDGET", None)
    return rows
