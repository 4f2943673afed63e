"""Networks for letters and their losses: expectations by enumeration, minimisers, bounds, a loop for every formula."""

import inspect
import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from numpy.polynomial.legendre import leggauss

from course_utils import data, guidance, losses, networks, training, words

V, L = 3, 4


def network(letters=V, length=L, seed=0, **options) -> networks.LetterMLP:
    """With random weights everywhere, in double precision: its conditionals contradict one another."""
    torch.manual_seed(seed)
    net = networks.LetterMLP(letters, length, hidden=16, **options).double()
    for p in net.parameters():
        torch.nn.init.normal_(p, std=0.5)
    return net


def surprise(net, z: tuple[int, ...], gaps: set[int], y=None) -> float:
    """Sum of -log p of the letters under the masks, for one word."""
    x = torch.tensor([[V if i in gaps else letter for i, letter in enumerate(z)]])
    p = (net(x) if y is None else net(x, None, torch.tensor([y]))).softmax(-1)[0]
    return -sum(math.log(p[i, z[i]].item()) for i in gaps)


Z = (2, 0, 1, 1)
WORD = torch.tensor([Z])
GAPS = [set(gaps) for k in range(L + 1) for gaps in itertools.combinations(range(L), k)]


def expected(net) -> float:
    """Of the bound: every number k of masks alike, every set of that many letters alike, weight L / k."""
    return sum(surprise(net, Z, gaps) / (len(gaps) * math.comb(L, len(gaps))) for gaps in GAPS if gaps)


def test_masked_loss_is_its_formula():
    net, z = network(), torch.tensor([Z, (0, 0, 2, 1)])
    t, u = torch.tensor([0.3, 0.8]), torch.tensor([[0.2, 0.3, 0.9, 0.31], [0.79, 0.81, 0.1, 0.0]])
    first = surprise(net, Z, {1, 2, 3}) / 0.7
    second = surprise(net, (0, 0, 2, 1), {1}) / 0.2
    assert losses.masked_loss(net, z, t=t, u=u).item() == pytest.approx((first + second) / 2, rel=1e-6)


def test_counted_masked_loss_is_its_formula():
    net, z = network(), torch.tensor([Z, (0, 0, 2, 1)])
    u = torch.tensor([[0.2, 0.3, 0.9, 0.31], [0.79, 0.81, 0.1, 0.0]])
    terms = losses.counted_masked_terms(net, z, count=torch.tensor([3, 1]), u=u)
    wanted = [surprise(net, Z, {0, 1, 3}) * 4 / 3, surprise(net, (0, 0, 2, 1), {3}) * 4]
    assert terms.tolist() == pytest.approx(wanted, rel=1e-12)
    mean = losses.counted_masked_loss(net, z, count=torch.tensor([3, 1]), u=u)
    assert mean.item() == pytest.approx(sum(wanted) / 2)


def test_both_losses_have_the_same_expectation():
    """Over all times, by a Gauss rule that is exact for polynomials of this degree, and over all sets of masks."""
    net = network()
    nodes, weights = (torch.from_numpy(values) for values in leggauss(L))
    nodes, weights = (nodes + 1) / 2, weights / 2
    total = 0.0
    for t, weight in zip(nodes, weights, strict=True):
        for gaps in GAPS:
            u = torch.tensor([[(1 + t) / 2 if i in gaps else t / 2 for i in range(L)]], dtype=torch.float64)
            chance = (1 - t) ** len(gaps) * t ** (L - len(gaps))
            total += (weight * chance * losses.masked_loss(net, WORD, t=t[None], u=u)).item()
    counted = 0.0
    for gaps in GAPS[1:]:
        u = torch.tensor([[0.1 if i in gaps else 0.9 for i in range(L)]])
        found = losses.counted_masked_loss(net, WORD, count=torch.tensor([len(gaps)]), u=u).item()
        counted += found / L / math.comb(L, len(gaps))
    assert counted == pytest.approx(expected(net), rel=1e-12)
    assert total == pytest.approx(expected(net), rel=1e-12)


@pytest.mark.parametrize("loss", [losses.masked_loss, losses.counted_masked_loss])
def test_drawn_masks_have_that_expectation(loss):
    net, n = network(), 20_000
    generator = torch.Generator().manual_seed(0)
    found = torch.stack([loss(net, WORD.expand(n // 20, -1), generator=generator).detach() for _ in range(20)])
    assert abs(found.mean() - expected(net)) < 5 * found.std() / 20**0.5


def test_counting_masks_makes_less_noise():
    net, z = network(), WORD.expand(64, -1)
    generator = torch.Generator().manual_seed(0)
    spread = [
        torch.stack([loss(net, z, generator=generator).detach() for _ in range(200)]).std()
        for loss in (losses.masked_loss, losses.counted_masked_loss)
    ]
    assert spread[1] < 0.7 * spread[0]


def test_even_counts_are_even_for_each_row_and_together():
    generator, n = torch.Generator().manual_seed(0), 4000
    counts = torch.stack([losses.even_counts(10, 5, generator) for _ in range(n)])
    assert (counts.sort(1).values == torch.arange(5).repeat_interleave(2) + 1).all()
    for k in range(1, 6):
        share = (counts == k).double().mean(0)
        assert ((share - 0.2).abs() < 5 * (0.2 * 0.8 / n) ** 0.5).all()


class Table(torch.nn.Module):
    """Free logits for every pattern: it can say anything."""

    letters, length = V, 3

    def __init__(self):
        super().__init__()
        self.logits = torch.nn.Parameter(torch.zeros(4**3, 3, V, dtype=torch.float64))

    def forward(self, x, t=None, y=None):
        return self.logits[words.word_number(x, V + 1)]


def test_the_minimiser_is_the_posterior_and_its_loss_the_entropy():
    everything = words.all_words(V, 3)
    q = torch.rand(27, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    exact = words.ExactWords(words.MaskPath(V), everything, q / q.sum())
    model = Table()
    with torch.no_grad():
        model.logits.copy_(exact.posterior(words.all_words(4, 3), 0.5).clamp(min=1e-30).log())

    def loss(model):
        total = 0
        for k in range(1, 4):
            for gaps in itertools.combinations(range(3), k):
                u = torch.tensor([[0.1 if i in gaps else 0.9 for i in range(3)]]).expand(27, -1)
                terms = losses.counted_masked_terms(model, everything, count=torch.full((27,), k), u=u)
                total = total + (exact.q * terms).sum() / 3 / math.comb(3, k)
        return total

    value = loss(model)
    value.backward()
    entropy = -(exact.q * exact.q.log()).sum()
    assert value.item() == pytest.approx(entropy.item(), rel=1e-12)
    masked = (words.all_words(4, 3) == V)[..., None]
    assert (model.logits.grad * masked).abs().max() < 1e-15
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        other = Table()
        noise = 0.3 * torch.randn(model.logits.shape, generator=generator, dtype=torch.float64)
        with torch.no_grad():
            other.logits.copy_(model.logits + noise)
        assert loss(other) > entropy + 1e-3


def test_letter_loss_is_the_cross_entropy_of_all_letters():
    net, path = network(time=True), words.UniformPath(V)
    z, t = torch.tensor([Z, (0, 0, 2, 1)]), torch.tensor([0.3, 0.8])
    found = losses.letter_loss(net, z, path=path, t=t, generator=torch.Generator().manual_seed(3))
    x = path.sample(z, t, generator=torch.Generator().manual_seed(3)).x
    p = net(x, t).softmax(-1)
    wanted = -sum(math.log(p[b, i, z[b, i]].item()) for b in range(2) for i in range(L)) / 2
    assert found.item() == pytest.approx(wanted, rel=1e-9)


def test_the_posterior_is_the_minimiser_of_letter_loss():
    exact = words.toy_words(words.UniformPath(5))
    z = exact.words[torch.multinomial(exact.q, 4000, True, generator=torch.Generator().manual_seed(0))]
    t = torch.full((4000,), 0.6)

    class Bent:
        letters = 5

        def __init__(self, temperature, bias):
            self.temperature, self.bias = temperature, bias

        def __call__(self, x, t):
            return exact(x, t).clamp(min=-30) / self.temperature + self.bias * torch.arange(5)

    def loss(model):
        return losses.letter_loss(model, z, path=exact.path, t=t, generator=torch.Generator().manual_seed(1))

    best = loss(exact_with_letters := Bent(1.0, 0.0))
    assert exact_with_letters.letters == 5
    assert all(loss(Bent(*bent)) > best + 1e-3 for bent in ((0.8, 0.0), (1.25, 0.0), (1.0, 0.1), (1.0, -0.1)))


@pytest.mark.parametrize("loss", [losses.masked_loss, losses.counted_masked_loss])
def test_labels_reach_the_model_and_gradients_its_weights(loss):
    net, z = network(num_classes=2), torch.tensor([Z, Z])
    masks = {"t": torch.tensor([0.5, 0.5])} if loss is losses.masked_loss else {"count": torch.tensor([2, 2])}
    u = torch.tensor([[0.9, 0.1, 0.8, 0.2]] * 2)
    value = loss(net, z, torch.tensor([0, 1]), u=u, **masks)
    gaps, weight = ({0, 2}, 2) if loss is losses.masked_loss else ({1, 3}, 2)
    wanted = (surprise(net, Z, gaps, 0) + surprise(net, Z, gaps, 1)) / 2 * weight
    assert value.item() == pytest.approx(wanted, rel=1e-6)
    value.backward()
    assert all(p.grad.abs().sum() > 0 for p in net.parameters())
    without = loss(net, z, u=u, **masks).item()
    assert without == pytest.approx(weight * surprise(net, Z, gaps, 2), rel=1e-6)  # 2 is the null label


@pytest.mark.parametrize(
    ("z", "given"),
    [
        ([[0, 1, 3, 0]], {}),
        ([[0, -1, 2, 0]], {}),
        ([[0.0, 1.0, 2.0, 0.0]], {}),
        ([0, 1, 2, 0], {}),
        ([[0, 1, 2, 0]], {"t": torch.tensor([1.0])}),
        ([[0, 1, 2, 0]], {"t": torch.tensor([-0.1])}),
        ([[0, 1, 2, 0]], {"t": torch.tensor([math.nan])}),
        ([[0, 1, 2, 0]], {"t": torch.tensor([0.5, 0.5])}),
        ([[0, 1, 2, 0]], {"u": torch.zeros(1, 3)}),
        ([[0, 1, 2, 0]], {"count": torch.tensor([0])}),
        ([[0, 1, 2, 0]], {"count": torch.tensor([5])}),
        ([[0, 1, 2, 0]], {"count": torch.tensor([1, 1])}),
    ],
)
def test_losses_refuse_what_does_not_fit(z, given):
    net, z = network(), torch.tensor(z)
    for loss in (losses.masked_loss, losses.counted_masked_loss):
        if not given.keys() - set(inspect.signature(loss).parameters):
            with pytest.raises(ValueError, match="expected"):
                loss(net, z, **given)


def test_losses_refuse_logits_of_another_shape():
    class Short:
        letters = V

        def __call__(self, x, t):
            return torch.zeros(len(x), L - 1, V)

    for loss in (losses.masked_loss, losses.counted_masked_loss):
        with pytest.raises(ValueError, match=r"expected logits of shape \(1, 4, 3\), got \(1, 3, 3\)"):
            loss(Short(), WORD)


def test_the_network_begins_even_and_sees_every_letter():
    net = networks.LetterMLP(V, L)
    assert torch.equal(net(torch.tensor([Z])), torch.zeros(1, L, V))
    net = network()
    base = net(WORD)
    for i in range(L):
        for letter in {0, 1, 2, V} - {Z[i]}:
            x = WORD.clone()
            x[0, i] = letter
            assert (net(x) - base).abs().amin(-1).max() > 1e-6
    swapped = net(WORD[:, [1, 0, 2, 3]])
    assert not torch.allclose(swapped, base)


def test_the_network_is_its_formula():
    net = network(num_classes=2, time=True)
    x, t, y = torch.tensor([[2, V, 1, 0], [0, 0, V, V]]), torch.tensor([0.2, 0.7]), torch.tensor([1, 0])
    hot = F.one_hot(x, V + 1).double().flatten(1)
    h = hot @ net.first + net.embedding.time(t) + net.embedding.label.weight[y]
    for block in net.blocks:
        inner = F.silu(block[1](F.layer_norm(h, (16,), block[0].weight, block[0].bias)))
        h = h + block[3](inner)
    logits = net.last[1](F.layer_norm(h, (16,), net.last[0].weight, net.last[0].bias)).reshape(2, L, V)
    torch.testing.assert_close(net(x, t, y), logits, rtol=1e-10, atol=1e-10)


def test_clocks_and_labels():
    net = network()
    assert torch.equal(net(WORD), net(WORD, torch.tensor(0.3)))
    clock = network(time=True)
    assert torch.equal(clock(WORD, 0.25), clock(WORD, torch.tensor([0.25])))
    assert not torch.allclose(clock(WORD, 0.25), clock(WORD, 0.5))
    labels = network(num_classes=2)
    assert torch.equal(labels(WORD), labels(WORD, None, torch.tensor([2])))
    assert not torch.allclose(labels(WORD, None, torch.tensor([0])), labels(WORD, None, torch.tensor([1])))
    for call in (
        lambda: clock(WORD),
        lambda: net(WORD, None, torch.tensor([0])),
        lambda: labels(WORD, None, torch.tensor([3])),
        lambda: labels(WORD, None, torch.tensor([0, 1])),
    ):
        with pytest.raises(ValueError, match="expected"):
            call()


@pytest.mark.parametrize("x", [[[0, 1, 2]], [[0, 1, 2, 4]], [[-1, 0, 0, 0]], [[0.0] * 4], [0, 1, 2, 0]])
def test_the_network_refuses_what_is_no_word(x):
    with pytest.raises(ValueError, match="expected"):
        network()(torch.tensor(x))


@pytest.mark.parametrize("sizes", [(0, 4), (3, 0), (3, 4, 0), (3, 4, 8, 0)])
def test_sizes_below_one_are_refused(sizes):
    with pytest.raises(ValueError, match="of at least 1"):
        networks.LetterMLP(*sizes)


def chain_and_sum() -> tuple[words.LetterChain, networks.LogitSum]:
    z = torch.randint(0, V, (40, L), generator=torch.Generator().manual_seed(0))
    chain = words.LetterChain.fit(z, 2, V).double()
    return chain, networks.LogitSum(chain, network(num_classes=2))


def test_the_sum_adds_logits_and_trains_the_network_only():
    chain, model = chain_and_sum()
    x, y = torch.tensor([[2, V, V, 0]]), torch.tensor([1])
    assert (model.letters, model.length) == (V, L)
    torch.testing.assert_close(model(x, None, y), chain(x) + model.net(x, None, y))
    tables = chain.steps.clone()
    loss = losses.counted_masked_loss(model, WORD, y)
    loss.backward()
    assert all(p.grad is not None for p in model.net.parameters())
    assert torch.equal(chain.steps, tables) and {name.split(".")[0] for name, _ in model.named_parameters()} == {"net"}


def test_guidance_of_the_sum_is_finite_and_fills_gaps_only():
    _, model = chain_and_sum()
    path, pattern = words.MaskPath(V), torch.tensor([[2, V, V, 0]]).expand(50, -1)
    guided = guidance.classifier_free(model, torch.ones(50, dtype=torch.int64), 3.0)
    assert guided(pattern, 0.5).isfinite().all()
    made = words.reveal(guided, path, pattern, generator=torch.Generator().manual_seed(0))
    assert (made[:, [0, 3]] == torch.tensor([2, 0])).all() and made.max() < V


def test_the_sum_refuses_parts_of_different_sizes():
    chain, _ = chain_and_sum()
    with pytest.raises(ValueError, match="one length"):
        networks.LogitSum(chain, networks.LetterMLP(V, L + 1))
    with pytest.raises(ValueError, match="one length"):
        networks.LogitSum(chain, networks.LetterMLP(V + 1, L))


def test_fit_learns_letters():
    """Two words of equal probability: at best log 2 nats."""
    torch.manual_seed(0)
    net = networks.LetterMLP(V, L, hidden=32)
    z = torch.tensor([Z, (0, 1, 2, 0)]).repeat(32, 1)
    generator = torch.Generator().manual_seed(0)
    batches = data.batches(z, batch_size=64, generator=generator)
    loss = lambda model, z: losses.counted_masked_loss(model, z, generator=generator)  # noqa: E731
    history = training.fit(net, loss, batches, steps=150, lr=1e-2, progress=False)
    assert history.losses[0] == pytest.approx(L * math.log(V), rel=1e-5)
    assert math.log(2) - 0.15 < history.recent_loss(20) < math.log(2) + 0.15
    made = words.reveal(net, words.MaskPath(V), torch.full((200, L), V), generator=generator)
    assert {tuple(word) for word in made.tolist()} >= {Z, (0, 1, 2, 0)}
