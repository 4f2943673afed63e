"""What the knobs of Lab 7's best model of names do: steps, orders, temperature, correctors, gaps, and its likelihood.

A row's number is the distance of three letters in a row from as many held-out names (2,500), unless it says otherwise.
"""

import math
import re
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from benchmarks import names as made
from benchmarks.rows import Row, alone
from course_utils import chains, data, likelihood, metrics, words

N, SEED = 2500, 11
STEPS = (1, 2, 3, 4, 6, 10, 20)
TEMPERATURES = (0.5, 0.7, 0.85, 1.0, 1.15)
CORRECTIONS = {1: (4, 9, 19), 2: (3, 8, 18), 3: (2, 7, 17), 5: (5, 15), 10: (10,), 20: (10,)}
"""After so many parallel steps: together a few numbers of evaluations, at which more steps are compared."""
PATTERNS = ("_A_SON", "___OWSKI", "_E_E_", "O_____", "SCH____ER", "____INI", "M__RI_A")


def best(quick: bool) -> nn.Module:
    return made.trained(*made.BEST, 0, quick)[0]


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(SEED)


def in_steps(model: nn.Module, steps: int, sigma: float = 0.0) -> Tensor:
    """Names by steps on an even grid; sigma: letters that become masks again, as far as a step allows it."""

    def step(post: Tensor, x: Tensor, t: Tensor, t_next: Tensor) -> Tensor:
        allowed = ((1 - t_next) / t).item() if t > 0 else 1.0
        return words.unmask_law(post, x, t, t_next, min(sigma, allowed))

    ts = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    return words.generate_words(model, made.PATH, (N, made.LENGTH), ts, step=step, generator=generator()).end


def in_equal_counts(model: nn.Module, steps: int) -> Tensor:
    """Names by steps that reveal equally many letters each, in random order."""
    noise = generator()
    x = made.PATH.start((N, made.LENGTH))
    turn = torch.rand(x.shape, generator=noise).argsort(1).argsort(1) * steps // made.LENGTH
    for k in range(steps):
        with torch.no_grad():
            post = words.letter_posterior(model, made.PATH, x, k / steps)
        drawn = chains.categorical(post, torch.rand(x.shape, generator=noise, dtype=torch.float64))
        x = torch.where(turn == k, drawn, x)
    return x


def row(what: str, x: Tensor) -> Row:
    return alone("name_knobs", f"{what}: {made.told(x)}", made.report(x).triples, "")


def step_rows(model: nn.Module) -> Iterator[Row]:
    """Parallel steps, by coins and by counts, and one letter an evaluation in three orders."""
    for n in (2, 3):
        floor = metrics.ngram_distance(made.census().train[:N], made.census().held_out[:N], n)
        yield alone("name_knobs", f"floor of {n} letters in a row at {N:,} names", floor, "")
    for steps in STEPS:
        yield row(f"coins, {steps} steps", in_steps(model, steps))
    for steps in (1, 2, 3, 5, 10):
        yield row(f"equal counts, {steps} steps", in_equal_counts(model, steps))
    for order in words.ORDERS:
        yield row(f"one letter each, {order}", made.made_by(model, N, SEED, order=order))


def temperature_rows(model: nn.Module) -> Iterator[Row]:
    for temperature in TEMPERATURES:
        yield row(f"one letter each, temperature {temperature}", made.made_by(model, N, SEED, temperature=temperature))


def corrector_rows(model: nn.Module) -> Iterator[Row]:
    """Finished names whose letters are drawn anew one by one, and steps that mask letters again, beside more steps."""
    for steps, corrections in CORRECTIONS.items():
        start = in_steps(model, steps)
        for more in corrections:
            x = words.correct(model, made.PATH, start, more, generator=generator())
            yield row(f"{steps} steps and {more} corrections, {steps + more} evaluations", x)
    for steps, sigma in ((10, 0.1), (20, 0.1), (20, 0.3), (50, 0.0), (50, 0.1), (50, 0.3)):
        yield row(f"{steps} steps, sigma {sigma}", in_steps(model, steps, sigma))
    letters = made.made_by(model, N, SEED)
    for more in (10, 30):
        x = words.correct(model, made.PATH, letters, more, generator=generator())
        yield row(f"one letter each and {more} corrections, {10 + more} evaluations", x)


def gap_rows(model: nn.Module, n: int = 300) -> Iterator[Row]:
    """Patterns filled, each 300 times: shares of real names."""
    known, new = set(data.decode(made.census().train)), set(data.decode(made.census().held_out))
    for pattern in PATTERNS:
        x = data.encode([pattern]).expand(n, -1)
        noise = torch.Generator().manual_seed(5)
        filled = data.decode(words.reveal(model, made.PATH, x, generator=noise))
        fits = re.compile(pattern.replace("_", "[A-Z]"))
        there = [sum(fits.fullmatch(name) is not None for name in names) for names in (known | new, new)]
        real, unseen = (sum(name in names for name in filled) / n for names in (known | new, new))
        some = ", ".join(sorted(set(filled) & new)[:4])
        counts = f"{len(set(filled))} different ones; {there[0]} names fit, {there[1]} of them held out"
        yield alone("name_knobs", f"{pattern}: real {real:.1%}, never seen {unseen:.1%} ({some}); {counts}", real, "")


def likelihood_rows(model: nn.Module) -> Iterator[Row]:
    """Exact probabilities of 200 held-out names, and the bound."""
    x = made.census().held_out[:200]
    exact, bound = (-value / math.log(2) for value in likelihood.subset_likelihood(model, x))
    random = -likelihood.masked_bound(model, x, samples=32, generator=generator()).double() / math.log(2)
    left = -likelihood.ordered_likelihood(model, x) / math.log(2)
    letters = (x != 0).sum(1).add(1).clamp(max=made.LENGTH).sum()
    gap = bound - exact
    for what, value in {
        "exact": exact.mean(),
        "bound": bound.mean(),
        "bound by 32 random masks": random.mean(),
        "left to right": left.mean(),
        f"bound less exact (from {gap.min():.4f} to {gap.max():.4f})": gap.mean(),
        "exact, a letter": exact.sum() / letters,
    }.items():
        yield alone("name_knobs", f"200 held-out names, {what}", value.item(), "bits")


def name_knobs(quick: bool) -> Iterator[Row]:
    """All of them, for base 2 + network."""
    model = best(quick)
    for rows in (step_rows, temperature_rows, corrector_rows, gap_rows, likelihood_rows):
        yield from rows(model)
