"""Fresh copies of the labs, `labs/fresh.zip`: what `release` made of them, whatever became of the notebooks since."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from course_utils.notebooks.files import parse, shown

__all__ = ["ARCHIVE", "course_folder", "find", "fresh_lab", "fresh_labs", "lab_file", "pack", "unpack"]

ARCHIVE = "labs/fresh.zip"
MOMENT = (2020, 1, 1, 0, 0, 0)


def course_folder(file: Path | None = None) -> Path:
    """The folder of the course, with fresh copies in it.

    Args:
        file: A notebook: the nearest folder above it counts first. Then come that of this package, and the nearest at
            or above the working folder.

    Raises:
        ValueError: If there is none.
    """
    here = Path.cwd()
    above = file.absolute().parents if file else ()
    places = (*above, Path(__file__).resolve().parents[2], here, *here.parents)
    found = next((place for place in places if (place / ARCHIVE).is_file()), None)
    if found is None:
        raise ValueError(f"expected the folder of the course, with {ARCHIVE} in it, at or above {here}")
    return found


def pack(texts: Mapping[str, str]) -> bytes:
    """An archive of notebooks, the same bytes whenever its content is the same: packed by none of zip's methods.

    Args:
        texts: Of each lab, by its name.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(texts, key=_number):
            member = zipfile.ZipInfo(f"{name}.ipynb", MOMENT)
            member.create_system, member.external_attr = 3, 0o100644 << 16
            archive.writestr(member, texts[name].encode("utf-8"))
    return out.getvalue()


def unpack(root: Path) -> dict[str, bytes]:
    """The fresh copies in the folder of the course, by the names of their labs, in order.

    Raises:
        ValueError: If there are none, or the file is damaged.
    """
    path = root / ARCHIVE
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".ipynb"): archive.read(name) for name in archive.namelist()}
    except FileNotFoundError:
        raise ValueError(f"expected fresh copies of the labs in {shown(path)}, found no such file") from None
    except zipfile.BadZipFile:
        raise ValueError(f"expected fresh copies of the labs in {shown(path)}, but the file is damaged") from None


def find(lab: str, root: Path) -> str:
    """The whole name of a lab, "lab1_simulation" for "lab1".

    Raises:
        ValueError: If there is none of that name.
    """
    names = list(unpack(root))
    found = next((name for name in names if lab in (name, name.split("_")[0])), None)
    if found is None:
        raise ValueError(f"unknown lab {lab!r}, expected one of: {', '.join(names)}")
    return found


def fresh_lab(lab: str, root: Path) -> dict:
    """The notebook of a lab as it was handed out.

    Raises:
        ValueError: If there is no such lab.
    """
    return parse(unpack(root)[find(lab, root)], f"{ARCHIVE}/{lab}.ipynb")


def fresh_labs(root: Path) -> dict[str, dict]:
    """The notebooks of all labs as they were handed out, by name, in order."""
    return {name: parse(data, f"{ARCHIVE}/{name}.ipynb") for name, data in unpack(root).items()}


def lab_file(name: str, root: Path) -> Path:
    """The student's notebook of a lab.

    Raises:
        ValueError: If it is not there; other notebooks in its folder are named.
    """
    path = root / "labs" / name / f"{name}.ipynb"
    if not path.exists():
        others = sorted(other.name for other in path.parent.glob("*.ipynb"))
        there = f"that folder holds {', '.join(others)}: give one its name again" if others else "reset all of the lab"
        raise ValueError(f"expected the notebook {shown(path)}, found none; {there}")
    return path


def _number(name: str) -> tuple[int, str]:
    digits = name.split("_")[0].removeprefix("lab")
    return (int(digits) if digits.isdigit() else 0), name
