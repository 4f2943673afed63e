"""Pages from templates. A value in one is plain text of bounded length, escaped; only what `text` cleaned is HTML."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from course_grading.pages.text import plain


def points(value: float | None) -> str:
    """Points as people write them, or a dash while somebody has to mark."""
    return "–" if value is None else f"{value:g}"


def _shown(value: object) -> object:
    return value if isinstance(value, Markup) else plain(str(value))


TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    finalize=_shown,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters["points"] = points


def render(template: str, **values: object) -> str:
    """A whole page of HTML that loads nothing and runs nothing.

    Args:
        template: Name of its template, such as "feedback".
        values: What the template asks for.
    """
    return TEMPLATES.get_template(f"{template}.html.jinja").render(values)
