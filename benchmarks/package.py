"""Importing the package, and running its notebooks."""

import ast
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from nbclient import NotebookClient
from nbformat import NotebookNode, read

from benchmarks.rows import Row, alone

ROOT = Path(__file__).parents[1]
BUDGETS = (("small", 0.4), ("full", 3.0))
"""`COURSE_BUDGET`, and the minutes that a notebook may take, as a mean over all."""
LAB_4 = ROOT / "solutions" / "lab4_image_generation" / "lab4_image_generation.ipynb"


def _import_seconds(statement: str) -> float:
    code = f"import time; import torch; start = time.perf_counter(); {statement}; print(time.perf_counter() - start)"
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def imports(quick: bool) -> Iterator[Row]:
    """What `import course_utils` costs beyond torch, and what the modules do that Lab 4 takes from it."""
    [set_up] = [cell.source for cell in read(LAB_4, 4).cells if cell.id == "setup"]
    modules = next(part for part in ast.parse(set_up).body if getattr(part, "module", "") == "course_utils")
    for what, statement, most in (
        ("import course_utils", "import course_utils", 50.0),
        (f"the {len(modules.names)} modules that Lab 4 imports", ast.unparse(modules), None),
    ):
        times = [1000 * _import_seconds(statement) for _ in range(3 if quick else 9)]
        yield alone("imports", f"{what}, torch already imported", statistics.median(times), "ms", most=most)


def notebooks(quick: bool) -> Iterator[Row]:
    """The solution notebooks, one after another; with --quick only with the small budget."""
    for budget, most in BUDGETS:
        if quick and budget == "full":
            continue
        os.environ["COURSE_BUDGET"] = budget
        minutes, silent = 0.0, []
        paths = sorted(ROOT.glob("solutions/*/*.ipynb"))
        for path in paths:
            start = time.perf_counter()
            notebook = read(path, 4)
            NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": str(path.parent)}}).execute()
            took = (time.perf_counter() - start) / 60
            minutes += took
            silent += [f"{path.stem} {cell.id}" for cell in notebook.cells if is_slow(cell) and not has_bar(cell)]
            yield alone("notebooks", f"{path.stem}, COURSE_BUDGET={budget}", took, "min")
        what = f"all {len(paths)}, COURSE_BUDGET={budget}"
        yield alone("notebooks", what, minutes, "min", most=most * len(paths))
        said = f"cells of over 2 s without a bar: {', '.join(silent) or 'none'}, COURSE_BUDGET={budget}"
        yield alone("notebooks", said, len(silent), "", most=0)
    os.environ.pop("COURSE_BUDGET", None)


def is_slow(cell: NotebookNode) -> bool:
    """Whether a cell took over two seconds. The set-up does not count: it imports the bars."""
    if cell.id == "setup":
        return False
    stamps = [datetime.fromisoformat(stamp) for stamp in cell.metadata.get("execution", {}).values()]
    return bool(stamps) and (max(stamps) - min(stamps)).total_seconds() > 2


def has_bar(cell: NotebookNode) -> bool:
    """Whether a cell showed a bar of tqdm, or a picture that it drew anew."""
    shown = [output.get("data", {}).get("text/plain", "") or output.get("text", "") for output in cell.outputs]
    return any("%|" in text or text == "HTML(value='')" for text in shown)
