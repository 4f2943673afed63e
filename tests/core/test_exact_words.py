"""The toy and the board: laws of samplers by matrices against loops, closed forms and the course's tables."""

import itertools
import math

import pytest
import torch

from course_utils.chains import entropy, total_variation
from course_utils.words import (
    ExactPairs,
    ExactWords,
    MaskPath,
    UniformPath,
    all_words,
    board_pairs,
    correct_law,
    guided,
    reveal_law,
    sampler_law,
    tempered,
    toy_words,
    unmask_law,
    word_number,
)

F64 = torch.float64
MASKED, UNIFORM = toy_words(MaskPath(5)), toy_words(UniformPath(5))
STATES = all_words(6, 3)
Q = MASKED.q


def grid(steps: int, power: float = 1) -> torch.Tensor:
    return 1 - (1 - torch.linspace(0, 1, steps + 1, dtype=F64)) ** power


def made(exact, steps, kind="euler", power: float = 1) -> torch.Tensor:
    return sampler_law(exact.posterior, exact.path, exact.length, grid(steps, power), getattr(exact.path, kind))


def off(exact, steps, kind="euler", power: float = 1) -> float:
    """Total variation between what a sampler makes and the data."""
    return total_variation(made(exact, steps, kind, power), exact.law(1.0).flatten()).item()


# The toy


def test_the_toy_is_the_chain_of_the_course():
    assert torch.equal(MASKED.words, all_words(5, 3)) and Q.sum().item() == pytest.approx(1, abs=1e-15)
    first, following = Q.reshape(5, 25).sum(1), Q.reshape(5, 5, 5).sum(2) / Q.reshape(5, 25).sum(1)[:, None]
    assert first.tolist() == pytest.approx([0.3, 0.1, 0.2, 0.25, 0.15])
    assert [following[a, (a + 1) % 5].item() for a in range(5)] == pytest.approx([0.8] * 5)
    assert [following[a, a].item() for a in range(5)] == pytest.approx([0.02] * 5)
    second = Q.reshape(5, 5, 5).sum(0) / Q.reshape(5, 5, 5).sum((0, 2))[:, None]
    torch.testing.assert_close(second, following)
    assert entropy(Q).item() == pytest.approx(4.3765, abs=5e-5)
    letters = [Q.reshape(5, 5, 5).sum(axes) for axes in ((1, 2), (0, 2), (0, 1))]
    independent = torch.einsum("a,b,c->abc", *letters).flatten()
    assert total_variation(Q, independent).item() == pytest.approx(0.6815, abs=5e-5)


TABLE = {
    (MASKED, "euler"): [0.6815, 0.3682, 0.1942, 0.0997, 0.0505, 0.0127, 0.0032],
    (MASKED, "exponential"): [0.8654, 0.6232, 0.3986, 0.2297, 0.1239, 0.0329, 0.0083],
    (UNIFORM, "euler"): [0.6815, 0.4505, 0.2052, 0.0856, 0.0371, 0.0081, 0.0019],
    (UNIFORM, "exponential"): [0.6794, 0.4984, 0.2934, 0.1516, 0.0752, 0.0183, 0.0045],
}
STEPS = (1, 2, 4, 8, 16, 64, 256)


@pytest.mark.parametrize(("case", "right"), TABLE.items(), ids=str)
def test_the_errors_of_parallel_steps_are_those_of_the_course(case, right):
    assert [off(case[0], n, case[1]) for n in STEPS] == pytest.approx(right, abs=5.01e-5)


def test_exponential_steps_leave_masks():
    left = [made(MASKED, n, "exponential")[(STATES == 5).any(1)].sum().item() for n in STEPS]
    assert left == pytest.approx([0.7474, 0.5311, 0.3290, 0.1853, 0.0986, 0.0259, 0.0066], abs=5.01e-5)
    stays = [math.exp(-sum(1 / n / (1 - k / n) for k in range(n))) for n in STEPS]
    assert left == pytest.approx([1 - (1 - chance) ** 3 for chance in stays], abs=1e-14)
    assert made(MASKED, 7)[(STATES == 5).any(1)].sum() == 0


@pytest.mark.parametrize("exact", [MASKED, UNIFORM], ids=str)
@pytest.mark.parametrize("kind", ["euler", "exponential"])
def test_the_law_of_a_sampler_is_a_loop_over_pairs_of_words(exact, kind):
    """On words of two letters out of three; every pair of states, letter by letter."""
    path = type(exact.path)(3)
    q = torch.randn(9, generator=torch.Generator().manual_seed(0), dtype=F64).softmax(0)
    small = ExactWords(path, all_words(3, 2), q)
    x = all_words(path.states, 2)
    p = [math.prod(path.noise_law[a].item() for a in word) for word in x.tolist()]
    ts = [0.0, 0.3, 0.7, 1.0]
    for t, t_next in itertools.pairwise(ts):
        laws = getattr(path, kind)(small.posterior(x, t), x, t, t_next)
        p = [
            sum(p[a] * math.prod(laws[a, i, x[b, i]].item() for i in range(2)) for a in range(len(x)))
            for b in range(len(x))
        ]
    found = sampler_law(small.posterior, path, 2, torch.tensor(ts, dtype=F64), getattr(path, kind))
    assert found.tolist() == pytest.approx(p, abs=1e-15) and found.sum().item() == pytest.approx(1, abs=1e-14)


def test_one_letter_needs_no_small_steps():
    """For a single letter the step with masks is exact, whatever the grid."""
    q = torch.tensor([0.5, 0.2, 0.3], dtype=F64)
    exact = ExactWords(MaskPath(3), torch.arange(3)[:, None], q)
    for n in (1, 2, 5, 33):
        assert off(exact, n) < 1e-15


def test_one_letter_an_evaluation_is_exact_in_every_order():
    for order in itertools.permutations(range(3)):
        assert total_variation(reveal_law(MASKED.posterior, MASKED.path, 3, [order]), Q) < 1e-15
    assert total_variation(reveal_law(MASKED.posterior, MASKED.path, 3), Q) < 1e-15


def test_orders_count_where_conditionals_contradict_each_other():
    """A posterior that is none: the law of each order is the product of what it says, and the mean is of the orders."""
    table = torch.randn(216, 3, 5, generator=torch.Generator().manual_seed(0), dtype=F64).softmax(-1)

    def posterior(x, t):
        return table[word_number(x, 6)]

    laws = {order: reveal_law(posterior, MASKED.path, 3, [order]) for order in itertools.permutations(range(3))}
    word = [4, 0, 2]
    for order, law in laws.items():
        seen, right = [5, 5, 5], 1.0
        for i in order:
            right *= table[word_number(torch.tensor(seen), 6), i, word[i]].item()
            seen[i] = word[i]
        assert law[word_number(torch.tensor(word), 5)].item() == pytest.approx(right, rel=1e-12)
        assert law.sum().item() == pytest.approx(1, abs=1e-14)
    assert total_variation(laws[0, 1, 2], laws[2, 1, 0]) > 0.1
    mean = reveal_law(posterior, MASKED.path, 3)
    torch.testing.assert_close(mean, torch.stack(list(laws.values())).mean(0), rtol=0, atol=1e-16)


def test_uneven_grids_cost_masks_and_help_uniform_letters():
    """Two letters meet in one step with the chance of the sum of squares of the steps, least for even ones."""
    assert [round(off(MASKED, 16, power=power), 3) for power in (1, 2)] == [0.051, 0.076]
    assert off(UNIFORM, 16, power=2) < 0.9 * off(UNIFORM, 16)


# Remasking, temperature, guidance, correctors


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_masking_again_keeps_the_share_of_masks(share):
    def step(post, x, t, t_next):
        return unmask_law(post, x, t, t_next, share * min(1.0, ((1 - t_next) / t).item()) if t > 0 else 0.0)

    for n in (1, 2, 3):
        law = sampler_law(MASKED.posterior, MASKED.path, 3, torch.linspace(0, 1, 5, dtype=F64)[: n + 1], step)
        for i in range(3):
            assert law[STATES[:, i] == 5].sum().item() == pytest.approx(1 - n / 4, abs=1e-14)


def test_steady_remasking_does_not_pay_with_an_exact_posterior():
    found = []
    for rate in (0, 3, 10):

        def step(post, x, t, t_next, rate=rate):
            most = ((1 - t_next) / t).item() if t > 0 else 0.0
            return unmask_law(post, x, t, t_next, min(rate * (t_next - t).item(), 1.0, most))

        law = sampler_law(MASKED.posterior, MASKED.path, 3, grid(16), step)
        found.append(total_variation(law, MASKED.law(1.0)).item())
    assert found == pytest.approx([0.0505, 0.0656, 0.0908], abs=5.01e-5)


def test_a_colder_letter_is_not_a_colder_word():
    """Only left to right, and only because the rows of this chain are permutations of each other, it is."""
    cold = tempered(MASKED.posterior, 0.7)
    target = Q ** (1 / 0.7) / (Q ** (1 / 0.7)).sum()
    law = reveal_law(cold, MASKED.path, 3)
    assert entropy(law).item() == pytest.approx(3.317, abs=5e-4)
    assert entropy(target).item() == pytest.approx(3.172, abs=5e-4)
    assert total_variation(law, target).item() == pytest.approx(0.035, abs=5e-4)
    assert total_variation(reveal_law(cold, MASKED.path, 3, [(0, 1, 2)]), target) < 1e-14
    assert total_variation(reveal_law(cold, MASKED.path, 3, [(2, 1, 0)]), target) > 0.01


def test_guidance_of_letters_is_nearly_that_of_words():
    other = toy_words(MASKED.path, mirrored=True)
    both = ExactWords(MASKED.path, MASKED.words, (Q + other.q) / 2)
    clear = Q / (Q + other.q) > 0.9
    found = {}
    for w in (0, 1, 1.5, 2, 3):
        law = reveal_law(guided(both.posterior, MASKED.posterior, w), MASKED.path, 3)
        target = both.q ** (1 - w) * Q**w
        found[w] = total_variation(law, target / target.sum()).item(), law[clear].sum().item()
    assert max(found[0][0], found[1][0]) < 1e-15
    assert [found[w][0] for w in (1.5, 2, 3)] == pytest.approx([0.034, 0.053, 0.080], abs=5.01e-4)
    assert [found[w][1] for w in (1, 1.5, 2, 3)] == pytest.approx([0.83, 0.88, 0.91, 0.94], abs=5.01e-3)


def test_guided_rates_are_not_normalised():
    other = toy_words(MASKED.path, mirrored=True)
    both = ExactWords(MASKED.path, MASKED.words, (Q + other.q) / 2)
    x = torch.tensor([[0, 5, 5]])
    null, given = (exact.posterior(x, 0.5)[0, 1] for exact in (both, MASKED))
    sums = [(null ** (1 - w) * given**w).sum().item() for w in (1.5, 2, 3)]
    assert sums == pytest.approx([1.28, 1.69, 3.08], abs=5.01e-3)


def test_a_corrector_is_its_matrix_keeps_the_data_and_leads_there():
    x = all_words(5, 3)
    matrix = torch.zeros(125, 125, dtype=F64)
    for word, i, a in itertools.product(range(125), range(3), range(5)):
        hidden, new = x[word].clone(), x[word].clone()
        hidden[i], new[i] = 5, a
        like = ((MASKED.words == hidden) | (hidden == 5)).all(1) * Q
        share = (like * (MASKED.words[:, i] == a)).sum() / like.sum()
        matrix[word, word_number(new, 5)] += share / 3
    start = made(MASKED, 2).reshape(6, 6, 6)[:5, :5, :5].flatten()
    for steps in (0, 1, 4):
        found = correct_law(MASKED.posterior, MASKED.path, start, 3, steps)
        torch.testing.assert_close(found, start @ torch.linalg.matrix_power(matrix, steps), rtol=0, atol=1e-15)
    torch.testing.assert_close(correct_law(MASKED.posterior, MASKED.path, Q, 3, 5), Q, rtol=0, atol=1e-15)
    off_by = [
        total_variation(correct_law(MASKED.posterior, MASKED.path, start, 3, k), Q).item() for k in range(0, 13, 2)
    ]
    assert off_by == pytest.approx([0.3682, 0.155, 0.063, 0.026, 0.011, 0.0056, 0.0035], abs=5.01e-4)
    more_steps = [off(MASKED, 2 + k) for k in range(2, 13, 2)]
    assert more_steps == pytest.approx([0.194, 0.132, 0.100, 0.080, 0.067, 0.058], abs=5.01e-4)


# The board of Lab 2


def test_exact_examples_are_models_of_letters():
    """They say how many letters there are, as networks do, and with masks they need no time."""
    x = torch.tensor([[0, 5, 5], [5, 5, 5]])
    assert (MASKED.letters, MASKED.length) == (5, 3)
    assert torch.equal(MASKED(x), MASKED(x, 0.9))
    torch.testing.assert_close(MASKED(x).exp(), MASKED.posterior(x), rtol=0, atol=1e-15)
    pairs = board(MaskPath(8))
    assert (pairs.letters, pairs.length) == (8, 2) and torch.equal(pairs(x[:, :2] + 3), pairs(x[:, :2] + 3, 0.1))


def board(path) -> ExactPairs:
    return board_pairs(path)


@pytest.mark.parametrize("path", [UniformPath(8), MaskPath(8)], ids=str)
def test_pairs_are_words_of_two_letters(path):
    """The products of matrices against the sums over a list of words, laws and posteriors."""
    pairs = board(path)
    dark = pairs.joint.nonzero()
    exact = ExactWords(path, dark, pairs.joint[dark[:, 0], dark[:, 1]])
    x = all_words(path.states, 2)
    for t in (0.0, 0.3, 0.9, 1.0):
        torch.testing.assert_close(pairs.law(t).flatten(), exact.law(t), rtol=0, atol=5e-16)
    for t in (0.0, 0.3, 0.9):
        torch.testing.assert_close(pairs.posterior(x, t), exact.posterior(x, t), rtol=0, atol=1e-14)
    torch.testing.assert_close(pairs(x, 0.3).exp(), pairs.posterior(x, 0.3), rtol=0, atol=1e-15)


def test_the_board_is_that_of_lab_2():
    from course_utils.distributions import Checkerboard

    for letters in (4, 32):
        centre = (torch.arange(letters) + 0.5) * 8 / letters - 4
        row, column = torch.meshgrid(centre, centre, indexing="ij")
        dark = Checkerboard().contains(torch.stack([column, row], -1))
        torch.testing.assert_close(board(UniformPath(letters)).joint, dark.double() / dark.sum(), rtol=0, atol=0)


@pytest.mark.parametrize("steps", [1, 2, 4, 8, 64])
def test_masks_on_the_board_err_by_one_over_twice_the_steps(steps):
    """Two letters meet in a step with chance 1/n, and half of what is then made lies off the squares."""
    assert off(board(MaskPath(32)), steps) == pytest.approx(1 / (2 * steps), abs=1e-15)


def test_uniform_letters_on_the_board():
    exact = board(UniformPath(32))
    steps = (2, 4, 8, 16, 32, 64)
    even = [off(exact, n) for n in steps]
    assert even == pytest.approx([0.340, 0.191, 0.100, 0.050, 0.025, 0.013], abs=5.01e-4)
    fine = [off(exact, n, power=2) for n in steps]
    assert fine == pytest.approx([0.2696, 0.1086, 0.0346, 0.0097, 0.0026, 0.0007], abs=5.01e-5)
    assert math.log2(fine[-2] / fine[-1]) == pytest.approx(1.9, abs=0.1) and math.log2(even[-2] / even[-1]) < 1.1


def test_how_fine_the_board_is_does_not_count():
    """The letters of a square are alike: what is true of 4 letters is true of 32 and of 128."""
    coarse = [off(board(UniformPath(4)), n) for n in (2, 5, 16)]
    assert coarse == pytest.approx([off(board(UniformPath(32)), n) for n in (2, 5, 16)], abs=1e-12)
    assert off(board(UniformPath(128)), 2) == pytest.approx(coarse[0], abs=1e-12)


# Bad input

PATH, PLAIN = MaskPath(5), UniformPath(5)
REFUSED = {
    "the toy has five letters": (lambda: toy_words(MaskPath(4)), "a path with 5 letters, got 4"),
    "squares that do not divide": (lambda: board_pairs(UniformPath(30)), "squares that divides 30, got 4"),
    "an odd board": (lambda: board_pairs(UniformPath(30), 3), "an even number of squares that divides 30, got 3"),
    "pairs of others": (lambda: ExactPairs(PLAIN, torch.ones(4, 4) / 16), r"shape \(5, 5\), got \(4, 4\)"),
    "pairs of no law": (lambda: ExactPairs(PLAIN, torch.ones(5, 5)), "sum to 1, got the sum 25"),
    "a pair of floats": (
        lambda: board_pairs(UniformPath(8)).posterior(torch.ones(1, 2), 0.5),
        "letters as whole numbers",
    ),
    "no order": (lambda: reveal_law(MASKED.posterior, PATH, 3, []), r"orders of the places 0 to 2, got \[\]"),
    "an order of two": (
        lambda: reveal_law(MASKED.posterior, PATH, 3, [(0, 1)]),
        r"orders of the places 0 to 2, got \[\(0, 1\)\]",
    ),
    "no masks to reveal": (lambda: reveal_law(UNIFORM.posterior, PLAIN, 3), r"a path with masks, got UniformPath\(5\)"),
    "no masks to correct": (
        lambda: correct_law(UNIFORM.posterior, PLAIN, Q, 3),
        r"a path with masks, got UniformPath\(5\)",
    ),
    "a law of others": (
        lambda: correct_law(MASKED.posterior, PATH, Q[:7], 3),
        r"a law of 125 words .* got \(7,\) and 1",
    ),
    "no law": (lambda: correct_law(MASKED.posterior, PATH, 2 * Q, 3), "sum to 1, got the sum 2"),
    "steps below 0": (lambda: correct_law(MASKED.posterior, PATH, Q, 3, -1), r"got \(125,\) and -1"),
    "a step that is none": (
        lambda: sampler_law(MASKED.posterior, PATH, 3, grid(2), lambda *a: 2 * PATH.euler(*a)),
        "sum to 1, got the sum 2",
    ),
    "backwards": (lambda: sampler_law(MASKED.posterior, PATH, 3, grid(2).flip(0)), "increasing times from 0 to 1"),
    "begins late": (lambda: sampler_law(MASKED.posterior, PATH, 3, grid(2)[1:]), "a grid that begins at 0, .* got 0.5"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_in_words(case, unchecked):
    call, message = REFUSED[case]
    with pytest.raises(ValueError, match=f"^expected .*{message}"):
        call()
