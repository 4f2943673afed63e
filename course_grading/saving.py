"""Solution notebooks, run and saved with their figures: small, alike each time, nothing of the machine in them.

A notebook that has run is *live*: its players play. Saved are its *stills*: of each player one frame, and pictures of
few bytes. The book is made of live notebooks (see `book`).
"""

import base64
import io
import os
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_grading.release import read_notebook, solutions
from course_utils.storage import check_writable, write_file
from course_utils.widgets.prepared import PREPARE

ROOT = Path(__file__).resolve().parents[1]
LARGEST = 1_200_000
"""Bytes of the largest notebook that is saved."""

COLORS = 64
QUALITY = 80
"""Of small pictures: colours of a palette, or of WebP; what is smaller is taken. Text stays sharp with both."""

WIDGET = "application/vnd.jupyter.widget-view+json"
PLAYER = re.compile(r'<figure class="course-player".*?</figure>', re.S)
IMAGE = re.compile(r"<img\b[^>]*>")
PICTURE = re.compile(r"data:image/(\w+);base64,([\w+/=]+)")


def execute(labs: Sequence[str] = (), root: str | Path = ROOT) -> list[Path]:
    """Run solution notebooks, with a bar, and save them with stills; ids and metadata stay as they are.

    Args:
        labs: Names such as "lab1_simulation"; every lab if there are none.
        root: Folder that holds `solutions/`.

    Returns:
        Paths of the notebooks written, each as soon as it has run.

    Raises:
        ValueError: If there is no such lab, one cannot be written, trainings are shortened by COURSE_BUDGET, a cell
            fails (lab and cell are named), an output holds a path of this machine, or the notebook would be larger
            than 1.2 MB.
    """
    known = solutions(root)
    chosen = list(labs or known)
    if unknown := [lab for lab in chosen if lab not in known]:
        raise ValueError(f"unknown lab {', '.join(unknown)}, expected some of: {', '.join(known)}")
    if os.environ.get("COURSE_BUDGET", "full") != "full":
        raise ValueError("expected COURSE_BUDGET to be unset: figures are saved of trainings in full")
    for lab in chosen:
        check_writable(known[lab])
    return [_save(lab, known[lab], root) for lab in chosen]


def _save(lab: str, path: Path, root: str | Path) -> Path:
    text = nbformat.writes(stills(run(lab, path, root))) + "\n"
    size = len(text.encode())
    if size > LARGEST:
        raise ValueError(f"{lab}: expected at most {LARGEST / 1e6} MB to save, got {size / 1e6:.1f}: smaller figures")
    return write_file(path, text)


def run(lab: str, path: Path, root: str | Path = ROOT, *, prepared: bool = False) -> NotebookNode:
    """A notebook with the outputs of a fresh kernel, as live as they are, but without bars, widgets and warnings.

    Args:
        lab: Name, for the bar and for errors.
        path: Of the notebook, which is not changed; it runs in its folder.
        root: Folder of the course, of which no output may tell.
        prepared: Whether explorers draw their pictures beforehand, to be played with without a kernel.

    Raises:
        ValueError: If a cell fails, or an output holds a path of this machine; lab and cell are named.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError
    from tqdm.auto import tqdm

    notebook = read_notebook(path)
    place = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        record_timing=False,
        resources=place,
        timeout=None,
        iopub_timeout=60,  # on a busy machine outputs come late
    )
    with client.setup_kernel(env=os.environ | {PREPARE: "1" * prepared}):
        for number, cell in enumerate(tqdm(notebook.cells, desc=lab, unit="cell")):
            try:
                client.execute_cell(cell, number, execution_count=client.code_cells_executed + 1)
            except CellExecutionError as error:
                raise ValueError(f"{lab}: cell {cell.id} fails: {error.ename}: {error.evalue}") from error
            except DeadKernelError as error:
                raise ValueError(f"{lab}: cell {cell.id} fails: {error}") from error
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = _tidy(cell.outputs)
            _refuse_paths(f"{lab}: cell {cell.id}", cell.outputs, root)
    return notebook


def _tidy(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Without what only a kernel can show and what goes to stderr; what was printed in pieces is one text again."""
    kept: list[NotebookNode] = []
    for output in outputs:
        printed = output.output_type == "stream"
        if WIDGET in output.get("data", {}) or (printed and output.name == "stderr"):
            continue
        if printed and kept and kept[-1].output_type == "stream":
            kept[-1].text += output.text
        else:
            kept.append(output)
    return kept


def _refuse_paths(where: str, outputs: list[NotebookNode], root: str | Path) -> None:
    places = {str(Path(root).resolve()), str(Path.home()), tempfile.gettempdir()} - {"/"}
    for output in outputs:
        text = PICTURE.sub("", str(output))
        if told := [place for place in places if place + os.sep in text]:
            raise ValueError(f"{where}: expected no path of this machine in an output, got {', '.join(told)}")


def stills(notebook: NotebookNode) -> NotebookNode:
    """A copy to save: of each player the frame that it begins with, every picture of few bytes, texts unchanged.

    Nothing is run: this works on saved outputs as well, and stills stay as they are.

    Args:
        notebook: A notebook that has run.
    """
    still = nbformat.from_dict(notebook)
    for cell in still.cells:
        for output in cell.get("outputs", []):
            if "text/html" in output.get("data", {}):
                output.data["text/html"] = _still_html(output.data["text/html"])
    return still


def _still_html(html: str) -> str:
    html = PLAYER.sub(lambda player: IMAGE.findall(player[0])[0], html)
    return PICTURE.sub(_small_source, html)


def _small_source(source: re.Match) -> str:
    kind, picture = small(base64.b64decode(source[2]))
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


def small(picture: bytes) -> tuple[str, bytes]:
    """A picture of few bytes, on white: with a palette as PNG, or as WebP; one in either form stays as it is.

    Args:
        picture: An encoded picture.

    Returns:
        How it is encoded, png, jpeg or webp, and the bytes.
    """
    from PIL import Image

    opened = Image.open(io.BytesIO(picture))
    given = ((opened.format or "").lower(), picture)
    if opened.format == "WEBP" or opened.mode == "P":
        return given
    white = Image.new("RGBA", opened.size, "white")
    colored = Image.alpha_composite(white, opened.convert("RGBA")).convert("RGB")
    palette = colored.quantize(COLORS, dither=Image.Dither.NONE)
    png = _encoded(lambda file: palette.save(file, "PNG", optimize=True))
    webp = _encoded(lambda file: colored.save(file, "WEBP", quality=QUALITY, method=6))
    return min(("png", png), ("webp", webp), given, key=lambda found: len(found[1]))


def _encoded(save: Callable[[io.BytesIO], object]) -> bytes:
    file = io.BytesIO()
    save(file)
    return file.getvalue()
