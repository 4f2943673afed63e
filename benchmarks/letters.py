"""Lab 7's exact examples, and networks beside them: a toy of three letters out of five, and the board as two letters.

No figure of a sampler is one of samples: its law is a product of matrices. Networks are trained with three seeds.
"""

import math
import statistics
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

from benchmarks.plots import Plot
from benchmarks.rows import Row, alone
from course_utils import losses, networks, training, words
from course_utils.chains import (
    categorical,
    chain_law,
    entropy,
    euler_chain_law,
    gillespie,
    rate_matrix,
    total_variation,
)

MASKED, UNIFORM = words.toy_words(words.MaskPath(5)), words.toy_words(words.UniformPath(5))
RATES = torch.tensor([[0, 2, 0.5, 0], [0.5, 0, 3, 0.2], [0, 0.3, 0, 4], [1, 0, 0.2, 0]], dtype=torch.float64)
STEPS = (1, 2, 4, 8, 16, 64, 256)
TIMES = (0.05, 0.25, 0.5, 0.75, 0.95)
SIZES = {1: 300, 4: 1200, 10: 3000}
"""Training steps of about so many CPU-seconds on an idle core."""
SEEDS = (0, 1, 2)


def grid(steps: int, power: float = 1.0) -> Tensor:
    """Even for power 1; else t = 1 - (1 - u)^power, finer at the end."""
    return 1 - (1 - torch.linspace(0, 1, steps + 1, dtype=torch.float64)) ** power


def off(exact, steps: int, posterior=None, step=None, power: float = 1.0) -> float:
    """Total variation between the data and what a sampler makes, exactly."""
    law = words.sampler_law(posterior or exact.posterior, exact.path, exact.length, grid(steps, power), step)
    return total_variation(law, exact.law(1.0).flatten()).item()


# Exact


def letters(quick: bool) -> Iterator[Row | Plot]:
    """A chain of four states, the toy, the board, temperature, guidance and correctors: no network, no samples."""
    yield from chain_rows()
    yield from forward_rows()
    curves = {}
    for exact, name in ((MASKED, "masks"), (UNIFORM, "uniform letters")):
        for kind in ("euler", "exponential"):
            step = getattr(exact.path, kind)
            found = [off(exact, n, step=step) for n in STEPS]
            curves[f"{name}, {kind}"] = (list(STEPS), found)
            for n, value in zip(STEPS, found, strict=True):
                yield alone("letters", f"toy, {name}, {kind}, {n} steps", value, "TV")
    yield from mask_rows()
    alt = "; ".join(f"{name}: {', '.join(f'{v:.4f}' for v in y)} at {x}" for name, (x, y) in curves.items())
    yield Plot("letters", f"Total variation of words against steps. {alt}.", "steps", "total variation", curves)
    yield from board_rows(quick)
    yield from trap_rows()
    yield from knob_rows()
    yield from corrector_rows()


def chain_rows() -> Iterator[Row]:
    """A chain of four states: Euler's error, and exact paths."""
    Q, start = rate_matrix(RATES), torch.tensor([1, 0, 0, 0], dtype=torch.float64)
    exact = chain_law(Q, start, torch.tensor([1.0]))[0]
    for n in (5, 8, 16, 64, 256):
        p = start
        for _ in range(n):
            p = euler_chain_law(Q, p, 1 / n)
        yield alone("letters", f"chain of 4 states, Euler, {n} steps", total_variation(p, exact).item(), "TV")
    paths = gillespie(Q, torch.zeros(20_000, dtype=torch.int64), 1.0, torch.Generator().manual_seed(0))
    shares = paths.end.bincount(minlength=4) / 20_000
    yield alone("letters", "chain, 20,000 exact paths", total_variation(shares, exact).item(), "TV")
    sampling = (exact * (1 - exact) / 20_000 * 2 / math.pi).sqrt().sum().item() / 2
    yield alone("letters", "chain, of sampling alone (expected)", sampling, "TV")
    yield alone("letters", "chain, jumps of a path until t = 1", paths.jumps.double().mean().item(), "jumps")


def forward_rows() -> Iterator[Row]:
    """dp/dt = p Q on all words, by differences of fourth order."""
    for exact, name in ((MASKED, "masks"), (UNIFORM, "uniform letters")):
        x, h = words.all_words(exact.path.states, 3), 1e-3
        for t in (0.1, 0.5, 0.9):
            Q = words.word_rates(exact.path.rate(exact.posterior(x, t), x, t))
            near, far = (exact.law(t + k * h) - exact.law(t - k * h) for k in (1, 2))
            gap = ((8 * near - far) / (12 * h) - exact.law(t) @ Q).abs().max().item()
            yield alone("letters", f"toy, {name}, |dp/dt - pQ| at t = {t}", gap, "", most=1e-9)
            yield alone("letters", f"toy, {name}, fastest rate at t = {t}", -Q.diagonal().min().item(), "")


def mask_rows() -> Iterator[Row]:
    """What exponential steps leave, and one letter an evaluation."""
    masked = (words.all_words(6, 3) == 5).any(1)
    for n in STEPS:
        law = words.sampler_law(MASKED.posterior, MASKED.path, 3, grid(n), MASKED.path.exponential)
        yield alone("letters", f"toy, words with masks left by {n} exponential steps", law[masked].sum().item(), "")
    one = words.reveal_law(MASKED.posterior, MASKED.path, 3)
    yield alone("letters", "toy, one letter an evaluation, any order", total_variation(one, MASKED.q).item(), "TV",
                most=1e-15)  # fmt: skip


def board_rows(quick: bool) -> Iterator[Row]:
    """The board of Lab 2 with 128 letters (quick: 32), both grids."""
    size = 32 if quick else 128
    start = time.process_time()
    for n in (2, 4, 8, 16, 32, 64):
        uniform, masks = words.board_pairs(words.UniformPath(32)), words.board_pairs(words.MaskPath(32))
        for power, name in ((1, "even grid"), (2, "t = 1-(1-u)^2")):
            yield alone("letters", f"board 32, uniform, {name}, {n} steps", off(uniform, n, power=power), "TV")
        gap = abs(off(masks, n) - 1 / (2 * n))
        yield alone("letters", f"board 32, masks, distance from 1/(2n), {n} steps", gap, "", most=1e-15)
    yield alone("letters", "board 32, all of these", time.process_time() - start, "CPU-s")
    start = time.process_time()
    fine = off(words.board_pairs(words.UniformPath(size)), 8)
    yield alone("letters", f"board {size}, uniform, even grid, 8 steps", fine, "TV")
    yield alone("letters", f"board {size}, this one", time.process_time() - start, "CPU-s")


def trap_rows() -> Iterator[Row]:
    """What float32 does to rare letters and to sums."""
    uniforms = torch.arange(2**24, dtype=torch.float64) / 2**24  # all that torch.rand gives in float32
    for p in (1e-5, 1e-6, 1e-7, 1e-8):
        kept = (uniforms ** (1 / p)).mean().item() * (1 + p) / p
        yield alone("letters", f"float32 Gumbel noise, share that a letter of probability {p:g} keeps", kept, "")
        fine = torch.linspace(0, 2 * p, 100_001, dtype=torch.float64)[:-1] + p / 100_000
        drawn = categorical(torch.tensor([p, 1 - p], dtype=torch.float64).expand(100_000, 2), fine)
        yield alone("letters", f"ours, inverse sums in float64, {p:g}", 2 * (drawn == 0).double().mean().item(), "")
    laws = torch.rand(10_000, 27, generator=torch.Generator().manual_seed(0)).softmax(-1)
    short = (laws.cumsum(-1)[:, -1] < 1).double().mean().item()
    yield alone("letters", "laws of 27 letters in float32 whose sums end below 1", short, "")


def knob_rows() -> Iterator[Row]:
    """Temperature and guidance of letters against those of words, one letter an evaluation."""
    q, path = MASKED.q, MASKED.path
    for temperature in (0.5, 0.7, 0.85):
        law = words.reveal_law(words.tempered(MASKED.posterior, temperature), path, 3)
        cold = q ** (1 / temperature)
        cold = cold / cold.sum()
        what = f"toy, temperature {temperature}"
        yield alone("letters", f"{what}: entropy of the words", entropy(law).item(), "bits")
        yield alone("letters", f"{what}: entropy of p^(1/T)", entropy(cold).item(), "bits")
        yield alone("letters", f"{what}: distance", total_variation(law, cold).item(), "TV")
    other = words.toy_words(path, mirrored=True)
    both = words.ExactWords(path, MASKED.words, (q + other.q) / 2)
    clear = q / (q + other.q) > 0.9
    for scale in (0, 1, 1.5, 2, 3):
        law = words.reveal_law(words.guided(both.posterior, MASKED.posterior, scale), path, 3)
        target = both.q ** (1 - scale) * q**scale
        distance = total_variation(law, target / target.sum()).item()
        yield alone("letters", f"toy, guidance {scale}: distance to p^(1-w) p_y^w", distance, "TV")
        yield alone("letters", f"toy, guidance {scale}: share of clear cases", law[clear].sum().item(), "")


def corrector_rows() -> Iterator[Row]:
    """Gibbs steps after two parallel ones, against more parallel steps; steady remasking."""
    law = finished(words.sampler_law(MASKED.posterior, MASKED.path, 3, grid(2)))
    for k in (2, 4, 6, 8, 10, 12):
        mended = words.correct_law(MASKED.posterior, MASKED.path, law, 3, k)
        yield Row("letters", f"toy, 2 steps and {k} corrections", total_variation(mended, MASKED.q).item(),
                  off(MASKED, 2 + k), f"{2 + k} steps", "TV")  # fmt: skip
    for rate in (0, 3, 10):
        yield alone("letters", f"toy, 16 steps, masked again at rate {rate}", off(MASKED, 16, step=again(rate)), "TV")


def finished(law: Tensor) -> Tensor:
    """The law of words without masks, of one of all states."""
    return law.reshape(6, 6, 6)[:5, :5, :5].flatten()


def again(rate: float) -> Callable:
    """The step that masks seen letters again, `rate` times in unit time, as far as may be."""

    def step(post, x, t, t_next):
        most = ((1 - t_next) / t).item() if t > 0 else 0.0
        return words.unmask_law(post, x, t, t_next, min(rate * (t_next - t).item(), 1.0, most))

    return step


# Learned


class Trained(NamedTuple):
    """A network, what it says of letters, and the CPU-seconds that it took."""

    posterior: Callable
    seconds: float
    model: nn.Module


@cache
def trained(kind: str, steps: int, seed: int) -> Trained:
    """A network that was trained on the toy.

    Args:
        kind: "masks", "uniform" or "own letter" by cross entropy; the former two with ", ratios" by score entropy.
        steps: Of 512 words.
        seed: Of weights and data.
    """
    torch.manual_seed(seed)
    exact = MASKED if kind.startswith("masks") else UNIFORM
    model: nn.Module = networks.LetterMLP(5, 3, hidden=128, depth=1, time=exact is UNIFORM)
    if kind == "own letter":
        model = networks.OwnLetter(model)
    noise = torch.Generator().manual_seed(seed)

    def loss(model: nn.Module, z: Tensor) -> Tensor:
        if kind == "masks":
            return losses.counted_masked_loss(model, z, generator=noise)
        if kind.endswith("ratios"):
            return (masked_score_entropy if exact is MASKED else uniform_score_entropy)(model, z, noise)
        return losses.letter_loss(model, z, path=exact.path, generator=noise)

    draws = torch.Generator().manual_seed(seed + 1)
    batches = ((exact.words[torch.multinomial(exact.q, 512, replacement=True, generator=draws)],) for _ in range(steps))
    start = time.process_time()
    training.fit(model, loss, batches, steps=steps, lr=3e-3, recipe=training.Recipe(average=0.07), progress=False)
    seconds = time.process_time() - start
    convert = from_ratios if kind == "uniform, ratios" else lambda logits, x, t: logits.softmax(-1)

    @torch.no_grad()
    def posterior(x: Tensor, t) -> Tensor:
        t = max(float(t), 0.01) if kind == "uniform, ratios" else t
        return convert(model(x, torch.as_tensor(t, dtype=torch.float32)).double(), x, t)

    return Trained(posterior, seconds, model)


def letter_error(posterior, exact, t: float) -> float:
    """Mean total variation of a letter's law at time t; with masks of those that are masked."""
    x = words.all_words(exact.path.states, 3)
    gaps = total_variation(posterior(x, t), exact.posterior(x, t))
    asked = (x == exact.path.mask).double() if exact is MASKED else torch.ones(x.shape, dtype=torch.float64)
    weights = exact.law(t)[:, None] * asked
    return ((gaps * weights).sum() / weights.sum()).item()


def learned(quick: bool) -> Iterator[Row | Plot]:
    """Networks beside the exact posterior: letters, and words against steps; correctors on a trained network."""
    seeds, sizes = (SEEDS[:1], {1: SIZES[1]}) if quick else (SEEDS, SIZES)
    curves = {}
    for kind, exact in (("masks", MASKED), ("uniform", UNIFORM), ("own letter", UNIFORM)):
        for size, steps in sizes.items():
            runs = [trained(kind, steps, seed) for seed in seeds]
            seconds = statistics.median(run.seconds for run in runs)
            what = f"{kind}, {steps} training steps"
            yield alone("learned", f"{what}: CPU-seconds", seconds, "CPU-s")
            for t in TIMES:
                errors = [letter_error(run.posterior, exact, t) for run in runs]
                yield spread_row(f"{what}: letters at t = {t}", errors)
            counts = (3, 16, 64, 256) if kind == "masks" else (3, 16, 64, 256, 1024)
            found = {n: [off(exact, n, run.posterior) for run in runs] for n in counts}
            for n, values in found.items():
                yield spread_row(f"{what}: words, {n} steps", values, off(exact, n))
            if size == list(sizes)[len(sizes) // 2]:
                curves[kind] = (list(counts), [statistics.median(values) for values in found.values()])
            if kind != "masks":
                yield growth_row(kind, what, found)
    for exact, name in ((MASKED, "masks, exact"), (UNIFORM, "uniform, exact")):
        curves[name] = (list(counts), [off(exact, n) for n in counts])
    alt = "; ".join(f"{name}: {', '.join(f'{v:.3f}' for v in y)} at {x}" for name, (x, y) in curves.items())
    yield Plot("learned", f"Total variation of words against steps, networks of the toy. {alt}.", "steps",
               "total variation", curves)  # fmt: skip
    yield from mending_rows(seeds, sizes)


def mending_rows(seeds, sizes) -> Iterator[Row]:
    """Where correctors and remasking pay on a trained network: against as many evaluations in parallel steps."""
    for steps in sizes.values():
        runs = [trained("masks", steps, seed).posterior for seed in seeds]
        what = f"masks, {steps} training steps"
        one = [total_variation(words.reveal_law(post, MASKED.path, 3), MASKED.q).item() for post in runs]
        yield spread_row(f"{what}: one letter an evaluation", one)
        for n, k in ((2, 6), (2, 14), (8, 8), (16, 48), (64, 192)):
            mended = [corrected(post, n, k) for post in runs]
            plain = statistics.median(off(MASKED, n + k, post) for post in runs)
            yield spread_row(f"{what}: {n} steps, {k} corrections", mended, plain, f"{n + k} steps")
        for n, rate in ((16, 1), (64, 1), (64, 3), (64, 10), (256, 3), (256, 10)):
            mended = [off(MASKED, n, post, again(rate)) for post in runs]
            plain = statistics.median(off(MASKED, n, post) for post in runs)
            yield spread_row(f"{what}: {n} steps, masked again at rate {rate}", mended, plain, f"{n} steps, rate 0")


def growth_row(kind: str, what: str, found: dict[int, list[float]]) -> Row:
    """How much worse 1,024 steps are than 64: the claim of the course, and its cure."""
    ratios = sorted(late / early for early, late in zip(found[64], found[1024], strict=True))
    ratio = statistics.median(ratios)
    must, holds = ("at least 1.5", ratio >= 1.5) if kind == "uniform" else ("at most 1.25", ratio <= 1.25)
    late, early = (statistics.median(found[n]) for n in (1024, 64))
    return Row(
        "learned", f"{what}: 1,024 steps", late, early, "64 steps", "TV", ratio, (ratios[0], ratios[-1]), must, holds
    )


def corrected(posterior, steps: int, corrections: int) -> float:
    law = finished(words.sampler_law(posterior, MASKED.path, 3, grid(steps)))
    law = words.correct_law(posterior, MASKED.path, law / law.sum(), 3, corrections)
    return total_variation(law, MASKED.q).item()


def spread_row(what: str, values: list[float], peer: float | None = None, peer_name: str = "exact posterior") -> Row:
    """The median over seeds, its least and largest value in words."""
    spread = f" ({min(values):.3g} to {max(values):.3g})" if len(values) > 1 else ""
    name = peer_name if peer is not None else ""
    return Row("learned", f"{what}{spread}", statistics.median(values), peer, name, "")


# Score entropy


def ratios(quick: bool) -> Iterator[Row]:
    """Ratios p_t(y)/p_t(x) by score entropy beside posteriors by cross entropy: the same network, the same steps."""
    seeds, size = (SEEDS[:1], 1) if quick else (SEEDS, 4)
    pairs = {"masks": MASKED, "masks, ratios": MASKED, "uniform": UNIFORM, "own letter": UNIFORM,
             "uniform, ratios": UNIFORM}  # fmt: skip
    for kind, exact in pairs.items():
        runs = [trained(kind, SIZES[size], seed) for seed in seeds]
        what = f"{kind}, {SIZES[size]} training steps"
        for t in TIMES:
            yield spread_row(f"{what}: letters at t = {t}", [letter_error(run.posterior, exact, t) for run in runs])
        for n in (16, 64, 256):
            yield spread_row(f"{what}: words, {n} steps", [off(exact, n, run.posterior) for run in runs], off(exact, n))
        if kind == "masks, ratios":
            yield spread_row(f"{what}: |sum of the ratios - 1|", [unnormalised(run.model) for run in runs])


def masked_score_entropy(model: nn.Module, z: Tensor, noise: torch.Generator) -> Tensor:
    r"""Score entropy with masks, of the ratios $\frac{t}{1-t} e^{o_y}$, weights as in `losses.counted_masked_loss`.

    It is $\sum_y e^{o_y} - o_z - 1$ a masked letter: cross entropy, and $S - 1 - \log S$ with $S = \sum_y e^{o_y}$.

    Source: Lou et al., "Discrete diffusion modeling by estimating the ratios of the data distribution" (2024).
    """
    count = losses.even_counts(len(z), z.shape[1], noise)
    hidden = torch.rand(z.shape, generator=noise).argsort(1).argsort(1) < count[:, None]
    o = model(torch.where(hidden, MASKED.path.mask, z), None)
    terms = o.exp().sum(-1) - o.gather(-1, z[..., None])[..., 0] - 1
    return ((terms * hidden).sum(1) * z.shape[1] / count).mean()


def uniform_score_entropy(model: nn.Module, z: Tensor, noise: torch.Generator) -> Tensor:
    r"""Score entropy of uniform letters, $\frac{1}{t} \sum_{y \ne x} e^{o_y} - r_y o_y$, $r_y = p_t(y|z)/p_t(x|z)$."""
    t = 0.001 + 0.998 * torch.rand(len(z), generator=noise)
    x = UNIFORM.path.sample(z, t, generator=noise).x
    o = model(x, t)
    chance = (1 - t)[:, None, None] / 5 + t[:, None, None] * words.one_hot(z, 5, o)
    ratio = chance / chance.gather(-1, x[..., None])
    terms = (o.exp() - ratio * o) * (1 - words.one_hot(x, 5, o))
    return (terms.sum((1, 2)) / t).mean()


def from_ratios(o: Tensor, x: Tensor, t: float) -> Tensor:
    """The posterior that belongs to log ratios: they are linear in it; what comes out below 0 is cut off."""
    here = words.one_hot(x, 5, o)
    s = o.exp() * (1 - here)
    g = 1 + 5 * float(t) / (1 - float(t))
    a, b = g - 1, 1 - 1 / g
    stays = (4 + a - s.sum(-1, keepdim=True)) / (4 * b + a)
    post = torch.where(here > 0, stays, (s - 1 + b * stays) / a).clamp(min=1e-12)
    return post / post.sum(-1, keepdim=True)


@torch.no_grad()
def unnormalised(model: nn.Module) -> float:
    """Mean distance from 1 of the sum over letters, at t = 1/2."""
    x = words.all_words(6, 3)
    weights = MASKED.law(0.5)[:, None] * (x == 5)
    gaps = (model(x, None).double().exp().sum(-1) - 1).abs()
    return ((gaps * weights).sum() / weights.sum()).item()
