"""Lab 7's models of family names, judged by bits, letter statistics, copies and names that are real and new."""

import time
from functools import cache
from typing import NamedTuple

import torch
from torch import nn

from course_utils import data, losses, networks, training, words

LETTERS, LENGTH = len(data.LETTERS), 10
BATCH = 512
RECIPE = training.Recipe(average=0.07)


class Made(NamedTuple):
    """A model, and the CPU-seconds that it took."""

    model: nn.Module
    seconds: float


@cache
def names() -> data.Names:
    return data.names()


def chain(order: int) -> Made:
    """The base alone: letters counted."""
    train = names().train
    start = time.process_time()
    return Made(words.LetterChain.fit(train, order, LETTERS), time.process_time() - start)


def network(steps: int, seed: int, base: nn.Module | None = None) -> Made:
    """A network for masks, on a base or alone."""
    torch.manual_seed(seed)
    net = networks.LetterMLP(LETTERS, LENGTH)
    model = net if base is None else networks.LogitSum(base, net)
    noise = torch.Generator().manual_seed(seed + 7)
    batches = data.batches(names().train, batch_size=BATCH, generator=torch.Generator().manual_seed(seed))
    start = time.process_time()
    training.fit(
        model,
        lambda m, z: losses.counted_masked_loss(m, z, generator=noise),
        batches,
        steps=steps,
        lr=3e-3,
        recipe=RECIPE,
        progress=False,
    )
    return Made(model, time.process_time() - start)
