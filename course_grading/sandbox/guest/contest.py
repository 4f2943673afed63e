"""Follows the orders of the contest: runs an entry and notes what it does, or does what was noted.

Never both in one process: what an entry leaves behind may say what it likes of itself, and is judged by what it says.
"""

from collections.abc import Callable
from pathlib import Path

import torch

from course_utils.contest import trial
from course_utils.contest.entries import Entry, record_entry, train_entry

from .contesting import Draw, Drawn, Enter, Entered, Refused, Train, Trained
from .envelopes import Message
from .messages import printable
from .shell import OutOfTime, at_most

FOLDER = Path("/tmp/entry")
LONGEST = 500


def follow(order: Enter | Draw | Train) -> Message:
    """The reply to an order of the contest."""
    torch.set_num_threads(1)
    acts: dict[type, Callable] = {Enter: enter, Draw: draw, Train: train}
    try:
        with at_most(order.seconds):
            return acts[type(order)](order)
    except OutOfTime:
        return Refused(f"expected an answer within {order.seconds:g} seconds, got none")
    except BaseException as error:
        said = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        return Refused(printable(said)[:LONGEST])


def enter(order: Enter) -> Entered:
    """Run an entry."""
    FOLDER.mkdir(exist_ok=True)
    recorded = record_entry(Entry(order.name, order.source, order.weights), FOLDER, order.seed)
    images = recorded.images.numpy().tobytes()
    return Entered(recorded.program, images, recorded.seed, float(recorded.evaluations))


def draw(order: Draw) -> Drawn:
    """Do what an entry was said to do."""
    drawn = trial.draw(order.program, order.weights, order.seed, order.n)
    return Drawn(drawn.images.numpy().tobytes(), float(drawn.work), float(drawn.milliseconds))


def train(order: Train) -> Trained:
    """Run the training of an entry."""
    FOLDER.mkdir(exist_ok=True)
    return Trained(*train_entry(Entry(order.name, order.source), FOLDER, order.seed))
