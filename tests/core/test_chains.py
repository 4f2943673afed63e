"""Chains in continuous time against loops, matrix exponentials and closed forms."""

import math

import pytest
import torch
from scipy.linalg import expm
from scipy.stats import chi2

from course_utils.chains import (
    Paths,
    categorical,
    chain_law,
    entropy,
    euler_chain_law,
    gillespie,
    jump,
    rate_matrix,
    total_variation,
)

F64 = torch.float64
RATES = torch.tensor([[7, 2, 0.5, 0], [0.5, 7, 3, 0.2], [0, 0.3, 7, 4], [1, 0, 0.2, 7]], dtype=F64)
Q = rate_matrix(RATES)
FIRST = torch.tensor([1, 0, 0, 0], dtype=F64)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_rates(n: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, n, generator=seeded(seed), dtype=F64).exp()


def fits(counts: torch.Tensor, law: torch.Tensor) -> bool:
    """Whether counts are draws from the law, by Pearson's test at 5 sigma: wrong once in two million times."""
    expected = law * counts.sum()
    assert counts[expected == 0].sum() == 0 and expected[expected > 0].min() > 5
    statistic = ((counts - expected) ** 2 / expected)[expected > 0].sum().item()
    return chi2.sf(statistic, int((expected > 0).sum()) - 1) > 5.7e-7


# Rates and laws


def test_a_rate_matrix_is_what_two_loops_make():
    rates = random_rates(5)
    expected = torch.zeros(5, 5, dtype=F64)
    for x in range(5):
        for y in range(5):
            if y != x:
                expected[x, y] += rates[x, y]
                expected[x, x] -= rates[x, y]
    torch.testing.assert_close(rate_matrix(rates), expected, rtol=1e-14, atol=1e-14)
    assert rate_matrix(rates).sum(1).abs().max() < 1e-14
    torch.testing.assert_close(rate_matrix(rates + torch.eye(5)), expected, rtol=1e-14, atol=1e-14)


def test_a_rate_to_itself_may_be_anything():
    rates = torch.tensor([[math.inf, 1.0], [2.0, math.nan]])
    assert torch.equal(rate_matrix(rates), torch.tensor([[-1.0, 1.0], [2.0, -2.0]]))


@pytest.mark.parametrize("n", [2, 4, 7])
def test_the_exact_law_is_that_of_scipy(n):
    rates, p0 = rate_matrix(random_rates(n)), torch.rand(3, n, generator=seeded(1), dtype=F64).softmax(1)
    ts = torch.tensor([0.0, 0.01, 0.5, 1.0, 3.0], dtype=F64)
    laws = chain_law(rates, p0, ts)
    for t, law in zip(ts, laws, strict=True):
        expected = p0.numpy() @ expm(t.item() * rates.numpy())
        torch.testing.assert_close(law, torch.from_numpy(expected), rtol=0, atol=1e-13)
    torch.testing.assert_close(chain_law(rates, p0[1], ts), laws[:, 1], rtol=0, atol=1e-14)


def test_the_law_solves_the_forward_equation():
    h, middle = 1e-3, 0.5
    a, b, law, c, d = chain_law(Q, FIRST, torch.tensor([-2 * h, -h, 0, h, 2 * h], dtype=F64) + middle)
    derivative = (8 * (c - b) - (d - a)) / (12 * h)
    assert (derivative - law @ Q).abs().max() < 1e-9
    assert (derivative - Q @ law).abs().max() > 0.1  # rates of entering and leaving exchanged


def test_probability_is_kept_and_comes_to_rest():
    laws = chain_law(Q, FIRST, torch.linspace(0, 20, 41, dtype=F64))
    assert (laws.sum(1) - 1).abs().max() < 1e-13 and laws.min() > -1e-15
    assert (laws[-1] @ Q).abs().max() < 1e-13


def test_eulers_law_has_the_errors_of_the_course():
    """Order 1: total variation at t = 1 halves with the step."""
    exact = chain_law(Q, FIRST, torch.tensor([1.0]))[0]
    found = {}
    for n in (5, 8, 16, 64, 256, 512):
        p = FIRST
        for _ in range(n):
            p = euler_chain_law(Q, p, 1 / n)
        found[n] = total_variation(p, exact).item()
    assert [round(found[n], 4) for n in (8, 16, 64, 256)] == [0.049, 0.0216, 0.005, 0.0012]
    assert math.log2(found[256] / found[512]) == pytest.approx(1, abs=0.01)


def test_an_euler_step_is_its_formula_for_one_law_and_for_many():
    p = torch.rand(3, 4, generator=seeded(), dtype=F64).softmax(1)
    expected = torch.stack([row @ (torch.eye(4) + 0.1 * Q) for row in p])
    torch.testing.assert_close(euler_chain_law(Q, p, 0.1), expected, rtol=0, atol=1e-15)
    torch.testing.assert_close(euler_chain_law(Q, p[0], torch.tensor(0.1)), expected[0], rtol=1e-7, atol=1e-8)


def test_the_longest_euler_step_is_one_over_the_largest_rate():
    for dtype in (torch.float32, F64):
        longest = 1 / 4.3
        assert euler_chain_law(Q.to(dtype), FIRST.to(dtype), longest).min() >= 0
        with pytest.raises(
            ValueError, match="a step h from 0 to 0.232558, one over the largest rate, got 0.5: a prob.* -1.15"
        ):
            euler_chain_law(Q.to(dtype), FIRST.to(dtype), 0.5)
    assert torch.equal(euler_chain_law(torch.zeros(2, 2), torch.tensor([0.5, 0.5]), 100.0), torch.tensor([0.5, 0.5]))


# Draws


def first_above(p: list[float], u: float) -> int:
    total = 0.0
    for k, share in enumerate(p):
        total += share
        if total > u:
            return k
    return max(k for k, share in enumerate(p) if share > 0)


def test_categorical_is_a_loop_over_letters():
    p = torch.randn(40, 6, 5, generator=seeded(), dtype=F64).softmax(-1)
    u = torch.rand(40, 6, generator=seeded(1), dtype=F64)
    expected = [[first_above(p[b, i].tolist(), u[b, i].item()) for i in range(6)] for b in range(40)]
    drawn = categorical(p, u)
    assert drawn.dtype == torch.int64 and drawn.tolist() == expected


def test_a_letter_without_probability_is_never_drawn():
    p = torch.tensor([0.0, 0.25, 0.0, 0.75, 0.0, 0.0], dtype=F64)
    u = torch.tensor([0.0, 0.25 - 1e-16, 0.25, 1 - 1e-16, 1.0], dtype=F64)
    assert categorical(p.expand(5, 6), u).tolist() == [1, 1, 3, 3, 3]


def test_sums_of_float32_that_end_below_1_do_not_draw_the_last_token():
    """More than a tenth of random laws end below the largest number of float32 below 1; the mask has probability 0."""
    p = torch.nn.functional.pad(torch.rand(1000, 27, generator=seeded()).softmax(-1), (0, 1))
    u = torch.full((1000,), 1 - 2.0**-24)
    below = p.cumsum(-1)[:, -1] <= u
    assert 100 < below.sum() < 1000
    drawn = categorical(p, u)
    assert drawn.max() == 26 and (p.cumsum(-1) <= u[:, None]).sum(-1).max() == 28


def test_rare_letters_keep_their_share():
    """A letter of probability 1e-9 is drawn for every u below it; multiples of 2**-24, as in float32, would miss it."""
    p = torch.tensor([1e-9, 1 - 1e-9], dtype=F64)
    u = torch.linspace(0, 2e-9, 2001, dtype=F64)[:-1] + 5e-13
    assert (categorical(p.expand(2000, 2), u) == 0).sum() == 1000


def test_draws_have_the_law():
    p = torch.tensor([0.1, 0.0, 0.6, 0.3])
    drawn = categorical(p.expand(100_000, 4), torch.rand(100_000, generator=seeded()))
    assert fits(drawn.bincount(minlength=4), p)
    assert not fits(drawn.bincount(minlength=4), torch.tensor([0.12, 0.0, 0.58, 0.3]))


def test_distances_and_entropies_are_sums():
    p, q = torch.randn(2, 3, 6, generator=seeded(), dtype=F64).softmax(-1)
    for b in range(3):
        most = sum(max(p[b, k].item() - q[b, k].item(), 0) for k in range(6))
        assert total_variation(p, q)[b].item() == pytest.approx(most, abs=1e-15)
        bits = -sum(share * math.log2(share) for share in p[b].tolist())
        assert entropy(p)[b].item() == pytest.approx(bits, abs=1e-14)


# Jumps


def test_a_jump_is_a_loop_over_the_other_states():
    rates = rate_matrix(random_rates(4))
    x = torch.arange(4).repeat(30)
    e, u = torch.rand(2, 120, generator=seeded(1), dtype=F64)
    found = jump(rates, x, e, u)
    for b in range(120):
        others = [y for y in range(4) if y != x[b]]
        leave = sum(rates[x[b], y].item() for y in others)
        assert found.waits[b].item() == pytest.approx(e[b].item() / leave, rel=1e-12)
        share = first_above([rates[x[b], y].item() / leave for y in others], u[b].item())
        assert found.states[b] == others[share]


def test_a_state_that_is_never_left_waits_for_ever():
    found = jump(torch.zeros(2, 2), torch.tensor([1]), torch.tensor([0.5]), torch.tensor([0.5]))
    assert found.waits.isinf().all() and found.states.tolist() == [1]
    paths = gillespie(torch.zeros(2, 2), torch.tensor([1, 0]), 10.0, seeded())
    assert paths.end.tolist() == [1, 0] and paths.jumps.tolist() == [0, 0] and paths.times.shape == (2, 1)


@pytest.fixture(scope="module")
def many() -> Paths:
    return gillespie(Q, torch.zeros(20_000, dtype=torch.int64), 1.0, seeded())


@pytest.mark.parametrize("t", [0.1, 0.4, 1.0])
def test_exact_paths_have_the_exact_law(many, t):
    law = chain_law(Q, FIRST, torch.tensor([t], dtype=F64))[0]
    assert fits(many.at(t).bincount(minlength=4), law)
    wrong = euler_chain_law(Q, euler_chain_law(Q, FIRST, t / 5), t / 5)
    assert not fits(many.at(t).bincount(minlength=4), wrong.clamp(min=1e-3))


def test_exact_paths_jump_as_often_as_they_should(many):
    """The mean number of jumps is the integral of the rate of leaving, by Simpson's rule here."""
    ts = torch.linspace(0, 1, 201, dtype=F64)
    weights = torch.tensor([1, *[4, 2] * 99, 4, 1], dtype=F64) / 600
    expected = (weights * (chain_law(Q, FIRST, ts) @ -Q.diagonal())).sum().item()
    assert expected == pytest.approx(2.76, abs=0.005)
    jumps = many.jumps.double()
    assert abs(jumps.mean().item() - expected) < 5 * jumps.std().item() / len(jumps) ** 0.5


def test_paths_are_told_jump_by_jump(many):
    assert many.times.shape == many.states.shape and many.times.dtype == F64 and many.states.dtype == torch.int64
    assert (many.times[:, 0] == 0).all() and (many.states[:, 0] == 0).all() and many.jumps.max() > 8
    assert torch.equal(many.at(1.0), many.end)
    happened = many.times.isfinite()[:, 1:]
    assert (many.times.diff()[happened] > 0).all() and (many.times[many.times.isfinite()] <= 1).all()
    assert torch.equal(many.states.diff() != 0, happened)
    for b in range(20):
        at = [k for k in range(many.times.shape[1]) if many.times[b, k] <= 0.5][-1]
        assert many.at(0.5)[b] == many.states[b, at]


def test_paths_come_again_with_their_seed():
    one, two, other = (gillespie(Q, torch.zeros(9, dtype=torch.int64), 1.0, seeded(k)) for k in (0, 0, 1))
    assert torch.equal(one.times, two.times) and torch.equal(one.states, two.states)
    assert not torch.equal(one.times[:, 1], other.times[:, 1])


# Bad input

UNSQUARE, NEGATIVE = torch.ones(2, 3), torch.tensor([[0.0, -1.0], [1.0, 0.0]])
LEAKS = torch.tensor([[-2.0, 1.0], [0.5, -0.5]])
GOOD = torch.tensor([[-1.0, 1.0], [0.5, -0.5]])
HALF, ONE = torch.tensor([0.5, 0.5]), torch.tensor([0])
REFUSED = {
    "rates not square": (lambda: rate_matrix(UNSQUARE), r"square matrix of rates, got shape \(2, 3\)"),
    "negative rates": (lambda: rate_matrix(NEGATIVE), "rates of at least 0 and finite, got -1 to 1"),
    "rates nan": (lambda: rate_matrix(NEGATIVE * math.nan), "rates of at least 0 and finite, got nan"),
    "rates infinite": (lambda: rate_matrix(NEGATIVE.abs() / 0), "got 0 to inf"),
    "Q not square": (lambda: chain_law(UNSQUARE, HALF, HALF), r"square matrix of rates Q, got shape \(2, 3\)"),
    "Q negative": (lambda: chain_law(-GOOD, HALF, HALF), "rates of at least 0 off the diagonal of Q, got -1"),
    "rows": (lambda: chain_law(LEAKS, HALF, HALF), "rows of Q that sum to 0, got a sum of -1"),
    "columns": (lambda: chain_law(GOOD.T, HALF, HALF), "rows of Q that sum to 0"),
    "law of others": (lambda: chain_law(GOOD, torch.ones(3) / 3, HALF), r"the 2 states of Q, got shape \(3,\)"),
    "no law": (lambda: chain_law(GOOD, HALF * 0.9, HALF), "probabilities sum to 1, got the sum 0.9"),
    "law below 0": (lambda: chain_law(GOOD, torch.tensor([-0.5, 1.5]), HALF), "at least 0, got -0.5"),
    "time below 0": (lambda: chain_law(GOOD, HALF, -HALF), "times of at least 0, got -0.5 to -0.5"),
    "step below 0": (lambda: euler_chain_law(GOOD, HALF, -0.1), "step h from 0 to 1, .* got -0.1"),
    "step nan": (lambda: euler_chain_law(GOOD, HALF, math.nan), "step h from 0 to 1, .* got nan"),
    "step too long": (lambda: euler_chain_law(GOOD, HALF, 1.25), "step h from 0 to 1, .* a probability would be -0.25"),
    "draw from no law": (lambda: categorical(HALF * 1.1, torch.tensor(0.5)), "got the sum 1.1"),
    "draw from nan": (lambda: categorical(HALF * math.nan, torch.tensor(0.5)), "at least 0, got nan"),
    "draw below 0": (lambda: categorical(torch.tensor([1.5, -0.5]), torch.tensor(0.5)), "at least 0, got -0.5"),
    "u above 1": (lambda: categorical(HALF, torch.tensor(1.5)), "uniforms u from 0 to 1, got 1.5 to 1.5"),
    "u of another shape": (lambda: categorical(HALF, HALF), r"one u a law, shape \(\), got \(2,\)"),
    "float states": (
        lambda: jump(GOOD, HALF, HALF, HALF),
        "states as whole numbers, such as torch.int64, got torch.float32",
    ),
    "no such state": (lambda: jump(GOOD, ONE + 2, HALF[:1], HALF[:1]), "states from 0 to 1, got 2 to 2"),
    "state below 0": (lambda: gillespie(GOOD, ONE - 1, 1.0), "states from 0 to 1, got -1 to -1"),
    "negative wait": (lambda: jump(GOOD, ONE, -HALF[:1], HALF[:1]), "waiting times of at least 0, got -0.5"),
    "end below 0": (lambda: gillespie(GOOD, ONE, -1.0), "an end of at least 0 and finite, got -1"),
    "no end": (lambda: gillespie(GOOD, ONE, math.inf), "an end of at least 0 and finite, got inf"),
    "before the beginning": (lambda: gillespie(GOOD, ONE, 1.0, seeded()).at(-0.5), "time of at least 0, got -0.5"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_in_words(case, unchecked):
    call, message = REFUSED[case]
    with pytest.raises(ValueError, match=f"^expected .*{message}"):
        call()
