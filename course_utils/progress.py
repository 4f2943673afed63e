"""What a student has done: how the last check of every exercise went, remembered in a folder of the student's own.

The file has a line for each change. So two notebooks that are open at once lose nothing of each other, and what a crash
leaves half-written is one line. Nothing is sent anywhere.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from course_utils.storage import folder_from

__all__ = ["Result", "file", "in_words", "recall", "remember", "report"]

VERSION = 1
_said: set[str] = set()


class Result(NamedTuple):
    """How an exercise stands.

    Attributes:
        right: Whether a check found an answer right once.
        last: Whether the last one did.

    Example:
        >>> progress.Result(right=True, last=False)
        Result(right=True, last=False)
    """

    right: bool
    last: bool


class _Newer(ValueError):
    """A file of a later version of the course."""


def file() -> Path:
    """`progress.jsonl` in the folder that the variable COURSE_HOME names, else in the user's own data folder.

    Example:
        >>> progress.file().name
        'progress.jsonl'
    """
    import platformdirs

    return (folder_from("COURSE_HOME") or platformdirs.user_data_path("course_utils")) / "progress.jsonl"


def remember(exercise: str, right: bool) -> None:
    """Keep how a check went. Where that cannot be, a line says why, once; no check fails for it.

    Args:
        exercise: Such as "lab1.euler".
        right: Whether the answer was right.

    Example:
        >>> progress.remember("lab1.euler", right=True)
        >>> progress.recall()["lab1.euler"]
        Result(right=True, last=True)
    """
    path = file()
    try:
        known = _read(path)
        if exercise in known and known[exercise].last == right:
            return
        entry = {"version": VERSION, "exercise": exercise, "right": bool(right)}
        _append(path, [entry | {"at": datetime.now().isoformat(timespec="seconds")}])
    except (OSError, _Newer) as error:
        _say(f"this result is not remembered: {getattr(error, 'strerror', None) or error} ({path})")


def recall() -> dict[str, Result]:
    """How every exercise stands that was ever checked, by a name such as "lab1.euler"; nothing where none can be read.

    Example:
        >>> isinstance(progress.recall(), dict)
        True
    """
    path = file()
    try:
        return _read(path)
    except (OSError, _Newer) as error:
        _say(f"what was done cannot be read: {getattr(error, 'strerror', None) or error} ({path})")
        return {}


def report(labs: Mapping[str, Mapping[str, str]], results: Mapping[str, Result]) -> str:
    """How all exercises stand, in lines: a bar for each lab, then its exercises.

    Args:
        labs: By the title of a lab, the titles of its exercises by their names.
        results: As `recall` gives them.

    Example:
        >>> labs = {"Lab 1": {"lab1.euler": "1.1 Euler", "lab1.heun_step": "1.2 Heun step"}}
        >>> print(progress.report(labs, {"lab1.euler": progress.Result(True, True)}))
        Lab 1  ██████████░░░░░░░░░░  1 of 2
          1.1 Euler       right
          1.2 Heun step   not tried
    """
    names = max((len(title) for title in labs), default=0)
    titles = max((len(title) for exercises in labs.values() for title in exercises.values()), default=0)
    lines = []
    for lab, exercises in labs.items():
        done = sum(name in results and results[name].right for name in exercises)
        full = 20 * done // max(len(exercises), 1)
        lines.append(f"{lab:<{names}}  {'█' * full}{'░' * (20 - full)}  {done} of {len(exercises)}")
        lines += [f"  {title:<{titles}}   {in_words(results.get(name))}" for name, title in exercises.items()]
    return "\n".join(lines)


def in_words(result: Result | None) -> str:
    """How an exercise stands.

    Args:
        result: What is remembered of it; None if nothing is.

    Example:
        >>> progress.in_words(progress.Result(right=True, last=False))
        'right before, wrong at the last try'
    """
    if result is None:
        return "not tried"
    if result.last:
        return "right"
    return "right before, wrong at the last try" if result.right else "wrong at the last try"


def _append(path: Path, entries: list[dict]) -> None:
    """Add lines at the end, in one writing: another notebook may be adding its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as lines:
        lines.write("".join(json.dumps(entry) + "\n" for entry in entries))


def _read(path: Path) -> dict[str, Result]:
    """The results in the file. One that is broken or of something else is set aside, and what is good in it is kept.

    Raises:
        OSError: If it cannot be read.
        _Newer: If it was written by a later version.
    """
    if not path.exists():
        return {}
    entries = [_parsed(line) for line in path.read_bytes().decode("utf-8", "replace").splitlines()]
    newest = max((entry["version"] for entry in entries if isinstance(entry.get("version"), int)), default=VERSION)
    if newest > VERSION:
        raise _Newer(f"it was written by a newer version of the course ({newest}; this one reads {VERSION})")
    good = [entry for entry in entries if _is_result(entry)]
    if len(good) < len(entries):
        _set_aside(path, good)
    results: dict[str, Result] = {}
    for entry in good:
        before = results.get(entry["exercise"], Result(False, False))
        results[entry["exercise"]] = Result(before.right or entry["right"], entry["right"])
    return results


def _parsed(line: str) -> dict:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return entry if isinstance(entry, dict) else {}


def _is_result(entry: dict) -> bool:
    return "version" in entry and isinstance(entry.get("exercise"), str) and isinstance(entry.get("right"), bool)


def _set_aside(path: Path, good: list[dict]) -> None:
    """Put the file beside its place, and what is good of it there anew."""
    number = 1
    while (aside := path.with_name(f"progress.broken-{number}.jsonl")).exists():
        number += 1
    path.replace(aside)
    _append(path, good)
    _say(f"{path} could not be read whole; it is kept as {aside.name}, and {len(good)} results of it go on")


def _say(words: str) -> None:
    """Print a line, once."""
    if words not in _said:
        _said.add(words)
        print(f"Progress: {words}")
