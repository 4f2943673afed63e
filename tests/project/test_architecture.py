"""docs/architecture.md tells the rooms as they are: every module and name in it exists, in the order that it shows."""

import importlib
import re
from pathlib import Path

import pytest

import course_utils

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
FIGURE = (ROOT / "docs" / "architecture.svg").read_text("utf-8").replace("&#160;", " ")
STAGES = re.findall(r"^\| (?:\w+) \| (`[^|]+) \|", PAGE, re.MULTILINE)
DOTTED = sorted(
    {name for name in re.findall(r"`([a-z_]+(?:\.\w+)+)", PAGE) if name.split(".")[0] in course_utils.__all__}
)
FILES = sorted(set(re.findall(r"`((?:course_\w+|sandbox|guest|dist|plotting|course_setup)/[\w/]*(?:\.py)?)`", PAGE)))


def exists(place: str) -> bool:
    """Whether a module of the grader is there, as a file or a folder."""
    path = ROOT / "course_grading" / place
    return path.is_dir() or path.with_suffix(".py").is_file()


def words(column: int, size: str) -> list[str]:
    """First words of the texts of the figure that begin at that column."""
    return [
        text.split()[0].rstrip("/")
        for text in re.findall(rf'<text x="{column}" y="\d[\d.]*" font-size="{size}"[^>]*>([^<]+)<', FIGURE)
        if text.strip()
    ]


def test_the_figure_shows_the_order_of_the_modules():
    shown = [word for word in words(62, "13") if word != "a"]
    assert shown == course_utils.__all__


def test_the_figure_shows_the_stages_of_the_page():
    shown = words(520, "12.5")
    assert len(shown) == len(STAGES) == 8
    for place, told in zip(shown, STAGES, strict=True):
        assert exists(place) and f"`{place}" in told


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_is_a_module(stage: str):
    places = re.findall(r"`([^`]+)`", stage)
    assert places and all(exists(place) for place in places)


@pytest.mark.parametrize("name", DOTTED)
def test_every_name_is_there(name: str):
    module, *attributes = name.split(".")
    found = importlib.import_module(f"course_utils.{module}")
    for attribute in attributes:
        found = getattr(found, attribute)


@pytest.mark.parametrize("place", FILES)
def test_every_file_is_there(place: str):
    homes = (ROOT, ROOT / "course_grading", ROOT / "course_grading" / "sandbox", ROOT / "course_utils")
    assert place.startswith("dist/") or any((home / place).exists() for home in homes)
