"""Exact probabilities of words: against all orders one by one, against the sampler's law, and they sum to 1."""

import itertools
import math

import pytest
import torch

from course_utils import likelihood, networks, words

V, L = 3, 4
PATH = words.MaskPath(V)
EVERYTHING = words.all_words(V, L)


def network(**options) -> networks.LetterMLP:
    torch.manual_seed(0)
    net = networks.LetterMLP(V, L, hidden=16, **options).double()
    for p in net.parameters():
        torch.nn.init.normal_(p, std=0.5)
    return net


def in_order(model, word: list[int], order: tuple[int, ...], y=None) -> float:
    """log p, the letters revealed one after the other."""
    x, total = torch.full((1, L), V), 0.0
    for i in order:
        logits = model(x, torch.tensor([(x != V).double().mean()])) if y is None else model(x, None, torch.tensor([y]))
        total += logits.log_softmax(-1)[0, i, word[i]].item()
        x[0, i] = word[i]
    return total


@pytest.mark.parametrize("options", [{}, {"time": True}])
def test_exact_and_bound_are_means_over_all_orders(options):
    net, x = network(**options), torch.tensor([[0, 2, 1, 1], [2, 2, 0, 1]])
    found = likelihood.subset_likelihood(net, x)
    for row, word in enumerate(x.tolist()):
        logs = torch.tensor([in_order(net, word, order) for order in itertools.permutations(range(L))])
        assert found.exact[row].item() == pytest.approx(logs.logsumexp(0).item() - math.log(math.factorial(L)))
        assert found.bound[row].item() == pytest.approx(logs.mean().item())
        assert found.bound[row] < found.exact[row] - 1e-3  # this network contradicts itself


def test_probabilities_of_all_words_sum_to_one():
    net = network()
    found = likelihood.subset_likelihood(net, EVERYTHING)
    assert found.exact.dtype == torch.float64
    assert found.exact.exp().sum().item() == pytest.approx(1, abs=1e-12)
    assert found.bound.exp().sum() < 0.999
    for order in ((0, 1, 2, 3), (3, 1, 0, 2)):
        assert likelihood.ordered_likelihood(net, EVERYTHING, order=order).exp().sum().item() == pytest.approx(1)


def test_it_is_the_law_of_the_sampler():
    net = network()
    law = words.reveal_law(lambda x, t: words.letter_posterior(net, PATH, x, t), PATH, L)
    torch.testing.assert_close(likelihood.subset_likelihood(net, EVERYTHING).exact.exp(), law, rtol=1e-10, atol=0)


def test_an_exact_model_says_its_own_probabilities_in_every_order():
    z = torch.randint(0, V, (60, L), generator=torch.Generator().manual_seed(0))
    chain = words.LetterChain.fit(z, 2, V).double()
    chain = words.LetterChain(chain.first / chain.first.sum(), chain.steps / chain.steps.sum(-1, keepdim=True))
    p = chain.log_prob(EVERYTHING)
    found = likelihood.subset_likelihood(chain, EVERYTHING)
    for value in (found.exact, found.bound, *(ordered(chain, order) for order in itertools.permutations(range(L)))):
        torch.testing.assert_close(value, p, rtol=1e-10, atol=1e-10)
    entropy = -(p.exp() * p).sum()
    assert -(p.exp() * found.bound).sum().item() == pytest.approx(entropy.item(), rel=1e-10)


def ordered(model, order):
    return likelihood.ordered_likelihood(model, EVERYTHING, order=order)


def test_one_order_is_its_product():
    net = network()
    x = torch.tensor([[0, 2, 1, 1], [2, 2, 0, 1]])
    for order in ((0, 1, 2, 3), (2, 0, 3, 1)):
        found = likelihood.ordered_likelihood(net, x, order=order)
        assert found.tolist() == pytest.approx([in_order(net, word, order) for word in x.tolist()])
    assert torch.equal(likelihood.ordered_likelihood(net, x), likelihood.ordered_likelihood(net, x, order=range(L)))


def test_random_masks_estimate_the_bound():
    net, x = network(), torch.tensor([[0, 2, 1, 1]]).expand(400, -1)
    found = likelihood.masked_bound(net, x, samples=8, generator=torch.Generator().manual_seed(0))
    assert found.shape == (400,)
    wanted = likelihood.subset_likelihood(net, x[:1]).bound[0]
    assert abs(found.mean() - wanted) < 5 * found.std() / 20
    more = likelihood.masked_bound(net, x, samples=64, generator=torch.Generator().manual_seed(0))
    assert more.std() < found.std() / 2


def test_labels_are_handed_on():
    net, x = network(num_classes=2), torch.tensor([[0, 2, 1, 1], [0, 2, 1, 1]])
    y = torch.tensor([0, 1])
    found = likelihood.ordered_likelihood(net, x, y)
    assert found.tolist() == pytest.approx([in_order(net, [0, 2, 1, 1], range(L), label) for label in (0, 1)])
    logs = [[in_order(net, [0, 2, 1, 1], order, k) for order in itertools.permutations(range(L))] for k in (0, 1)]
    assert likelihood.subset_likelihood(net, x, y).bound.tolist() == pytest.approx([sum(one) / 24 for one in logs])
    generator = torch.Generator().manual_seed(0)
    estimate = likelihood.masked_bound(net, x.repeat(300, 1), y.repeat(300), generator=generator).reshape(300, 2)
    for k in (0, 1):
        assert abs(estimate[:, k].mean() - sum(logs[k]) / 24) < 5 * estimate[:, k].std() / 300**0.5


def test_many_words_are_worked_on_in_parts(monkeypatch):
    net, x, y = network(num_classes=2), EVERYTHING, torch.arange(len(EVERYTHING)) % 2
    whole = likelihood.subset_likelihood(net, x, y), likelihood.ordered_likelihood(net, x, y)
    from course_utils.likelihood import letters

    monkeypatch.setattr(letters, "ROWS", 7)
    monkeypatch.setattr(letters, "WORDS", 5)
    parts = likelihood.subset_likelihood(net, x, y), likelihood.ordered_likelihood(net, x, y)
    torch.testing.assert_close(parts, whole, rtol=1e-12, atol=1e-12)
    assert likelihood.masked_bound(net, x, y).shape == (81,)


def test_gradients_are_not_kept():
    net, x = network(), torch.tensor([[0, 2, 1, 1]])
    assert not likelihood.subset_likelihood(net, x).exact.requires_grad
    assert not likelihood.masked_bound(net, x).requires_grad
    assert not likelihood.ordered_likelihood(net, x).requires_grad


@pytest.mark.parametrize("x", [[[0, 1, 2, 3]], [[0, 1, -1, 2]], [[0.0, 1.0, 2.0, 0.0]], [0, 1, 2, 0]])
@pytest.mark.parametrize("call", [likelihood.subset_likelihood, likelihood.masked_bound, likelihood.ordered_likelihood])
def test_what_is_no_word_is_refused(call, x):
    with pytest.raises(ValueError, match="expected"):
        call(network(), torch.tensor(x))


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 1, 2, 2), (1, 2, 3, 4)])
def test_an_order_has_every_place_once(order):
    with pytest.raises(ValueError, match="expected an order of the places 0 to 3"):
        likelihood.ordered_likelihood(network(), EVERYTHING, order=order)


def test_limits():
    with pytest.raises(ValueError, match="at most 16 letters"):
        likelihood.subset_likelihood(networks.LetterMLP(2, 17, hidden=4), torch.zeros(1, 17, dtype=torch.int64))
    with pytest.raises(ValueError, match="at least 1 sample"):
        likelihood.masked_bound(network(), EVERYTHING, samples=0)
