"""Pictures of the book: files beside its pages, which are loaded when they are seen."""

import base64
import hashlib
import io
import re
import warnings
from functools import partial
from pathlib import Path

from PIL import Image

__all__ = ["EXPLORERS", "FIGURES", "LARGEST", "put_apart", "weigh"]

EXPLORERS, FIGURES = "_static/explorers", "_static/figures"
"""Folders of the book: of what explorers show, and of figures and the frames of players."""

LARGEST = 25_000_000
"""Bytes that the pictures of all explorers are meant to have at most."""

HOLDER = re.compile(r'<img [^>]*>|<figure class="course-(?:explorer|player)".*?</figure>', re.S)
IMAGE = re.compile(r"<img ([^>]*)>")
WIDTH = re.compile(r'(?<![\w-])width="(\d+)"')
DATA = re.compile(r"data:image/(png|jpeg|webp);base64,([\w+/=]+)")


def put_apart(made: Path) -> None:
    """Write the pictures that stand in pages into files, PNG as WebP without loss, and let pages load them when seen.

    Args:
        made: Folder of pages, with the pictures in them.
    """
    for page in made.rglob("*.html"):
        to_root = "../" * (len(page.relative_to(made).parts) - 1)
        text = page.read_text("utf-8")
        page.write_text(HOLDER.sub(partial(_with_files, made=made, to_root=to_root), text), "utf-8")


def _with_files(holder: re.Match, made: Path, to_root: str) -> str:
    """An image, a player or an explorer with files in place of the pictures that stood in it."""
    folder = EXPLORERS if "course-explorer" in holder[0][:40] else FIGURES
    return DATA.sub(lambda data: f"{to_root}{folder}/{_written(data, made / folder)}", IMAGE.sub(_when_seen, holder[0]))


def _when_seen(image: re.Match) -> str:
    """An image that holds its picture, told to load it when it is seen, and its height: the page stays where it is."""
    data, width = DATA.search(image[1]), WIDTH.search(image[1])
    if data is None or width is None:
        return image[0]
    full = Image.open(io.BytesIO(base64.b64decode(data[2])))
    return f'<img loading="lazy" height="{round(int(width[1]) * full.height / full.width)}" {image[1]}>'


def _written(data: re.Match, folder: Path) -> str:
    """The name of the file that holds a picture."""
    kind, picture = data[1], base64.b64decode(data[2])
    file = folder / f"{hashlib.sha256(picture).hexdigest()[:16]}.{'webp' if kind == 'png' else kind}"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_without_loss(picture) if kind == "png" else picture)
    return file.name


def _without_loss(png: bytes) -> bytes:
    """The same pixels as WebP."""
    made = io.BytesIO()
    Image.open(io.BytesIO(png)).save(made, "WEBP", lossless=True, exact=True)
    return made.getvalue()


def weigh(made: Path) -> None:
    """Warn of explorers with more pictures than meant, and say where the bound of each one stands.

    Args:
        made: Folder of pages.
    """
    total = sum(path.stat().st_size for path in (made / EXPLORERS).glob("*"))
    if total > LARGEST:
        message = f"expected at most {LARGEST / 1e6:g} MB of explorers' pictures, got {total / 1e6:.2f} MB"
        warnings.warn(f"{message}: `LARGEST` of course_utils/widgets/prepared.py bounds each explorer", stacklevel=2)
