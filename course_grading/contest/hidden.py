"""What nobody may know before the contest is over: the seeds of the judge's noise, and a second judge."""

import secrets
from pathlib import Path

from msgspec import Struct

from course_grading.model import from_json, to_json
from course_grading.rights import keep
from course_utils.classifier import train_classifier
from course_utils.data import Digits
from course_utils.networks import Classifier
from course_utils.weights import load_weights, save_weights

__all__ = ["Hidden", "hidden", "place_of", "second_judge"]

SECOND_STEPS = 1000
"""Steps of the second judge's training: it need not see better than the first one, but other things."""
MOST = 2**31


class Hidden(Struct, frozen=True, forbid_unknown_fields=True):
    """Seeds: of the noise of the judge, of that which an entry sees, and of the second judge's training."""

    seeds: tuple[int, int, int]
    shown: int
    second: int


def place_of(folder: Path) -> Path:
    """The contest's folder in that of the class; it is the instructor's alone."""
    return folder / "contest"


def hidden(folder: Path) -> Hidden:
    """The seeds of a class's contest, drawn when they are first asked for: delete the file, and others are drawn.

    Args:
        folder: The class's folder.

    Raises:
        ValueError: If the file is damaged.
    """
    file = place_of(folder) / "hidden.json"
    if file.is_file():
        return from_json(file.read_bytes(), Hidden)
    first, second, third, shown, judge = (secrets.randbelow(MOST) for _ in range(5))
    drawn = Hidden((first, second, third), shown, judge)
    keep(folder, file, to_json(drawn))
    return drawn


def second_judge(folder: Path, train: Digits, seed: int, steps: int = SECOND_STEPS) -> Classifier:
    """A classifier like the course's, trained with another seed when it is first asked for (half a minute).

    Args:
        folder: The class's folder.
        train: Digits to train on.
        seed: Of its training.
        steps: Of its training.
    """
    file = place_of(folder) / "second.safetensors"
    classifier = Classifier()
    if not file.is_file():
        save_weights(train_classifier(train.images, train.labels, steps=steps, seed=seed, progress=False), file)
    load_weights(classifier, file)
    return classifier.eval()
