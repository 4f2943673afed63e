"""What answers take from the package, for the instructor to look at: read from their sources, nothing is run."""

from collections.abc import Mapping

from course_grading import syntax
from course_grading.plan import Released

HELPERS = "course_utils.shapes"
"""The module of the package that answers may use without being flagged."""


def taken(known: Released, said: Mapping[str, dict | None], exercise: str, cell: str) -> list[str]:
    """What an answer takes from the package, such as ["simulators.euler_step"]; helpers for shapes do not count.

    Args:
        known: The released notebook.
        said: By cell id, what `syntax.describe` says.
        exercise: Name of the function.
        cell: Id of the cell that defines it.
    """
    described = [one for one in said.values() if one]
    aliases = {k: v for setup in known.setup for k, v in syntax.describe(setup.source)["aliases"].items()}
    for one in described:
        aliases |= {k: v for k, v in one["aliases"].items() if k != v.split(".")[0]}
    full = sorted({syntax.resolve(name, aliases) for name in _used(described, said.get(cell) or {}, exercise)})
    inner = [name for name in full if name.startswith("course_utils.") and not name.startswith(HELPERS)]
    longest = [name for name in inner if not any(other.startswith(f"{name}.") for other in inner)]
    return [name.removeprefix("course_utils.") for name in longest]


def _used(described: list[dict], own: dict, exercise: str) -> set[str]:
    """Names that an answer uses, its own helpers' included; of one that is defined nowhere, what a star imported."""
    everywhere = {name: used for one in described for name, used in one["uses"].items()}
    todo = list(own.get("uses", {}).get(exercise, everywhere.get("*", [])))
    found = set()
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += everywhere.get(name.split(".")[0], [])
    return found
