"""What the instructor should look at in a submission, beside its points."""

from collections.abc import Iterator, Mapping

from course_grading.plan import Released
from course_grading.sandbox.guest import syntax
from course_grading.sandbox.guest.messages import Described, Failed, Shown
from course_grading.seen import Seen, SeenFunction
from course_grading.verdicts import ENDED
from course_utils.checks.exercise import Exercise

HELPERS = "course_utils.shapes"
"""The module of the package that answers may use without being flagged."""

LONGEST = 200


def flags(known: Released, exercises: Mapping[str, Exercise], seen: Seen) -> tuple[str, ...]:
    """A line for each thing to look at.

    Args:
        known: The released notebook.
        exercises: The lab's exercises by name.
        seen: What the submission showed.
    """
    return (*seen.plan.flags, *_of_cells(seen), *_of_answers(known, exercises, seen))


def _of_cells(seen: Seen) -> Iterator[str]:
    for name, cell in seen.cells.items():
        if cell.ending:
            yield f"cell {name} {ENDED[cell.ending]}"
        elif cell.out_of_time:
            yield f"cell {name} did not end in time"
    left_out = sum(not cell.reached for cell in seen.cells.values())
    if left_out:
        yield f"{left_out} cells did not run: too many restarts, or no time left"
    if seen.tampered:
        yield "kernel tampered: a canary of the grader came back changed"


def _of_answers(known: Released, exercises: Mapping[str, Exercise], seen: Seen) -> Iterator[str]:
    for name, exercise in exercises.items():
        function = seen.functions.get(name)
        if function:
            yield from (f"answer of {exercise.number} {what}" for what in _of_function(function))
        used = taken(known, seen.said, name, function.cell if function else "")
        if used:
            yield f"answer of {exercise.number} uses the package's own {', '.join(used)[:LONGEST]}"


def _of_function(function: SeenFunction) -> Iterator[str]:
    if function.late:
        yield function.late.value
    elif function.ending:
        yield ENDED[function.ending]
    elif not function.right and function.replies and _misses_a_name(function.replies[-1]):
        yield "raised a NameError: released cells that draw or train do not run here"


def _misses_a_name(reply: Shown) -> bool:
    return isinstance(reply, Failed) and reply.error is not None and reply.error.kind == "NameError"


def taken(known: Released, said: Mapping[str, Described | None], exercise: str, cell: str) -> list[str]:
    """What an answer takes from the package, such as ["simulators.euler_step"]; helpers for shapes do not count.

    Args:
        known: The released notebook.
        said: By cell id, what the sources say.
        exercise: Name of the function.
        cell: Id of the cell that defines it.
    """
    described = [one for one in said.values() if one]
    aliases = {k: v for setup in known.setup for k, v in syntax.describe(setup.source).aliases.items()}
    for one in described:
        aliases |= {k: v for k, v in one.aliases.items() if k != v.split(".")[0]}
    aliases = syntax.flat(aliases)
    own = said.get(cell) or Described()
    full = sorted({syntax.resolve(name, aliases) for name in _used(described, own, exercise)})
    inner = [name for name in full if name.startswith("course_utils.") and not name.startswith(HELPERS)]
    pairs = zip(inner, [*inner[1:], ""], strict=False)
    longest = [name for name, after in pairs if not after.startswith(f"{name}.")]
    return [name.removeprefix("course_utils.") for name in longest]


def _used(described: list[Described], own: Described, exercise: str) -> set[str]:
    """Names that an answer uses, its own helpers' included; of one that is defined nowhere, what a star imported."""
    everywhere = {name: used for one in described for name, used in one.uses.items()}
    todo = list(own.uses.get(exercise, everywhere.get("*", [])))
    found = set()
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += everywhere.pop(name.split(".")[0], [])  # each but once
    return found
