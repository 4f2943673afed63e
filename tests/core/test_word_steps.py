"""Steps of words against loops, and what they keep: laws, marginals, seen letters."""

import itertools
import math

import pytest
import torch

from course_utils.networks import LetterMLP, OwnLetter
from course_utils.words import (
    MaskPath,
    UniformPath,
    all_words,
    euler_law,
    exponential_law,
    own_letter,
    toy_words,
    unmask_law,
)

F64 = torch.float64
V = 4


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def some_posterior(batch: int, length: int = 3, dtype=F64) -> torch.Tensor:
    return torch.randn(batch, length, V, generator=seeded(), dtype=dtype).softmax(-1)


def some_letters(batch: int, states: int, length: int = 3) -> torch.Tensor:
    return torch.randint(states, (batch, length), generator=seeded(1))


# Euler's step


def test_eulers_law_is_a_loop():
    post, x = some_posterior(7), some_letters(7, V)
    t = 0.1 + 0.6 * torch.rand(7, generator=seeded(2), dtype=F64)
    h = torch.rand(7, generator=seeded(3), dtype=F64) * (1 - t)
    found, same = euler_law(post, x, t, h), euler_law(post, x, t, 0.2)
    for b, i, a in itertools.product(range(7), range(3), range(V)):
        here = float(x[b, i] == a)
        change = (post[b, i, a].item() - here) / (1 - t[b].item())
        assert found[b, i, a].item() == pytest.approx(here + h[b].item() * change, abs=1e-14)
        assert same[b, i, a].item() == pytest.approx(here + 0.2 * change, abs=1e-14)
    assert (found.sum(-1) - 1).abs().max() < 1e-15 and found.min() >= 0


@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_the_last_step_is_the_posterior_itself(dtype):
    """1 / (1 - t) is not cut off, and the share h / (1 - t) is exactly 1, whatever the grid: no letter is left over."""
    post, x, masked = some_posterior(2, dtype=dtype), some_letters(2, V), some_letters(2, V + 1)
    for n in range(1, 400):
        ts = torch.linspace(0, 1, n + 1, dtype=F64)
        assert torch.equal(UniformPath(V).euler(post, x, ts[-2], ts[-1]), post)
        assert torch.equal(euler_law(post, x, ts[-2], 1 - ts[-2]), post)
        law = unmask_law(post, masked, ts[-2], ts[-1])
        assert (law[..., V] == 0).all() and torch.equal(law[masked == V][:, :V], post[masked == V])
    late = 1 - 2.0**-40
    assert torch.equal(euler_law(post, x, late, 2.0**-40), post)


def test_a_step_of_no_length_changes_nothing():
    post, x = some_posterior(5), some_letters(5, V)
    assert torch.equal(euler_law(post, x, 0.3, 0.0).argmax(-1), x)
    law = unmask_law(post, some_letters(5, V + 1), 0.3, 0.3)
    assert torch.equal(law.argmax(-1), some_letters(5, V + 1)) and law.max(-1).values.min() == 1


# Unmasking


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_unmasking_is_a_loop(share):
    post, x = some_posterior(7), some_letters(7, V + 1)
    t = 0.1 + 0.4 * torch.rand(7, generator=seeded(2), dtype=F64)
    t_next = t + 0.3
    sigma = share * ((1 - t_next) / t).clamp(max=1)
    found = unmask_law(post, x, t, t_next, sigma)
    assert found.shape == (7, 3, V + 1) and (found.sum(-1) - 1).abs().max() < 1e-15 and found.min() >= 0
    for b, i in itertools.product(range(7), range(3)):
        s = sigma[b].item()
        r = (t_next[b].item() - (1 - s) * t[b].item()) / (1 - t[b].item())
        right = [0.0] * (V + 1)
        if x[b, i] == V:
            right[:V] = [r * p for p in post[b, i].tolist()]
            right[V] = 1 - r
        else:
            right[x[b, i]] += 1 - s
            right[V] += s
        assert found[b, i].tolist() == pytest.approx(right, abs=1e-14)


def test_without_remasking_it_is_eulers_step():
    post, x = some_posterior(9), some_letters(9, V + 1)
    seen = torch.nn.functional.one_hot(x, V + 1).double()
    target = torch.where((x == V)[..., None], torch.nn.functional.pad(post, (0, 1)), seen)
    torch.testing.assert_close(unmask_law(post, x, 0.3, 0.5), euler_law(target, x, 0.3, 0.2), rtol=0, atol=1e-15)
    torch.testing.assert_close(MaskPath(V).euler(post, x, 0.3, 0.5), unmask_law(post, x, 0.3, 0.5), rtol=0, atol=0)


@pytest.mark.parametrize("sigma", [0.0, 0.2, 1.0])
def test_as_much_is_masked_again_as_one_likes(sigma):
    """One letter with the exact posterior goes from p_t to p_t' exactly, for every sigma."""
    t, t_next = 0.4, 0.55
    sigma = sigma * min(1, (1 - t_next) / t)
    q = torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=F64)
    states = torch.arange(V + 1)[:, None]
    law = unmask_law(q.expand(V + 1, 1, V), states, t, t_next, sigma)[:, 0]
    before, after = (torch.cat([time * q, torch.tensor([1 - time], dtype=F64)]) for time in (t, t_next))
    torch.testing.assert_close(before @ law, after, rtol=0, atol=2e-16)
    if sigma:
        wrong = unmask_law(q.expand(V + 1, 1, V), states, t, t_next, sigma / 2)[:, 0]
        assert (wrong - law).abs().max() > 0.05


# Jumps with the chance 1 - exp(-h rate)


def test_the_exponential_step_is_a_loop():
    for path in (UniformPath(V), MaskPath(V)):
        post, x = some_posterior(6), some_letters(6, path.states)
        rate = path.rate(post, x, 0.4)
        found = exponential_law(rate, x, 0.25)
        for b, i in itertools.product(range(6), range(3)):
            here = int(x[b, i])
            leave = sum(r for a, r in enumerate(rate[b, i].tolist()) if a != here)
            stays = math.exp(-0.25 * leave)
            right = [(1 - stays) * r / leave if leave else 0 for r in rate[b, i].tolist()]
            right[here] = stays
            assert found[b, i].tolist() == pytest.approx(right, abs=1e-15)
        torch.testing.assert_close(path.exponential(post, x, 0.4, 0.65), found, rtol=0, atol=1e-15)


def test_for_constant_rates_to_one_letter_it_is_the_matrix_exponential():
    rate = torch.tensor([[-2.0, 2.0], [0.0, 0.0]], dtype=F64)
    exact = torch.linalg.matrix_exp(0.7 * rate)
    found = exponential_law(rate[:, None], torch.tensor([[0], [1]]), 0.7)[:, 0]
    torch.testing.assert_close(found, exact, rtol=0, atol=1e-15)


def test_each_word_may_have_its_own_step():
    post, x, t, h = some_posterior(3), some_letters(3, V), torch.tensor([0.1, 0.5, 0.7]), torch.tensor([0.2, 0.1, 0.3])
    path = UniformPath(V)
    together = exponential_law(path.rate(post, x, t), x, h)
    for b in range(3):
        rate = path.rate(post[b : b + 1], x[b : b + 1], t[b])
        torch.testing.assert_close(together[b : b + 1], exponential_law(rate, x[b : b + 1], h[b]), rtol=0, atol=1e-15)


# The letter's own evidence


@pytest.mark.parametrize("t", [0.0, 0.3, 0.95])
def test_own_letter_and_the_others_are_the_posterior(t):
    """On the toy: from all words, what the letters elsewhere say, by its own sum; then the closed form for its own."""
    exact = toy_words(UniformPath(5))
    x = all_words(5, 3)
    noisy = t * (x[:, None] == exact.words).double() + (1 - t) / 5
    others = torch.stack([noisy[..., [j for j in range(3) if j != i]].prod(-1) * exact.q for i in range(3)], 2)
    logits = torch.einsum("bni,nia->bia", others, torch.nn.functional.one_hot(exact.words, 5).double()).log()
    found = own_letter(logits, x, t).softmax(-1)
    torch.testing.assert_close(found, exact.posterior(x, t), rtol=0, atol=1e-14)
    gap = (logits.softmax(-1) - exact.posterior(x, t)).abs().max()
    assert gap > 0.1 or t == 0


def test_own_letter_takes_a_time_for_each_word_and_keeps_the_type():
    logits, x, t = torch.randn(3, 2, V), some_letters(3, V, 2), torch.tensor([0.0, 0.5, 0.9])
    found = own_letter(logits, x, t)
    assert found.dtype == torch.float32
    for b, i, a in itertools.product(range(3), range(2), range(V)):
        bonus = math.log(1 + V * t[b].item() / (1 - t[b].item())) if x[b, i] == a else 0
        assert found[b, i, a].item() == pytest.approx(logits[b, i, a].item() + bonus, abs=1e-5)


def test_a_network_gets_its_own_letter_by_formula():
    torch.manual_seed(0)
    net = LetterMLP(V, 3, hidden=8, time=True)
    torch.nn.init.normal_(net.last[1].weight)
    model, x, t = OwnLetter(net), some_letters(5, V), torch.rand(5, generator=seeded())
    torch.testing.assert_close(model(x, t), own_letter(net(x, t), x, t))
    assert (model.letters, model.length) == (V, 3) and repr(model).startswith("OwnLetter(net=LetterMLP), ")
    model(x, t).logsumexp(-1).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    labelled = OwnLetter(LetterMLP(V, 3, hidden=8, time=True, num_classes=2))
    assert labelled(x, t, torch.tensor([0, 1, 0, 1, 0])).shape == (5, 3, V)


# Bad input

POST, X, MASKED = some_posterior(2), some_letters(2, V), torch.full((2, 3), V)
RATE = UniformPath(V).rate(POST, X, 0.5)
REFUSED = {
    "h beyond the time left": (
        lambda: euler_law(POST, X, 0.7, 0.4),
        "from 0 to the time that is left, 0.3 at t = 0.7, got 0.4",
    ),
    "h of one word": (lambda: euler_law(POST, X, torch.tensor([0.1, 0.7]), 0.4), "0.3 at t = 0.7, got 0.4"),
    "h below 0": (lambda: euler_law(POST, X, 0.7, -0.1), "0.3 at t = 0.7, got -0.1"),
    "h nan": (lambda: euler_law(POST, X, 0.7, math.nan), "0.3 at t = 0.7, got nan"),
    "no time left": (lambda: euler_law(POST, X, 1.0, 0.0), "the time that is left, 0 at t = 1, got 0"),
    "time above 1": (lambda: euler_law(POST, X, 1.2, 0.1), "got t = 1.2"),
    "no law": (lambda: euler_law(POST * 1.5, X, 0.5, 0.1), "posterior whose probabilities sum to 1, got the sum 1.5"),
    "a law below 0": (lambda: euler_law(POST - 0.3, X, 0.5, 0.1), "posterior of probabilities of at least 0, got -0.2"),
    "logits for laws": (lambda: unmask_law(POST.log(), X, 0.5, 0.6), "posterior of probabilities of at least 0, got -"),
    "another shape": (lambda: euler_law(POST[:1], X, 0.5, 0.1), r"shape \(2, 3, 'letters'\), got \(1, 3, 4\)"),
    "a mask": (lambda: euler_law(POST, MASKED, 0.5, 0.1), "letters from 0 to 3, got 4 to 4"),
    "beyond the mask": (
        lambda: unmask_law(POST, MASKED + 1, 0.5, 0.6),
        r"letters \(the mask is 4\) from 0 to 4, got 5 to 5",
    ),
    "float letters": (
        lambda: unmask_law(POST, X.double(), 0.5, 0.6),
        "letters .* as whole numbers, .* got torch.float64",
    ),
    "backwards": (
        lambda: unmask_law(POST, X, 0.5, 0.4),
        "step h from 0 to the time that is left, 0.5 at t = 0.5, got -0.1",
    ),
    "sigma too large": (
        lambda: unmask_law(POST, X, 0.5, 0.75, 0.6),
        r"sigma from 0 to \(1 - t_next\) / t and to 1, here 0.5, got 0.6",
    ),
    "sigma above 1": (lambda: unmask_law(POST, X, 0.1, 0.2, 1.1), "here 1, got 1.1"),
    "sigma below 0": (lambda: unmask_law(POST, X, 0.5, 0.75, -0.1), "here 0.5, got -0.1"),
    "sigma at the end": (lambda: unmask_law(POST, X, 0.5, 1.0, 0.1), "here 0, got 0.1"),
    "rates of others": (
        lambda: exponential_law(RATE[:1], X, 0.1),
        r"rates of shape \(2, 3, 'states'\), got \(1, 3, 4\)",
    ),
    "rates below 0": (lambda: exponential_law(-RATE, X, 0.1), "rates of at least 0 to other letters, got -"),
    "rates that leak": (lambda: exponential_law(RATE + 1, X, 0.1), "rates that sum to 0, got a sum of 4"),
    "a step below 0": (lambda: exponential_law(RATE, X, -0.1), "a step h of at least 0, got -0.1"),
    "own letter at the end": (
        lambda: own_letter(POST.log(), X, 1.0),
        "a time below 1: at t = 1 the letter .* is certain",
    ),
    "own letter a mask": (lambda: own_letter(POST.log(), MASKED, 0.5), "letters from 0 to 3, got 4 to 4"),
    "logits of others": (
        lambda: own_letter(POST[:, :2], X, 0.5),
        r"logits of shape \(2, 3, 'letters'\), got \(2, 2, 4\)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_in_words(case, unchecked):
    call, message = REFUSED[case]
    with pytest.raises(ValueError, match=f"(^expected .*|^t runs from 0 .noise. to 1 .data., ){message}"):
        call()
