"""Companion package of the course: diffusion and flow matching from Brownian motion to generated digits.

Conventions, everywhere: noise at t = 0, data at t = 1; `alpha`, `beta` for the probability path,
`sigma` for the diffusion coefficient; states have shape (batch, *event), times () or (batch,).

Modules are loaded when they are first used: `from course_utils import processes, simulators`, or
`import course_utils` and then `course_utils.simulators`.
"""

import importlib
from types import ModuleType

__version__ = "0.4.0"

__all__ = [
    "shapes",
    "manifolds",
    "distributions",
    "worlds",
    "schedules",
    "processes",
    "chains",
    "simulators",
    "paths",
    "words",
    "losses",
    "networks",
    "guidance",
    "steering",
    "latents",
    "storage",
    "weights",
    "training",
    "likelihood",
    "metrics",
    "classifier",
    "data",
    "digits",
    "contest",
    "plotting",
    "figures",
    "widgets",
    "checking",
    "progress",
    "notebooks",
    "checks",
    "commands",
]  # in this order they build on each other: each imports only modules before it (checks may import all)


def __getattr__(name: str) -> ModuleType:
    """Load a module of the package on its first use."""
    if name not in __all__:
        raise AttributeError(f"module 'course_utils' has no attribute {name!r}; it has {', '.join(__all__)}")
    return importlib.import_module(f"course_utils.{name}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
