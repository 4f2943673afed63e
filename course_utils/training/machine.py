"""How much may be computed, and on what."""

import os
from typing import Any

import torch

__all__ = ["announce_budget", "best_device", "budget"]


def budget(full: Any, small: Any) -> Any:
    """`full`, or `small` where the environment variable COURSE_BUDGET is "small": a lab's trial run, in seconds.

    Raises:
        ValueError: If COURSE_BUDGET is set to anything else than "full" or "small".

    Example:
        >>> training.budget(full=1000, small=10) in (1000, 10)
        True
    """
    name = os.environ.get("COURSE_BUDGET", "full")
    if name not in ("full", "small"):
        raise ValueError(f'expected COURSE_BUDGET to be "full" or "small", got {name!r}')
    return full if name == "full" else small


def announce_budget() -> None:
    """Say, in a trial run (see `budget`), that the text of a lab speaks of another run; else say nothing.

    Example:
        >>> training.announce_budget()
    """
    if budget(full=False, small=True):
        print(
            "COURSE_BUDGET=small: a trial run in seconds. The figures and numbers in the text are those of a full run."
        )


def best_device() -> torch.device:
    """A GPU or Apple's GPU where there is one, else the processor.

    Example:
        >>> training.best_device().type in ("cuda", "mps", "cpu")
        True
    """
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
