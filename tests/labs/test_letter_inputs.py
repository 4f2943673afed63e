"""What the exercises on letters are drawn from and called with, and what is said of laws."""

import pytest
import torch

from course_utils.checks.families import build
from course_utils.checks.inputs import Normal
from course_utils.checks.laws import LAW_TRAITS, only_wrong
from course_utils.checks.letters import chain, evenly, inside_shares, laws, letter_table, letters, word_times
from course_utils.checks.traits import Compared

SEEDS = range(1, 61)


def table(seed=1):
    return build({"model": letter_table(Normal(seed), 4, 3)})["model"]


def test_a_letter_table_gives_logits_from_the_tokens_of_all_places():
    model = table()
    x = torch.tensor([[0, 4, 2], [3, 3, 1]])
    logits = model(x)
    for b, word in enumerate(x.tolist()):
        for i in range(3):
            wanted = model.offset[i] + sum(model.table[i, :, j, token] for j, token in enumerate(word))
            assert torch.allclose(logits[b, i], wanted)
    for t in (0.5, torch.tensor(0.5), torch.tensor([0.1, 0.9])):
        assert torch.equal(model(x, t), logits)
    assert model.letters == 4 and all(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((torch.tensor([0.5]), torch.tensor([[0, 1, 2]])), "expected letters first, .* got a tensor of torch.float64"),
        (([[0, 1, 2]],), "got a list"),
        ((torch.tensor([[0, 1]]),), r"shape \(B, 3\), got shape \(1, 2\)"),
        ((torch.tensor([[[0, 1, 2]]]),), r"shape \(B, 3\), got shape \(1, 1, 3\)"),
        ((torch.tensor([[0, 5, 2]]),), "0, ..., 3 and the mask, 4; got some from 0 to 5"),
        ((torch.tensor([[0, -1, 2]]),), "got some from -1 to 2"),
        ((torch.tensor([[0, 1, 2]]), torch.tensor([0.1, 0.2])), r"got \(2,\)"),
    ],
)
def test_a_letter_table_refuses_what_are_no_words_or_times(arguments, words):
    arguments = [a.double() if isinstance(a, torch.Tensor) and a.is_floating_point() else a for a in arguments]
    with pytest.raises(ValueError, match=words):
        table()(*arguments)


def test_every_state_of_a_chain_can_be_left_and_in_every_other_case_some_rates_are_0():
    for seed in SEEDS:
        for n in (2, 3, 5):
            Q = chain(Normal(seed), n)
            assert torch.allclose(Q.sum(1), torch.zeros(n, dtype=Q.dtype), atol=1e-12) and bool(
                (Q.diagonal() < 0).all()
            )
            off = Q[~torch.eye(n, dtype=torch.bool)]
            assert bool((off >= 0).all()) and bool((off == 0).any()) == (n > 2 and seed % 2 == 0)


def test_coins_lie_inside_of_shares_the_rare_ones_too():
    hit = torch.zeros(4)
    for seed in SEEDS:
        normal = Normal(seed)
        weights = (2 * normal(20, 4)).exp() * (evenly(normal, 20, 4) > 0.2)
        weights[:, 1] += 1e-3
        u = inside_shares(normal, weights)
        ends = (weights / weights.sum(1, keepdim=True)).cumsum(1)
        state = (ends <= u[:, None]).sum(1)
        share = (weights / weights.sum(1, keepdim=True)).gather(1, state[:, None])[:, 0]
        away = torch.minimum(ends.gather(1, state[:, None])[:, 0] - u, u - ends.gather(1, state[:, None])[:, 0] + share)
        assert bool((share > 0).all()) and bool((away > 0.04 * share).all())
        hit += torch.bincount(state, minlength=4)
    assert bool((hit > 100).all())


def test_letters_laws_and_times_are_what_they_say():
    for seed in SEEDS:
        z, p, t = letters(Normal(seed), 5, 40), laws(Normal(seed), 6, 4), word_times(Normal(seed), 8)
        assert z.dtype == torch.long and set(z.tolist()) <= set(range(5)) and len(set(z.tolist())) >= 4
        assert torch.allclose(p.sum(-1), torch.ones(6, dtype=p.dtype)) and bool((p > 0).all())
        assert (t[0] == 0) == (t[-1] > 0.9) == (seed % 3 == 0) and 0 <= t.min() <= t.max() < 1
        assert t.max() - t.min() > 0.5
        assert 0.1 <= word_times(Normal(seed), 1) <= 0.9


P = torch.tensor([[[0.5, 0.25, 0.25], [0.125, 0.75, 0.125]]], dtype=torch.float64)
SAID = [
    (2 * P, "all is right but that the laws do not sum to 1."),
    (P * torch.tensor([[[2.0], [3.0]]]), "all is right but that the laws do not sum to 1."),
    (P - 0.5, "some of these probabilities are negative."),
    (
        P.flip(2)[:, :, [0, 1, 1]] / P.flip(2)[:, :, [0, 1, 1]].sum(1, keepdim=True),
        "another axis than that of the letters.",
    ),
    (P**2, "the laws do not sum to 1: does something come in that goes out nowhere, or the other way round?"),
]


@pytest.mark.parametrize("given, words", SAID, ids=range(len(SAID)))
def test_of_a_wrong_law_is_told_what_is_wrong_with_it(given, words):
    pair = Compared({"result": given}, {"result": P}, lambda fn: {})
    assert next(trait.message for trait in LAW_TRAITS if trait.holds(pair)).endswith(words)


def test_of_a_wrong_law_that_is_one_nothing_is_told():
    pair = Compared({"result": P.flip(2)}, {"result": P}, lambda fn: {})
    assert not any(trait.holds(pair) for trait in LAW_TRAITS)


def test_places_that_alone_are_wrong_are_told():
    x = torch.tensor([[0, 2]])
    trait = only_wrong("where x is 2, it is wrong.", lambda: (x == 2)[..., None])
    given = P.clone()
    for place, holds in (((0, 1), True), ((0, 0), False)):
        given = P.clone()
        given[place] = 0.1
        assert trait.holds(Compared({"result": given}, {"result": P}, lambda fn: {"result": fn()})) == holds
