"""The chain of letters: what it says of gaps, against the sum over all completions; its tables, against counting."""

import itertools
import math
from collections import Counter

import pytest
import torch

from course_utils import data, words

V = 3


def chain_of(order: int, length: int = 5, seed: int = 0, zeros: bool = False) -> words.LetterChain:
    generator = torch.Generator().manual_seed(seed)
    first = torch.rand((V,) * order, generator=generator, dtype=torch.float64)
    steps = torch.rand((length - order, *(V,) * (order + 1)), generator=generator, dtype=torch.float64)
    if zeros:
        steps = steps * (steps > 0.4) + 1e-300
    return words.LetterChain(first / first.sum(), steps / steps.sum(-1, keepdim=True))


def probability(chain: words.LetterChain, word: tuple[int, ...]) -> float:
    """The product, as the definition says."""
    m = chain.order
    p = chain.first[word[:m]].item()
    for i in range(m, len(word)):
        p *= chain.steps[i - m][word[i - m : i + 1]].item()
    return p


@pytest.mark.parametrize("order", [1, 2, 3])
def test_every_pattern_of_gaps_against_all_completions(order):
    chain, length = chain_of(order), 5
    everything = words.all_words(V, length)
    p = torch.tensor([probability(chain, tuple(word)) for word in everything.tolist()], dtype=torch.float64)
    assert p.sum().item() == pytest.approx(1, abs=1e-12)
    torch.testing.assert_close(chain.log_prob(everything).exp(), p, rtol=1e-12, atol=0)
    patterns = words.all_words(V + 1, length)
    fits = ((patterns[:, None] == everything) | (patterns[:, None] == V)).all(-1).double() * p
    wanted = torch.einsum("pw,wia->pia", fits, torch.nn.functional.one_hot(everything, V).double())
    wanted = wanted / wanted.sum(-1, keepdim=True)
    torch.testing.assert_close(chain(patterns).exp(), wanted, rtol=1e-10, atol=1e-300)


def test_rare_words_count_as_they_should():
    chain = chain_of(2, seed=3, zeros=True)
    pattern = torch.tensor([[V, 0, V, 1, V]])
    p = torch.zeros(5, V, dtype=torch.float64)
    for word in itertools.product(range(V), repeat=5):
        if word[1] == 0 and word[3] == 1:
            for i, letter in enumerate(word):
                p[i, letter] += probability(chain, word)
    torch.testing.assert_close(chain(pattern).exp()[0], p / p.sum(-1, keepdim=True), rtol=1e-10, atol=1e-290)


def test_long_words_do_not_end_in_zeros():
    chain = chain_of(2, length=400)
    x = torch.randint(0, V + 1, (4, 400), generator=torch.Generator().manual_seed(1))
    single = words.LetterChain(chain.first.float(), chain.steps.float())
    answer = single(x)
    assert answer.dtype == torch.float32 and answer.isfinite().all()
    torch.testing.assert_close(answer.exp().double(), chain(x).exp(), rtol=1e-4, atol=1e-5)


def test_times_and_labels_are_not_looked_at():
    chain, x = chain_of(1), torch.tensor([[0, V, 1, V, 2]])
    assert torch.equal(chain(x), chain(x, torch.tensor([0.3]), torch.tensor([5])))
    assert not chain(x).requires_grad and not list(chain.parameters())


@pytest.mark.parametrize("order", [1, 2])
def test_samples_have_the_law_of_the_chain(order):
    chain, n = chain_of(order, length=4), 40_000
    z = chain.sample(n, torch.Generator().manual_seed(0))
    everything = words.all_words(V, 4)
    p = chain.log_prob(everything).exp()
    share = torch.bincount(words.word_number(z, V), minlength=len(p)) / n
    assert ((share - p).abs() < 5 * (p * (1 - p) / n).sqrt() + 1 / n).all()
    assert torch.equal(z, chain.sample(n, torch.Generator().manual_seed(0)))


def counted(z: list[list[int]], i: int, context: tuple[int, ...], pseudo: float) -> list[float]:
    """The law of letter i after `context`, from dictionaries."""
    m = len(context)
    below = [1 / V] * V if m == 0 else counted(z, i, context[1:], pseudo)
    anywhere = Counter(word[j] for word in z for j in range(m, len(word)) if tuple(word[j - m : j]) == context)
    here = Counter(word[i] for word in z if tuple(word[i - m : i]) == context)
    shared = [(anywhere[a] + pseudo * below[a]) / (anywhere.total() + pseudo) for a in range(V)]
    return [(here[a] + pseudo * shared[a]) / (here.total() + pseudo) for a in range(V)]


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("pseudo", [30.0, 0.5])
def test_tables_are_counts_that_lean_on_shorter_ones(order, pseudo):
    z = torch.randint(0, V, (50, 5), generator=torch.Generator().manual_seed(2))
    z[:, 2] = z[:, 1]
    chain = words.LetterChain.fit(z, order, V, pseudo)
    rows = z.tolist()
    for i in range(order, 5):
        for context in itertools.product(range(V), repeat=order):
            torch.testing.assert_close(chain.steps[i - order][context], torch.tensor(counted(rows, i, context, pseudo)))
    for word in itertools.product(range(V), repeat=order):
        p = math.prod(counted(rows, i, word[:i], pseudo)[word[i]] for i in range(order))
        assert chain.first[word].item() == pytest.approx(p, rel=1e-5)


def test_it_learns_what_family_names_are_like():
    names = data.names()
    bits = {
        order: -words.LetterChain.fit(names.train, order).log_prob(names.held_out).mean().item() / math.log(2)
        for order in (1, 2)
    }
    independent = torch.stack([torch.bincount(column, minlength=27) / 60_312 for column in names.train.T])
    even = -independent.log2()[torch.arange(10), names.held_out].sum(1).mean().item()
    assert bits[2] < 24.7 < 26 < bits[1] < 26.3 < even


@pytest.mark.parametrize(
    ("first", "steps"),
    [
        (torch.tensor(1.0), torch.ones(1, 1)),
        (torch.ones(2) / 2, torch.ones(1, 3, 3) / 3),
        (torch.ones(2) / 2, torch.ones(1, 2, 2, 2) / 2),
        (torch.ones(2, 3) / 6, torch.ones(1, 2, 3, 3) / 3),
        (torch.ones(2) / 2, torch.ones(0, 2, 2)),
        (torch.ones(2), torch.ones(1, 2, 2) / 2),
        (torch.ones(2) / 2, torch.ones(1, 2, 2)),
        (torch.tensor([1.5, -0.5]), torch.ones(1, 2, 2) / 2),
    ],
)
def test_what_is_no_chain_is_refused(first, steps):
    with pytest.raises(ValueError, match="expected"):
        words.LetterChain(first, steps)


@pytest.mark.parametrize("x", [[[0, 1, 2]], [[0, 1, 2, 3, 4]], [[0, -1, 2, 0, 0]], [[0.0] * 5], [0, 1, 2, 0, 1]])
def test_what_is_no_word_is_refused(x):
    with pytest.raises(ValueError, match="expected"):
        chain_of(2)(torch.tensor(x))
    with pytest.raises(ValueError, match="expected"):
        chain_of(2).log_prob(torch.tensor(x))


def test_a_gap_has_no_probability():
    with pytest.raises(ValueError, match="expected letters from 0 to 2, got 0 to 3"):
        chain_of(1).log_prob(torch.tensor([[0, 1, 2, 3, 0]]))


@pytest.mark.parametrize(
    "wrong",
    [{"order": 0}, {"order": 3}, {"letters": 2}, {"pseudo": 0.0}, {"pseudo": -1.0}, {"pseudo": math.inf}],
)
def test_counting_refuses_what_does_not_fit(wrong):
    with pytest.raises(ValueError, match="expected"):
        words.LetterChain.fit(torch.tensor([[0, 1, 2]]), **{"order": 1} | wrong)
    with pytest.raises(ValueError, match="expected words to count"):
        words.LetterChain.fit(torch.zeros(0, 3, dtype=torch.int64))
