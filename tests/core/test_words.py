"""Paths of words against loops over letters, words and states."""

import itertools
import math

import pytest
import torch
from scipy.stats import binomtest

from course_utils.shapes import expand_time
from course_utils.simulators import simulate
from course_utils.words import (
    ExactWords,
    MaskPath,
    UniformPath,
    all_words,
    check_words,
    toy_words,
    word_number,
    word_rates,
    word_time,
)

F64 = torch.float64
V = 4
PATHS = [UniformPath(V), MaskPath(V)]
WORDS = torch.tensor([[0, 1, 2], [3, 3, 0], [1, 1, 1], [2, 0, 3], [0, 1, 3], [0, 0, 2]])
SHARES = torch.tensor([0.3, 0.1, 0.15, 0.2, 0.05, 0.2], dtype=F64)
each_path = pytest.mark.parametrize("path", PATHS, ids=str)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def chance(path, x: int, z: int, t: float) -> float:
    """p_t(x^i | z^i), in words: the letter itself, or noise."""
    if path.mask is None:
        return (t if x == z else 0) + (1 - t) / V
    return {z: t, path.mask: 1 - t}.get(x, 0)


def joint(path, x, t: float) -> list[float]:
    """q_n p_t(x|z_n) for each word."""
    return [
        share * math.prod(chance(path, a, b, t) for a, b in zip(x.tolist(), z, strict=True))
        for z, share in zip(WORDS.tolist(), SHARES.tolist(), strict=True)
    ]


def fine_derivative(law, t: float, h: float = 1e-3):
    """Fourth order, so that 1e-9 can be asked for."""
    return (8 * (law(t + h) - law(t - h)) - (law(t + 2 * h) - law(t - 2 * h))) / (12 * h)


# Words and times


@pytest.mark.parametrize(("letters", "length"), [(1, 3), (5, 1), (3, 4)])
def test_all_words_are_numbered_in_order(letters, length):
    words = all_words(letters, length)
    assert words.tolist() == [list(word) for word in itertools.product(range(letters), repeat=length)]
    assert word_number(words, letters).tolist() == list(range(letters**length))


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8])
def test_times_of_letters_stay_floats_and_letters_whole(dtype):
    """Here letters stay what they are; in Labs 1 to 6 whole numbers are states like others, taken as floats."""
    z = WORDS.to(dtype)
    t = torch.linspace(0.1, 0.9, 6)
    assert word_time(t, z).dtype == F64 and word_time(t, z).shape == (6, 1) and word_time(0.3, z).item() == 0.3
    for path in PATHS:
        sample = path.sample(z, t, generator=seeded())
        assert sample.t is t and not sample.x.is_floating_point() and torch.equal(sample.z, z)
        again = path.sample(WORDS, t, generator=seeded())
        assert torch.equal(sample.x.long(), again.x)
    assert expand_time(0.5, z).item() == 0.5 and expand_time(0.5, z).is_floating_point()
    moved = simulate(lambda x, t: x + expand_time(t, x), z, torch.linspace(0, 1, 3))
    assert moved.end.dtype == torch.float32
    torch.testing.assert_close(moved.end, simulate(lambda x, t: x + t, z.float(), torch.linspace(0, 1, 3)).end)


# Samples


@each_path
def test_a_sample_is_a_loop_over_letters(path):
    """As many words as letters, so that a time on the wrong axis would fit."""
    z = torch.randint(V, (8, 8), generator=seeded())
    t, u = torch.rand(8, generator=seeded(1)), torch.rand(8, 8, generator=seeded(2))
    noise = torch.randint(path.states, (8, 8), generator=seeded(3))
    found = path.sample(z, t, u, noise)
    for b, i in itertools.product(range(8), repeat=2):
        assert found.x[b, i] == (z[b, i] if u[b, i] < t[b] else noise[b, i])
    assert found.x.dtype == torch.int64


@each_path
def test_the_share_of_letters_that_are_the_words_own_is_t(path):
    z = torch.zeros(20_000, 3, dtype=torch.int64)
    t = torch.tensor([0.25, 0.75]).repeat(10_000)
    x = path.sample(z, t, generator=seeded()).x
    for time in (0.25, 0.75):
        own = int((x[t == time] == 0).sum())
        assert binomtest(own, 30_000, chance(path, 0, 0, time)).pvalue > 5.7e-7
        assert binomtest(own, 30_000, chance(path, 0, 0, time) - 0.02).pvalue < 5.7e-7


@each_path
def test_the_ends_of_a_path_are_noise_and_words(path):
    z = torch.zeros(1000, 3, dtype=torch.int64)
    assert torch.equal(path.sample(z, 1.0, generator=seeded()).x, z)
    first = path.sample(z, 0.0, generator=seeded()).x
    assert sorted(first.unique().tolist()) == ([V] if path.mask else [0, 1, 2, 3])
    assert torch.equal(path.start((9, 2), seeded()), path.start((9, 2), seeded()))


# Laws and posteriors


@each_path
@pytest.mark.parametrize("t", [0.0, 0.35, 1.0])
def test_the_law_is_a_loop_over_words(path, t):
    states = all_words(path.states, 3)
    law = path.law(WORDS, SHARES, states, t)
    expected = torch.tensor([sum(joint(path, x, t)) for x in states], dtype=F64)
    torch.testing.assert_close(law, expected, rtol=1e-12, atol=1e-17)
    assert law.sum().item() == pytest.approx(1, abs=1e-14)


@each_path
def test_the_posterior_is_a_loop_over_words_letters_and_places(path):
    z = WORDS[torch.randint(6, (40,), generator=seeded())]
    t = torch.rand(40, generator=seeded(1), dtype=F64)
    x = path.sample(z, t, generator=seeded(2)).x
    found = path.posterior(WORDS, SHARES, x, t)
    for b in range(40):
        weights = joint(path, x[b], t[b].item())
        for i, a in itertools.product(range(3), range(V)):
            right = sum(w for w, word in zip(weights, WORDS, strict=True) if word[i] == a) / sum(weights)
            assert found[b, i, a].item() == pytest.approx(right, abs=1e-13)
    one = path.posterior(WORDS, SHARES, x[:1], t[0].item())
    torch.testing.assert_close(one, found[:1], rtol=0, atol=1e-15)


def test_masked_posteriors_know_no_clock_and_uniform_ones_do():
    for path, moved in ((MaskPath(5), 0.0), (UniformPath(5), 0.79)):
        exact = toy_words(path)
        states = all_words(path.states, 3)
        gap = (exact.posterior(states, 0.1) - exact.posterior(states, 0.9)).abs().max().item()
        assert gap == pytest.approx(moved, abs=0.005)


def test_at_the_end_the_posterior_is_the_word():
    ones = torch.nn.functional.one_hot(WORDS, V).double()
    for path in PATHS:
        assert torch.equal(path.posterior(WORDS, SHARES, WORDS, 1.0), ones)


def test_seen_letters_are_certain_even_where_no_word_has_them():
    """A parallel step may reveal letters that do not belong together; nothing is asked of such a word any more."""
    path = MaskPath(V)
    assert path.posterior(WORDS, SHARES, torch.tensor([[3, 2, 1]]), None)[0].argmax(1).tolist() == [3, 2, 1]
    with pytest.raises(ValueError, match=r"expected states that the words can lead to, got \[3, 2, 4\]"):
        path.posterior(WORDS, SHARES, torch.tensor([[0, V, V], [3, 2, V]]))


def test_long_words_in_float32_do_not_underflow():
    """64 letters near t = 1: the chances are about 1e-300."""
    words = torch.randint(27, (5, 64), generator=seeded())
    q = torch.full((5,), 0.2)
    far = words[:1].roll(1)
    post = UniformPath(27).posterior(words, q, far, 0.9999)
    assert post.dtype == torch.float32 and post.isfinite().all()
    torch.testing.assert_close(post.sum(-1), torch.ones(1, 64))


# Rates


@each_path
def test_rates_are_a_loop_and_their_rows_sum_to_0(path):
    states = all_words(path.states, 2)
    post = torch.randn(len(states), 2, V, generator=seeded(), dtype=F64).softmax(-1)
    t = 0.9 * torch.rand(len(states), generator=seeded(1), dtype=F64)
    rate = path.rate(post, states, t)
    assert rate.shape == (len(states), 2, path.states) and rate.sum(-1).abs().max() < 1e-13
    for b, i, a in itertools.product(range(len(states)), range(2), range(path.states)):
        here = states[b, i].item()
        stays = path.mask is not None and here != path.mask
        target = (a == here) if stays else post[b, i, a].item() if a < V else 0
        assert rate[b, i, a].item() == pytest.approx((target - (a == here)) / (1 - t[b].item()), abs=1e-12)


@pytest.mark.parametrize("t", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("path", [UniformPath(5), MaskPath(5)], ids=str)
def test_the_marginal_rates_move_the_marginal_law(path, t):
    """Kolmogorov's forward equation on all words: inflow minus outflow."""
    exact = toy_words(path)
    states = all_words(path.states, 3)
    rates = word_rates(path.rate(exact.posterior(states, t), states, t))
    assert rates.sum(1).abs().max() < 5e-14 and (rates - torch.diag(rates.diagonal())).min() >= 0
    change = fine_derivative(exact.law, t)
    assert (change - exact.law(t) @ rates).abs().max() < 1e-9 < 0.01 < change.abs().max()
    fastest = {("uniform", 0.1): 2.67, ("uniform", 0.5): 3.98, ("uniform", 0.9): 13.53}
    expected = 3 / (1 - t) if path.mask else fastest["uniform", t]
    assert -rates.diagonal().min().item() == pytest.approx(expected, abs=0.005)


def test_the_rates_of_one_word_move_the_law_to_it():
    z = torch.tensor([[2, 0]])
    for path in PATHS:
        exact = ExactWords(path, z, torch.ones(1, dtype=F64))
        states = all_words(path.states, 2)
        post = torch.nn.functional.one_hot(z, V).double().expand(len(states), 2, V)
        rates = word_rates(path.rate(post, states, 0.4))
        torch.testing.assert_close(fine_derivative(exact.law, 0.4), exact.law(0.4) @ rates, rtol=0, atol=1e-9)
    home = word_number(z, V)
    assert word_rates(UniformPath(V).rate(post[: V**2], all_words(V, 2), 0.4))[home].abs().max() == 0


def test_words_jump_one_letter_at_a_time():
    states = all_words(3, 2)
    rate = UniformPath(3).rate(torch.randn(9, 2, 3, generator=seeded(), dtype=F64).softmax(-1), states, 0.5)
    rates = word_rates(rate)
    for x, y in itertools.product(range(9), repeat=2):
        changed = [i for i in range(2) if states[x, i] != states[y, i]]
        if len(changed) == 2:
            assert rates[x, y] == 0
        if len(changed) == 1:
            assert rates[x, y] == rate[x, changed[0], states[y, changed[0]]]


# Bad input

POST = torch.full((6, 3, V), 1 / V)
REFUSED = {
    "one letter": (lambda: MaskPath(1), "at least two letters, got 1"),
    "float letters": (lambda: PATHS[0].sample(WORDS.float(), 0.5), "letters as whole numbers, .* got torch.float32"),
    "true or false": (lambda: PATHS[0].sample(WORDS > 1, 0.5), "letters as whole numbers, .* got torch.bool"),
    "a mask in finished words": (lambda: PATHS[1].sample(WORDS + 1, 0.5), "letters from 0 to 3, got 1 to 4"),
    "a letter below 0": (lambda: PATHS[0].sample(WORDS - 1, 0.5), "letters from 0 to 3, got -1 to 2"),
    "one word alone": (lambda: PATHS[0].sample(WORDS[0], 0.5), r"shape \(batch, length\), got \(3,\)"),
    "a mask for letters": (lambda: PATHS[0].law(WORDS, SHARES, WORDS + 1, 0.5), "letters from 0 to 3, got 1 to 4"),
    "beyond the mask": (
        lambda: PATHS[1].law(WORDS, SHARES, WORDS + 2, 0.5),
        r"letters \(the mask is 4\) from 0 to 4, got 2 to 5",
    ),
    "noise of others": (lambda: PATHS[0].sample(WORDS, 0.5, noise=WORDS + 1), "letters from 0 to 3, got 1 to 4"),
    "coins of another shape": (
        lambda: PATHS[0].sample(WORDS, 0.5, u=torch.rand(6, 1)),
        r"equal shapes, got z \(6, 3\), u \(6, 1\)",
    ),
    "time above 1": (lambda: PATHS[1].sample(WORDS, 1.5), "got t = 1.5"),
    "time below 0": (lambda: PATHS[1].posterior(WORDS, SHARES, WORDS, -0.5), "got t = -0.5"),
    "time nan": (lambda: PATHS[0].law(WORDS, SHARES, WORDS, math.nan), "got times from nan to nan"),
    "no time": (lambda: ExactWords(PATHS[0], WORDS, SHARES).posterior(WORDS), "a time t: .* got None"),
    "times of another shape": (
        lambda: PATHS[0].sample(WORDS, torch.rand(3)),
        r"t of shape \(\) or \(6,\) .* got \(3,\)",
    ),
    "shares that are no law": (lambda: PATHS[0].law(WORDS, SHARES * 2, WORDS, 0.5), "sum to 1, got the sum 2"),
    "shares below 0": (lambda: ExactWords(PATHS[0], WORDS, SHARES - 0.1), "at least 0, got -0.05"),
    "shares of others": (lambda: PATHS[0].law(WORDS, SHARES[:3], WORDS, 0.5), r"words \(6, 3\), q \(3,\), x \(6, 3\)"),
    "words of another length": (lambda: PATHS[0].posterior(WORDS, SHARES, WORDS[:, :2], 0.5), r"x \(6, 2\)"),
    "rates at the end": (lambda: PATHS[0].rate(POST, WORDS, 1.0), "time below 1: at t = 1 the rates are infinite"),
    "rates of no law": (
        lambda: PATHS[1].rate(2 * POST, WORDS, 0.5),
        "posterior whose probabilities sum to 1, got the sum 2",
    ),
    "rates of others": (
        lambda: PATHS[1].rate(POST[:, :2], WORDS, 0.5),
        r"posterior of shape \(6, 3, 'letters'\), got \(6, 2, 4\)",
    ),
    "rates of some words": (lambda: word_rates(torch.zeros(3, 2, 2)), "rates of all 4 words, got 3"),
    "no letters": (lambda: all_words(0, 3), "at least one letter and one position, got 0 and 3"),
    "a number of no word": (lambda: word_number(WORDS, 3), "letters from 0 to 2, got 0 to 3"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_in_words(case, unchecked):
    call, message = REFUSED[case]
    with pytest.raises(ValueError, match=f"(^expected .*|^t runs from 0 .noise. to 1 .data., ){message}"):
        call()


def test_no_words_at_all_are_words():
    check_words(torch.zeros(0, 3, dtype=torch.int64), V)
    assert PATHS[0].sample(torch.zeros(0, 3, dtype=torch.int64), 0.5).x.shape == (0, 3)
