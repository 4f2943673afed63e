"""Checks of the exercises, a folder a lab and a file an exercise: `checks.lab1.euler(my_euler)`.

Each exercise (an `Exercise`) is an independent oracle, how its inputs are drawn, and the mistakes that are
recognised. The check in the notebook, the tests and the grader are all made from it. A lab is imported when it is used.
"""

import importlib
import importlib.util
import pkgutil
import sys
from pathlib import Path
from types import ModuleType

from course_utils import notebooks
from course_utils import progress as store
from course_utils.checks.exercise import CheckFailed, Exercise, Mistake, Verdict
from course_utils.checks.handing_in import hand_in
from course_utils.checks.hunts import Hunts
from course_utils.checks.saved import saved_answer

LABS = sorted(
    (module.name for module in pkgutil.iter_modules(__path__) if module.name.startswith("lab")),
    key=lambda name: (len(name), name),  # Lab 10 comes after Lab 9
)

__all__ = [
    "CheckFailed",
    "Exercise",
    "Mistake",
    "Verdict",
    "exercises",
    "progress",
    "saved_answer",
    "sources",
    "start",
    *LABS,
]


class _Checks(ModuleType):
    """This package: a lab that is imported, in whatever way, gets what all labs have: `hand_in` and `bug_hunt`."""

    def __setattr__(self, name: str, value: object) -> None:
        if name in LABS and isinstance(value, ModuleType):
            vars(value)["hand_in"] = lambda *, file=None: hand_in(name, exercises(name).values(), file=file)
            vars(value).setdefault("bug_hunt", _hunts(value.__name__))
        super().__setattr__(name, value)


def _hunts(lab: str) -> Hunts:
    """The bug hunts of a lab's module; none where they are not written yet."""
    written = importlib.util.find_spec(f"{lab}.hunts")
    return importlib.import_module(f"{lab}.hunts").bug_hunt if written else Hunts()


sys.modules[__name__].__class__ = _Checks


def __getattr__(name: str) -> ModuleType:
    if name not in LABS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    return __all__


def exercises(lab: str) -> dict[str, Exercise]:
    """The exercises of a lab by the name of their function, in the order of their numbers.

    Args:
        lab: Such as "lab1".

    Raises:
        ValueError: If there are no checks of this lab.
    """
    _known(lab)
    found = {e for e in vars(importlib.import_module(f"{__name__}.{lab}")).values() if isinstance(e, Exercise)}
    return {e.name: e for e in sorted(found, key=lambda e: [int(part) for part in e.number.split(".")])}


def progress() -> None:
    """Print how all exercises stand, lab by lab: right, wrong at the last try, not tried."""
    print(
        store.report(
            {_title(lab): {e.key: f"{e.number} {e.title}" for e in exercises(lab).values()} for lab in LABS},
            store.recall(),
        )
    )


def start() -> notebooks.Map:
    """A map of all labs: their times, what each needs, which exercises are right, and where to go on."""
    return notebooks.map_of(notebooks.all_labs(notebooks.course_folder()), store.recall())


def _title(lab: str) -> str:
    """Such as "Lab 1: simulating ODEs and SDEs"."""
    return str(importlib.import_module(f"{__name__}.{lab}").__doc__).split(".")[0]


def sources(lab: str) -> list[Path]:
    """The files that the judgement of a lab depends on: its own folder and what all labs share, no other lab's.

    Args:
        lab: Such as "lab1".

    Raises:
        ValueError: If there are no checks of this lab.
    """
    _known(lab)
    here = Path(__file__).parent
    return [*sorted(here.glob("*.py")), *sorted((here / lab).glob("*.py"))]


def _known(lab: str) -> None:
    if lab not in LABS:
        raise ValueError(f"expected one of {', '.join(LABS)}, got {lab!r}")
