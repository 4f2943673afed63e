"""Samplers of words: their law, what they leave alone, which letters come first."""

import itertools
import math

import pytest
import torch
from scipy.stats import chi2

from course_utils.guidance import classifier_free
from course_utils.simulators import Trajectory
from course_utils.words import (
    ExactWords,
    MaskPath,
    UniformPath,
    all_words,
    correct,
    correct_law,
    generate_words,
    guided,
    letter_posterior,
    reveal,
    reveal_law,
    sampler_law,
    sampling,
    tempered,
    toy_words,
    unmask_law,
    word_number,
)

F64 = torch.float64
N = 40_000


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def grid(steps: int) -> torch.Tensor:
    return torch.linspace(0, 1, steps + 1, dtype=F64)


def fits(x: torch.Tensor, law: torch.Tensor, states: int) -> bool:
    """Whether words are draws from a law of all words: Pearson's test, the rare ones together, at 5 sigma."""
    counts = word_number(x, states).bincount(minlength=len(law)).double()
    expected = law * len(x)
    assert counts[law == 0].sum() == 0
    rare = expected < 10
    counts, expected = (torch.cat([value[~rare], value[rare].sum()[None]]) for value in (counts, expected))
    known = expected > 0
    statistic = ((counts - expected) ** 2 / expected)[known].sum().item()
    return chi2.sf(statistic, int(known.sum()) - 1) > 5.7e-7


class Table(ExactWords):
    """The same model, asked once for all words and then looked up: a test draws many."""

    def posterior(self, x, t):
        t = 0.5 if self.path.mask else t  # with masks it does not count
        return super().posterior(all_words(self.path.states, 3), t)[word_number(x, self.path.states)]


def table(path, mirrored: bool = False) -> Table:
    exact = toy_words(path, mirrored)
    return Table(path, exact.words, exact.q)


MASKED, UNIFORM = table(MaskPath(5)), table(UniformPath(5))


def blank(n: int, mask: int = 5) -> torch.Tensor:
    return torch.full((n, 3), mask)


class Spy:
    """A model with fixed logits, that remembers what it was asked."""

    def __init__(self, logits: torch.Tensor):
        self.logits = logits
        self.asked = []

    def __call__(self, x, t, *y):
        self.asked.append((x.clone(), t.clone(), *y))
        return self.logits.expand(len(x), *self.logits.shape)


# Parallel steps


@pytest.mark.parametrize("exact", [MASKED, UNIFORM], ids=str)
@pytest.mark.parametrize("kind", ["euler", "exponential"])
def test_generated_words_have_the_law_of_their_sampler(exact, kind):
    """Sample by sample against the product of matrices; a sampler with another number of steps is told from it."""
    path, step = exact.path, getattr(exact.path, kind)
    made = generate_words(exact, path, (N, 3), grid(3), step=step, generator=seeded())
    assert fits(made.end, sampler_law(exact.posterior, path, 3, grid(3), step), path.states)
    assert not fits(made.end, sampler_law(exact.posterior, path, 3, grid(4), step).clamp(min=1e-12), path.states)


def test_words_on_their_way_have_the_law_of_the_path_before_the_first_parallel_step_errs():
    made = generate_words(MASKED, MASKED.path, (N, 3), grid(3), generator=seeded())
    first = sampler_law(MASKED.posterior, MASKED.path, 3, torch.tensor([0, 1 / 3], dtype=F64))
    assert fits(made.xs[1], first, 6)


def test_remasking_has_its_law_too():
    def step(post, x, t, t_next):
        return unmask_law(post, x, t, t_next, min(0.5, ((1 - t_next) / t).item()) if t > 0 else 0.0)

    made = generate_words(MASKED, MASKED.path, (N, 3), grid(4), step=step, generator=seeded())
    assert fits(made.end, sampler_law(MASKED.posterior, MASKED.path, 3, grid(4), step), 6)
    assert not fits(made.end, sampler_law(MASKED.posterior, MASKED.path, 3, grid(4)).clamp(min=1e-12), 6)


@pytest.mark.parametrize("exact", [MASKED, UNIFORM], ids=str)
def test_a_trajectory_of_words_is_whole_numbers_at_float_times(exact):
    made = generate_words(exact, exact.path, (7, 3), torch.linspace(0, 1, 6), generator=seeded(), save_every=2)
    assert isinstance(made, Trajectory) and made.xs.dtype == torch.int64 and made.ts.dtype == F64
    assert made.xs.shape == (4, 7, 3)
    torch.testing.assert_close(made.ts, torch.tensor([0, 0.4, 0.8, 1], dtype=F64), rtol=0, atol=1e-7)
    every = generate_words(exact, exact.path, (7, 3), torch.linspace(0, 1, 6), generator=seeded())
    assert torch.equal(every.xs[[0, 2, 4, 5]], made.xs)
    whole = generate_words(exact, exact.path, (7, 3), torch.tensor([0, 1]), generator=seeded(), progress=True)
    assert whole.ts.tolist() == [0, 1]


def test_no_mask_is_left_by_any_number_of_steps_of_a_network_in_float32():
    path = MaskPath(27)
    logits = 4 * torch.randn(200, 10, 27, generator=seeded())
    for n in [*range(1, 40), 100, 333]:
        made = generate_words(lambda x, t: logits, path, (200, 10), torch.linspace(0, 1, n + 1), generator=seeded(n))
        assert made.end.max() < path.mask


def test_exponential_steps_leave_masks_which_one_letter_at_a_time_takes_away():
    path = MASKED.path
    left = generate_words(MASKED, path, (2000, 3), grid(16), step=path.exponential, generator=seeded()).end
    assert 0.05 < (left == 5).any(1).double().mean() < 0.15
    assert reveal(MASKED, path, left, generator=seeded()).max() < 5


def test_seen_letters_of_a_pattern_stay():
    pattern = torch.tensor([[1, 5, 5]]).repeat(N, 1)
    made = generate_words(MASKED, MASKED.path, pattern, grid(40), generator=seeded())
    assert (made.xs[:, :, 0] == 1).all() and made.end.max() < 5
    by_one = reveal(MASKED, MASKED.path, pattern, generator=seeded())
    given = MASKED.q * (MASKED.words[:, 0] == 1)
    assert (by_one[:, 0] == 1).all() and fits(by_one, given / given.sum(), 5)


def test_the_model_is_asked_at_float_times_and_with_labels():
    model, y = Spy(torch.zeros(3, 5)), torch.arange(4)
    generate_words(model, MASKED.path, (4, 3), grid(4), generator=seeded(), y=y)
    assert [asked[1].item() for asked in model.asked] == [0, 0.25, 0.5, 0.75]
    assert all(x.dtype == torch.int64 and t.dtype == torch.float32 and given is y for x, t, given in model.asked)


def test_uniform_numbers_are_finer_than_those_of_float32(monkeypatch):
    """Else a letter of probability below 6e-8 is drawn never, or too often."""
    drawn = []
    monkeypatch.setattr(sampling, "categorical", lambda p, u: drawn.append(u) or u.long())
    generate_words(Spy(torch.zeros(3, 5)), UNIFORM.path, (50, 3), grid(1), generator=seeded())
    assert (drawn[0] * 2**24 % 1 > 0).any()


def test_colder_letters_and_guided_ones_have_their_laws():
    """Guidance of logits is that of velocities: the same function serves both."""
    path = MASKED.path
    cold = generate_words(MASKED, path, (N, 3), grid(2), temperature=0.6, generator=seeded()).end
    assert fits(cold, sampler_law(tempered(MASKED.posterior, 0.6), path, 3, grid(2)), 6)
    other = table(path, mirrored=True)

    def model(x, t, y):
        return (MASKED if y[0] == 0 else other).posterior(x, t).clamp(min=1e-30).log()

    guide = classifier_free(model, torch.zeros(N, dtype=torch.int64), 1.7, null=1)
    made = reveal(guide, path, blank(N), generator=seeded())
    assert fits(made, reveal_law(guided(other.posterior, MASKED.posterior, 1.7), path, 3), 5)
    assert not fits(made, reveal_law(guided(other.posterior, MASKED.posterior, 1.6), path, 3), 5)


# One letter an evaluation


@pytest.mark.parametrize("order", ["random", "left to right", "confident"])
def test_one_letter_at_a_time_makes_words_of_the_data(order):
    made = reveal(MASKED, MASKED.path, blank(N), order, generator=seeded())
    assert fits(made, MASKED.q, 5)


def test_the_likeliest_draw_prefers_likely_letters():
    """Two independent letters, by counting all draws of the first round; what is not kept is drawn anew."""
    p = torch.tensor([0.7, 0.3], dtype=F64)
    law = torch.zeros(2, 2, dtype=F64)
    for i, j in itertools.product(range(2), repeat=2):
        if p[i] >= p[j]:
            law[i] += p[i] * p[j] * p
        else:
            law[:, j] += p[i] * p[j] * p
    made = reveal(lambda x, t: p.log().expand(*x.shape, 2), MaskPath(2), torch.full((N, 2), 2), "likeliest draw",
                  generator=seeded())  # fmt: skip
    assert law[0, 0] > 0.49 + 0.08
    assert fits(made, law.flatten(), 2)


def test_orders_are_what_they_say():
    logits = torch.zeros(4, 5)
    for place, sure in ((2, 4.0), (0, 3.0), (3, 2.0), (1, 1.0)):
        logits[place, place] = sure
    firsts = {"left to right": [0, 1, 2, 3], "confident": [2, 0, 3, 1]}
    for order, right in firsts.items():
        model = Spy(logits)
        reveal(model, MaskPath(5), torch.full((6, 4), 5), order, generator=seeded())
        masks = [(x == 5) for x, _ in model.asked]
        assert [(~mask[0]).sum().item() for mask in masks] == [0, 1, 2, 3]
        came = [int((before & ~after)[0].nonzero()) for before, after in zip(masks, masks[1:], strict=False)]
        assert came == right[:3]
        assert [t[0].item() for _, t in model.asked] == [0, 0.25, 0.5, 0.75]


def test_a_random_order_begins_everywhere():
    model = Spy(torch.zeros(3, 5))
    reveal(model, MaskPath(5), blank(3000), generator=seeded())
    first = (model.asked[1][0] != 5).int().argmax(1).bincount(minlength=3)
    assert ((first - 1000).abs() < 5 * (3000 * 2 / 9) ** 0.5).all()


def test_patterns_need_as_many_evaluations_as_the_most_masks():
    model = Spy(torch.zeros(3, 5))
    x = torch.tensor([[0, 1, 2], [5, 1, 2], [3, 5, 5]])
    made = reveal(model, MaskPath(5), x, generator=seeded())
    assert len(model.asked) == 2 and made.max() < 5 and torch.equal(made[x < 5], x[x < 5]) and x.max() == 5
    assert torch.equal(reveal(model, MaskPath(5), made), made) and len(model.asked) == 2
    assert reveal(model, MaskPath(5), x[:0]).shape == (0, 3)


def test_reveal_comes_again_with_its_seed():
    one, two, other = (reveal(MASKED, MASKED.path, blank(50), generator=seeded(k)) for k in (0, 0, 1))
    assert torch.equal(one, two) and not torch.equal(one, other)


# Correctors


def test_corrected_words_have_their_law_and_those_of_the_data_keep_theirs():
    path = MASKED.path
    start = generate_words(MASKED, path, (N, 3), grid(2), generator=seeded()).end
    law = sampler_law(MASKED.posterior, path, 3, grid(2)).reshape(6, 6, 6)[:5, :5, :5].flatten()
    mended = correct(MASKED, path, start, 2, generator=seeded())
    assert fits(mended, correct_law(MASKED.posterior, path, law, 3, 2), 5)
    assert not fits(mended, correct_law(MASKED.posterior, path, law, 3, 1), 5)
    data = reveal(MASKED, path, blank(N), generator=seeded())
    assert fits(correct(MASKED, path, data, 5, generator=seeded(1)), MASKED.q, 5)
    assert torch.equal(correct(MASKED, path, data, 0), data)


def test_one_correction_changes_at_most_one_letter():
    words = all_words(5, 3)
    changed = (correct(Spy(torch.zeros(3, 5)), MaskPath(5), words, 1, generator=seeded()) != words).sum(1)
    assert changed.max() == 1 and changed.sum() > 50


# Bad input

MODEL, WORD, TS = Spy(torch.zeros(3, 5)), torch.tensor([[0, 1, 2]]), torch.linspace(0, 1, 3)
PATH, PLAIN = MaskPath(5), UniformPath(5)
REFUSED = {
    "float words": (
        lambda: generate_words(MODEL, PATH, WORD + 0.5, TS),
        "letters .* as whole numbers, .* got torch.float32",
    ),
    "no such letter": (lambda: generate_words(MODEL, PLAIN, WORD + 3, TS), "letters from 0 to 4, got 3 to 5"),
    "a time repeats": (
        lambda: generate_words(MODEL, PATH, WORD, TS[[0, 1, 1]]),
        r"increasing times from 0 to 1, got \[0.0, 0.5, 0.5\]",
    ),
    "backwards": (lambda: generate_words(MODEL, PATH, WORD, TS.flip(0)), r"increasing times .* got \[1.0, 0.5, 0.0\]"),
    "beyond 1": (lambda: generate_words(MODEL, PATH, WORD, 2 * TS), r"increasing times .* got \[0.0, 1.0, 2.0\]"),
    "nan": (lambda: generate_words(MODEL, PATH, WORD, TS * math.nan), r"increasing times .* got \[nan, nan, nan\]"),
    "no step": (lambda: generate_words(MODEL, PATH, WORD, TS[:1]), r"at least one step, got \(1,\)"),
    "noise that begins late": (
        lambda: generate_words(MODEL, PATH, (1, 3), TS[1:]),
        "a grid that begins at 0, .* got 0.5",
    ),
    "nothing kept": (lambda: generate_words(MODEL, PATH, WORD, TS, save_every=0), "save_every of at least 1, got 0"),
    "too cold": (lambda: generate_words(MODEL, PATH, WORD, TS, temperature=0.0), "a positive temperature, got 0.0"),
    "logits of others": (
        lambda: generate_words(MODEL, PATH, (2, 4), TS),
        r"logits of shape \(2, 4, 5\) from the model, got \(2, 3, 5\)",
    ),
    "logits nan": (
        lambda: generate_words(Spy(MODEL.logits * math.nan), PATH, WORD, TS),
        "probabilities of at least 0, got nan",
    ),
    "more letters": (
        lambda: generate_words(Spy(torch.zeros(3, 6)), PLAIN, (2, 3), TS),
        r"logits of shape \(2, 3, 5\) from the model, got \(2, 3, 6\)",
    ),
    "no order": (
        lambda: reveal(MODEL, PATH, WORD, "right to left"),
        "an order among random, left to right, confident, likeliest draw, got 'right to left'",
    ),
    "beyond the mask": (lambda: reveal(MODEL, PATH, WORD + 4), "letters .* from 0 to 5, got 4 to 6"),
    "no masks to reveal": (lambda: reveal(MODEL, PLAIN, WORD), r"a path with masks, got UniformPath\(5\)"),
    "colder than cold": (lambda: reveal(MODEL, PATH, WORD + 3, temperature=-1.0), "a positive temperature, got -1.0"),
    "a mask to correct": (lambda: correct(MODEL, PATH, WORD + 3, 1), "letters from 0 to 4, got 3 to 5"),
    "no masks to correct": (lambda: correct(MODEL, PLAIN, WORD, 1), r"a path with masks, got UniformPath\(5\)"),
    "steps below 0": (lambda: correct(MODEL, PATH, WORD, -1), "steps of at least 0, got -1"),
    "tempered by 0": (lambda: tempered(MASKED.posterior, 0.0), "a positive temperature, got 0.0"),
    "flat logits": (lambda: letter_posterior(lambda x, t: x.float(), PATH, WORD, 0.5), r"from the model, got \(1, 3\)"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_in_words(case, unchecked):
    call, message = REFUSED[case]
    with pytest.raises(ValueError, match=f"^expected .*{message}"):
        call()
