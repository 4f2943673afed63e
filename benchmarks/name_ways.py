"""Other ways to names: uniform noise instead of masks, and labels with guidance."""

import time
from collections.abc import Iterator
from functools import cache

import torch
from torch import Tensor, nn

from benchmarks import names as made
from benchmarks.ngrams import WittenBell
from benchmarks.rows import Row, alone
from course_utils import data, guidance, losses, metrics, networks, training, words

UNIFORM_STEPS = 4800
LABEL_STEPS = 1500
GRIDS = (8, 16, 32, 64, 128, 256)
SCALES = (0.0, 1.0, 1.5, 2.0, 3.0)
KINDS = ("family", "women", "men")
COPIES = (1, 5, 18)
"""How often a name of each kind stands in the list that is trained on, so that there are about as many of each."""


def uniform_network(own_letter: bool, seed: int, quick: bool) -> tuple[nn.Module, float]:
    """A network of the uniform path, with or without its own letter by formula, and the CPU-seconds of its training."""
    path = words.UniformPath(made.LETTERS)
    torch.manual_seed(seed)
    net = networks.LetterMLP(made.LETTERS, made.LENGTH, time=True)
    model = networks.OwnLetter(net) if own_letter else net
    noise = torch.Generator().manual_seed(seed + 7)
    batches = data.batches(made.census().train, batch_size=made.BATCH, generator=torch.Generator().manual_seed(seed))

    def loss(model: nn.Module, z: Tensor) -> Tensor:
        return losses.letter_loss(model, z, path=path, generator=noise)

    steps = UNIFORM_STEPS // (20 if quick else 1)
    start = time.process_time()
    training.fit(model, loss, batches, steps=steps, lr=3e-3, recipe=made.RECIPE, progress=False)
    return model, time.process_time() - start


def name_uniform(quick: bool) -> Iterator[Row]:
    """Names by the uniform path: three letters in a row, distance at several numbers of steps."""
    path, n = words.UniformPath(made.LETTERS), 2500
    for own_letter in (False, True):
        model, seconds = uniform_network(own_letter, 0, quick)
        kind = "own letter by formula" if own_letter else "plain"
        for steps in GRIDS:
            ts = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
            noise = torch.Generator().manual_seed(11)
            x = words.generate_words(model, path, (n, made.LENGTH), ts, generator=noise, save_every=steps).end
            what = f"uniform path, {kind}, {seconds:.0f} CPU-s, {steps} steps: {made.told(x)}"
            yield alone("name_uniform", what, made.report(x).triples, "")


@cache
def first_names() -> tuple[tuple[Tensor, Tensor], ...]:
    """First names of women and of men, to learn from (four of five) and held out."""
    kinds = made.census().women, made.census().men
    return tuple((z[: len(z) * 4 // 5], z[len(z) * 4 // 5 :]) for z in kinds)


def labelled_network(seed: int, quick: bool) -> tuple[nn.Module, float]:
    """A network for masks that knows family names, women's and men's first names by a label."""
    parts = made.census().train, *(train for train, _ in first_names())
    z = torch.cat([part.repeat(copies, 1) for part, copies in zip(parts, COPIES, strict=True)])
    lengths = [len(part) * copies for part, copies in zip(parts, COPIES, strict=True)]
    y = torch.arange(len(KINDS)).repeat_interleave(torch.tensor(lengths))
    torch.manual_seed(seed)
    model = networks.LetterMLP(made.LETTERS, made.LENGTH, num_classes=len(KINDS))
    noise = torch.Generator().manual_seed(seed + 7)
    batches = data.batches(z, y, batch_size=made.BATCH, generator=torch.Generator().manual_seed(seed))

    def loss(model: nn.Module, z: Tensor, y: Tensor) -> Tensor:
        y = losses.drop_labels(y, 0.1, null=len(KINDS), generator=noise)
        return losses.counted_masked_loss(model, z, y, generator=noise)

    steps = LABEL_STEPS // (10 if quick else 1)
    start = time.process_time()
    training.fit(model, loss, batches, steps=steps, lr=2e-3, recipe=made.RECIPE, progress=False)
    return model, time.process_time() - start


class NameJudge:
    """Which of two 4-grams, one a kind, takes a name for more likely."""

    def __init__(self):
        self.models = [WittenBell(data.decode(train), 4, made.LENGTH) for train, _ in first_names()]

    def share(self, x: Tensor, kind: int) -> float:
        """Of the names that this kind's model prefers; a name with a blank inside counts for none."""
        whole = [name for name in data.decode(x) if name and "·" not in name]
        own, other = self.models[kind], self.models[1 - kind]
        return sum(own.word_log_prob(name) > other.word_log_prob(name) for name in whole) / len(x)


def name_labels(quick: bool) -> Iterator[Row]:
    """Women's and men's names under guidance: share that the judge calls so."""
    model, seconds = labelled_network(0, quick)
    judge, n = NameJudge(), 1000
    for kind, name in enumerate(KINDS[1:]):
        train, held_out = first_names()[kind]
        yield alone("name_labels", f"judge: {name}, held out", judge.share(held_out, kind), "")
        for scale in SCALES:
            guided = guidance.classifier_free(model, torch.full((n,), kind + 1), scale)
            x = made.made_by(guided, n, 3)
            real, copied = metrics.share_among(x, held_out), metrics.share_among(x, train)
            told = f"new and real {real:.1%}, copies {copied:.1%}, distinct {metrics.distinct(x):.1%}"
            what = f"{name}, w = {scale:g}, {seconds:.0f} CPU-s: called so, {told}"
            yield alone("name_labels", what, judge.share(x, kind), "")
