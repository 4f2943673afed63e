"""What the benchmark of letters computes beside the package: ratios in the place of posteriors."""

import pytest
import torch

from benchmarks import letters
from course_utils import losses, words
from course_utils.chains import total_variation

F64 = torch.float64
X = words.all_words(5, 3)


def exact_ratios(t: float) -> torch.Tensor:
    """p_t(x with y at place i) / p_t(x), for all words, from the law of all words."""
    law = letters.UNIFORM.law(t).reshape(5, 5, 5)
    others = [law.movedim(i, -1).reshape(25, 5) for i in range(3)]
    rows = [words.word_number(torch.cat([X[:, :i], X[:, i + 1 :]], 1), 5) for i in range(3)]
    return torch.stack([others[i][rows[i]] for i in range(3)], 1) / law.flatten()[:, None, None]


@pytest.mark.parametrize("t", [0.05, 0.5, 0.95])
def test_ratios_are_posteriors_in_other_words(t):
    post = letters.from_ratios(exact_ratios(t).log(), X, t)
    torch.testing.assert_close(post, letters.UNIFORM.posterior(X, t), rtol=0, atol=1e-11)


def test_score_entropy_with_masks_is_cross_entropy_and_what_the_sum_lacks():
    """S - 1 - log S is 0 for normalised ratios only."""
    logits = torch.randn(3, 5, generator=torch.Generator().manual_seed(0), dtype=F64)

    class Model(torch.nn.Module):
        letters = 5

        def forward(self, x, t):
            return self.given.expand(len(x), 3, 5)

    z = torch.randint(5, (64, 3), generator=torch.Generator().manual_seed(1))
    model, gaps = Model(), []
    for given in (logits.log_softmax(-1), logits):
        model.given = given
        seeds = [torch.Generator().manual_seed(2) for _ in range(2)]
        gaps.append(
            letters.masked_score_entropy(model, z, seeds[0]) - losses.counted_masked_loss(model, z, generator=seeds[1])
        )
    assert abs(gaps[0].item()) < 1e-12
    mass = logits.exp().sum(-1)
    least, most = ((mass - 1 - mass.log()) * 3).aminmax()
    assert least.item() < gaps[1].item() < most.item()


def test_the_exact_ratio_is_the_mean_of_the_conditional_ones():
    """And so the minimiser of score entropy, as the posterior is that of cross entropy."""
    t = 0.6
    z = letters.UNIFORM.words
    same = (X[:, None] == z).to(F64)
    joint = (t * same + (1 - t) / 5).prod(-1) * letters.UNIFORM.q
    chance = (1 - t) / 5 + t * words.one_hot(z, 5, joint)
    ratio = chance[None] / (t * same + (1 - t) / 5)[..., None]
    mean_ratio = torch.einsum("bn,bnia->bia", joint, ratio) / joint.sum(1)[:, None, None]
    torch.testing.assert_close(mean_ratio, exact_ratios(t), rtol=1e-10, atol=1e-12)


def test_the_error_of_a_letter_is_0_for_the_exact_posterior_and_that_of_a_guess_is_not():
    for exact in (letters.MASKED, letters.UNIFORM):
        assert letters.letter_error(exact.posterior, exact, 0.5) < 1e-14

        def guess(x, t):
            return torch.full((*x.shape, 5), 0.2, dtype=F64)

        error = letters.letter_error(guess, exact, 1e-9)
        first = exact.posterior(exact.path.start((1, 3)), 0.0)
        assert error == pytest.approx(total_variation(guess(X[:1], 0), first).mean().item(), abs=1e-6)


def test_corrections_of_the_exact_posterior_are_those_of_the_toy():
    assert letters.corrected(letters.MASKED.posterior, 2, 4) == pytest.approx(0.0634, abs=5e-5)
    assert letters.off(letters.MASKED, 16, step=letters.again(3)) == pytest.approx(0.0656, abs=5e-5)


def test_a_short_training_learns_and_takes_its_seed():
    untrained, trained, other = (
        letters.trained(*case).posterior for case in (("masks", 1, 0), ("masks", 60, 0), ("masks", 60, 1))
    )
    errors = [letters.letter_error(post, letters.MASKED, 0.5) for post in (untrained, trained, other)]
    assert errors[1] < 0.8 * errors[0] and errors[1] != errors[2]
