"""Lab 7's models of family names, judged by bits, letter statistics, copies and names that are real and new.

Bits a name are of 8,192 held-out names; what is made is judged by 5,000 names, made one letter an evaluation in random
order. Training takes a fixed number of steps, about as many CPU-seconds as its row says on a quiet core.
"""

import math
import time
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

from benchmarks.ngrams import IndependentLetters, WittenBell
from benchmarks.rows import Row, alone
from course_utils import data, likelihood, losses, metrics, networks, training, words

LETTERS, LENGTH = len(data.LETTERS), 10
PATH = words.MaskPath(LETTERS)
BATCH = 512
RECIPE = training.Recipe(average=0.07)
STEPS = {("network", 30): 1900, ("network", 100): 6300, ("base 1 + network", 30): 1600, ("base 2 + network", 100): 3300}
"""Steps that take so many CPU-seconds."""
BEST = ("base 2 + network", 100)
MOST_BITS, MOST_TRIPLES, LEAST_DISTINCT = 24.3, 0.17, 0.97
MADE, HELD_OUT = 5000, 8192


class Bits(NamedTuple):
    """Of held-out names, a tensor each: by the bound, and from left to right."""

    bound: Tensor
    left_to_right: Tensor


@cache
def census() -> data.Names:
    return data.names()


@cache
def chain(order: int) -> words.LetterChain:
    """The base alone: letters counted."""
    return words.LetterChain.fit(census().train, order, LETTERS)


@cache
def trained(kind: str, cpu: int, seed: int, quick: bool = False) -> tuple[nn.Module, float]:
    """A network for masks, on a base or alone, and the CPU-seconds of its training."""
    steps = STEPS[kind, cpu] // (20 if quick else 1)
    torch.manual_seed(seed)
    net = networks.LetterMLP(LETTERS, LENGTH)
    model = net if kind == "network" else networks.LogitSum(chain(int(kind[5])), net)
    noise = torch.Generator().manual_seed(seed + 7)
    batches = data.batches(census().train, batch_size=BATCH, generator=torch.Generator().manual_seed(seed))

    def loss(model: nn.Module, z: Tensor) -> Tensor:
        return losses.counted_masked_loss(model, z, generator=noise)

    start = time.process_time()
    training.fit(model, loss, batches, steps=steps, lr=3e-3, recipe=RECIPE, progress=False)
    return model, time.process_time() - start


def bits_of(model: nn.Module) -> Bits:
    """Of a model for masks."""
    held_out = census().held_out[:HELD_OUT]
    bound = likelihood.masked_bound(model, held_out, samples=4, generator=torch.Generator().manual_seed(1))
    return Bits(-bound.double() / math.log(2), -likelihood.ordered_likelihood(model, held_out) / math.log(2))


def made_by(model: nn.Module, n: int, seed: int = 7, **options) -> Tensor:
    """Names of a model for masks, one letter an evaluation."""
    start = PATH.start((n, LENGTH))
    return words.reveal(model, PATH, start, generator=torch.Generator().manual_seed(seed), **options)


def report(x: Tensor) -> metrics.NameReport:
    return metrics.name_report(x, census().train, census().held_out)


def mean_and_error(values: Tensor) -> str:
    return f"{values.mean():.3f} ± {values.std() / len(values) ** 0.5:.3f}"


def told(x: Tensor) -> str:
    """What a report says beside distance, copies and distinct names, in words."""
    found = report(x)
    return (
        f"new and real {found.new_and_real:.1%}, copies {found.copies:.1%} ({found.copies_a_new_one:.1f} to a new "
        f"one), distinct {found.distinct:.1%}, length {found.length:.2f}, blanks inside {found.blanks_inside:.2%}, "
        f"pairs {found.pairs:.3f}, triples {found.triples:.3f}"
    )


def counted_rows() -> Iterator[Row]:
    """Models that only count."""
    train, held_out = data.decode(census().train), census().held_out[:HELD_OUT]
    counted = {"letters independent": IndependentLetters(census().train, LETTERS)}
    counted |= {f"{n}-gram": WittenBell(train, n, LENGTH) for n in (2, 4, 5)}
    counted |= {f"base alone, order {order}": chain(order) for order in (1, 2, 3, 4)}
    for name, model in counted.items():
        bits = -model.log_prob(held_out).double() / math.log(2)
        x = model.sample(MADE, torch.Generator().manual_seed(7))
        yield alone("names", f"{name}: {mean_and_error(bits)} bits; {told(x)}", bits.mean().item(), "bits")


def trained_rows(kind: str, cpu: int, seeds: range, quick: bool) -> Iterator[Row]:
    """Trained models; of the best one the limits are held."""
    for seed in seeds:
        model, seconds = trained(kind, cpu, seed, quick)
        bits, x = bits_of(model), made_by(model, MADE)
        what = f"{kind}, {seconds:.0f} CPU-s, seed {seed}"
        said = f"bound {mean_and_error(bits.bound)}, left to right {mean_and_error(bits.left_to_right)} bits; {told(x)}"
        limits = (MOST_BITS, MOST_TRIPLES, LEAST_DISTINCT) if (kind, cpu) == BEST else (None,) * 3
        yield alone("names", f"{what}: {said}", bits.bound.mean().item(), "bits", most=limits[0])
        if (kind, cpu) == BEST:
            found = report(x)
            yield alone("names", f"{what}: three letters in a row, distance", found.triples, "", most=limits[1])
            yield alone("names", f"{what}: distinct names", found.distinct, "", least=limits[2])


def floor_rows() -> Iterator[Row]:
    """Real names beside other real names."""
    held_out = census().held_out
    for n in (2, 3):
        among = metrics.ngram_distance(held_out[MADE : 2 * MADE], held_out[:MADE], n)
        between = metrics.ngram_distance(census().train[:MADE], held_out[:MADE], n)
        what = f"floor of {n} letters in a row: {MADE:,} held-out names beside others (beside {MADE:,} to learn from"
        yield alone("names", f"{what}: {between:.4f})", among, "")


def difference(what: str, a: Tensor, b: Tensor) -> Row:
    """Of two models on the same names."""
    return alone("names", f"{what}: {mean_and_error(a - b)}", (a - b).mean().item(), "bits")


def paired_rows(quick: bool) -> Iterator[Row]:
    """What the base and the freedom of order cost and pay, on the same held-out names."""
    held_out = census().held_out[:HELD_OUT]
    counted = -chain(2).log_prob(held_out).double() / math.log(2)
    plain, best = (bits_of(trained(*kind, 0, quick)[0]) for kind in (("network", 100), BEST))
    yield difference("base 2 + network less network, bound", best.bound, plain.bound)
    yield difference("base 2 + network less base 2, left to right", best.left_to_right, counted)
    yield difference("base 2 + network, left to right less bound", best.left_to_right, best.bound)
    yield difference("network, left to right less bound", plain.left_to_right, plain.bound)


def names(quick: bool) -> Iterator[Row]:
    """The judge's table."""
    seeds = range(1) if quick else range(3)
    yield from floor_rows()
    yield from counted_rows()
    yield from trained_rows("network", 30, range(1), quick)
    yield from trained_rows("base 1 + network", 30, range(1), quick)
    yield from trained_rows("network", 100, seeds[:2], quick)
    yield from trained_rows(*BEST, seeds, quick)
    yield from paired_rows(quick)
