"""A training that ends in a file: planned, stopped and resumed, judged; what is finished is never lost."""

import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

from course_utils import data
from course_utils.digits.files import default_file, save
from course_utils.digits.judgement import judge
from course_utils.digits.plan import Plan
from course_utils.digits.training import steps_within, train
from course_utils.storage import beside, check_writable, write_file
from course_utils.training import Checkpoint
from course_utils.weights import read_words

__all__ = ["prepare", "standing", "train_to_file"]

LATENT_STEPS = 1300
"""Of a training in latent space, if no length is asked for."""


def prepare(
    path: Path,
    *,
    minutes: float | None = None,
    source: str = "auto",
    seed: int = 0,
    devices: int = 1,
    latent: bool = False,
    resume: bool,
) -> Plan:
    """The plan of a training, written beside `path`; or the one found there, to resume it.

    Args:
        path: The file that the training will write.
        minutes: Length of the training; by default that of Lab 4, about a minute on two cores.
        source: "full", "offline" or "auto", as for `data.mnist`.
        seed: Of everything random.
        devices: Number of processes.
        latent: Whether Lab 6's generator is meant, in latent space, and not Lab 4's.
        resume: Whether to go on with a training that was stopped; the plan is that one's.

    Raises:
        ValueError: If the file cannot be written, a number is out of its range, there is nothing to resume, or a
            finished training would be lost.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     digits.prepare(Path(folder, "mine.safetensors"), source="offline", seed=3, resume=False)
        Plan(source='offline', seed=3, steps=800, devices=1, latent=False)
    """
    check_writable(path)
    planned = _planned(path)
    if resume:
        if planned is None:
            raise ValueError(f"there is no training to resume at {path}: leave --resume out")
        return planned
    Plan("offline", seed, devices=devices)  # the numbers are checked before the digits are looked for
    if planned and _is_trained(path, planned):
        notes = beside(path, ".plan.json")
        raise ValueError(f"{standing(path)}; to train another one instead, delete {notes}")
    source = data.mnist("train", source).source.split()[0]
    usual = LATENT_STEPS if latent else Plan.steps
    steps = usual if minutes is None else steps_within(minutes, source, latent)
    plan = Plan(source, seed, steps, devices, latent)
    _forget(path)
    write_file(beside(path, ".plan.json"), json.dumps(asdict(plan)))
    return plan


def train_to_file(plan: Plan, path: Path, *, resume: bool = False, fabric: Any = None) -> dict[str, Any] | None:
    """Train, save, judge, and save what was found. Interrupted, it saves what there is, and can be resumed.

    Args:
        plan: Of `prepare`.
        path: The file to write; while it trains, its state lies beside it.
        resume: Whether to go on where the training, or its judgement, was stopped.
        fabric: For several devices or machines; see `training.fit`.

    Returns:
        The card; None in all processes but the first.

    Example:
        >>> path = digits.default_file()
        >>> card = digits.train_to_file(digits.prepare(path, minutes=4, resume=False), path)  # doctest: +SKIP
    """
    saving = Checkpoint(beside(path, ".checkpoint"), every=100, resume=resume)
    model, history = train(plan, checkpoint=saving, fabric=fabric)
    if fabric and not fabric.is_global_zero:
        return None
    card: dict[str, Any] = {
        "plan": asdict(plan),
        "command": f"digits.train(digits.{plan})",
        "data": data.mnist("train", plan.source).name,
        "steps": history.steps,
        "seconds": round(history.seconds, 1),
        "found": None,
    }
    save(model, path, card)
    card["found"] = judge(model, data.mnist("test", plan.source))
    save(model, path, card)
    if history.steps == plan.steps:
        _forget(path)
    return card


def standing(path: Path) -> str:
    """How a training that was stopped stands, and what goes on with it: a sentence for whoever stopped it.

    Example:
        >>> from pathlib import Path
        >>> digits.standing(Path("nothing.safetensors"))
        'no training was begun'
    """
    plan = _planned(path)
    if plan is None:
        return "no training was begun"
    command = f"`python course.py train --resume{_named(path)}`"
    if _is_trained(path, plan):
        return f"the training of {plan.steps:,} steps is finished and kept in {path}; {command} judges it"
    if _checkpoints(path):
        return f"{command} goes on with the training where it was last saved"
    return f"nothing is saved yet; {command} begins the same training again"


def _named(path: Path) -> str:
    """What names the file on the command line."""
    if path == default_file():
        return ""
    return " --latent" if path == default_file(latent=True) else f" --out {shlex.quote(str(path))}"


def _planned(path: Path) -> Plan | None:
    """The plan of an unfinished training, None if there is none."""
    notes = beside(path, ".plan.json")
    if not notes.exists():
        return None
    try:
        return Plan(**json.loads(notes.read_text("utf-8")))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{notes} is not the plan of a training ({error}): delete it and begin anew") from error


def _is_trained(path: Path, plan: Plan) -> bool:
    """Whether all steps of the plan are done and the model is saved, but not judged."""
    if not path.is_file():
        return False
    card = json.loads(read_words(path).get("card", "{}"))
    return card.get("plan") == asdict(plan) and card["steps"] == plan.steps and card["found"] is None


def _checkpoints(path: Path) -> list[Path]:
    """The state of an unfinished training; of several processes, each has its own."""
    name = beside(path, ".checkpoint").name
    if not path.parent.is_dir():
        return []
    return [file for file in path.parent.iterdir() if file.name == name or file.name.startswith(f"{name}.")]


def _forget(path: Path) -> None:
    """Delete what an unfinished training left beside `path`."""
    for left in [beside(path, ".plan.json"), *_checkpoints(path)]:
        left.unlink(missing_ok=True)
