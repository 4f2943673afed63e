"""Sphinx's settings for the book, which `python course.py book` makes."""

import re
from importlib.resources import as_file, files
from pathlib import Path

from docutils.nodes import SkipNode
from fontTools.ttLib import TTFont
from sphinx.util.inspect import signature as inspect_signature
from sphinx.util.inspect import stringify_signature
from sphinx.util.logging import getLogger
from sphinx.util.typing import stringify_annotation

from course_grading.pages import formulas
from course_utils.shapes import Field, Step, Time

project = html_title = "Flow matching and diffusion from scratch"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!course_utils).*"),  # pages of other packages are not at hand without a network
    (
        "py:class",
        r"course_utils\.(checks\.(calling|inputs|observers|traits)\..*|widgets\.(prepared\.Control|grip\.DraggedPicture))",
    ),  # not for readers
]
suppress_warnings = ["ref.python"]  # a word of a signature that two classes have as a method, such as `mean`

nb_execution_mode = "off"
nb_ipywidgets_js = {}
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 4

add_module_names = False
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
napoleon_attr_annotations = False
napoleon_use_ivar = True
napoleon_use_rtype = False
python_use_unqualified_type_names = True
smartquotes_action = "qe"  # the two dashes of an option stay two
default_role = "code"  # docstrings write `name`

html_theme = "furo"
html_static_path = ["book.css", "book.js", str(files("course_utils") / "assets" / "grip.js")]
html_css_files = ["book.css"]
html_js_files = [("grip.js", {"defer": "defer"}), ("book.js", {"defer": "defer"})]
html_use_index = html_domain_indices = False
html_copy_source = html_show_sourcelink = html_show_copyright = False
html_show_search_summary = False  # a page opened from disk may not read others
math_renderer = html_math_renderer = "mathml"

DOLLARS = re.compile(r"\$([^$]+)\$")
STAR = re.compile(r"(?<=[ (])\*(?=[a-z])")
ALIASES = {
    stringify_annotation(alias, "smart"): f"~course_utils.{name}"
    for name, alias in {"shapes.Time": Time, "shapes.Field": Field, "shapes.Step": Step}.items()
}
TRAITS = "(*args: t.Any, **kwargs: t.Any)"  # what traitlets puts before the arguments of a widget


def docstring(app, what, name, obj, options, lines):
    """From what the docstrings of the package use to what Sphinx reads: formulas in dollars, shapes with a star."""
    text = DOLLARS.sub(r":math:`\1`", "\n".join(lines))
    lines[:] = STAR.sub(r"\*", text).splitlines()


def signature(app, what, name, obj, options, arguments, returned):
    """Call the types of times and fields by their names; show what a widget's class takes."""
    if arguments == TRAITS:
        arguments = stringify_signature(inspect_signature(obj.__init__, bound_method=True))
    for written, alias in ALIASES.items():
        arguments, returned = (part and part.replace(written, alias) for part in (arguments, returned))
    return arguments, returned


def skipped(app, what, name, obj, skip, options):
    """Leave out the fields of a named tuple that say nothing but their number."""
    return True if (getattr(obj, "__doc__", None) or "").startswith("Alias for field number") else None


def mathml(node, *, displayed: bool) -> str:
    try:
        return formulas.mathml(node.astext(), displayed=displayed)
    except ValueError as error:
        getLogger(__name__).warning(str(error), location=node)
        return ""


def inline_formula(writer, node):
    writer.body.append(mathml(node, displayed=False))
    raise SkipNode


def displayed_formula(writer, node):
    writer.body.append(f'<div class="formula" tabindex="0">{mathml(node, displayed=True)}</div>')
    raise SkipNode


def copy_font(app, error):
    """Put STIX Two Math beside the pages, of half its bytes: formulas look the same on every machine."""
    if not error:
        with as_file(files("ziamath") / "fonts" / "STIXTwoMath-Regular.ttf") as path:
            font = TTFont(path)
            font.flavor = "woff"
            font.save(Path(app.outdir, "_static", "STIXTwoMath-Regular.woff"))


def setup(app):
    app.add_html_math_renderer("mathml", (inline_formula, None), (displayed_formula, None))
    app.connect("autodoc-process-docstring", docstring)
    app.connect("autodoc-process-signature", signature)
    app.connect("autodoc-skip-member", skipped)
    app.connect("build-finished", copy_font)
