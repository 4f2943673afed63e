"""Exercise 7.7: the law of each letter after a step that reveals letters, and masks some again."""

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import dyadic
from course_utils.checks.lab7.unmask_laws import hidden_law, law_with, revealed_share, seen_law
from course_utils.checks.laws import LAW_TRAITS, law_mistakes, only_wrong
from course_utils.checks.letters import laws, letters
from course_utils.checks.traits import Compared, Trait, close

__all__ = ["unmask_law"]


@exercise("7.7", "Unmask, and mask again", points=3, single=1e-5)
def unmask_law(post, x, t, t_next, sigma):
    v = post.shape[2]
    out = torch.zeros(*x.shape, v + 1).to(post)
    for b, word in enumerate(x.tolist()):
        for i, letter in enumerate(word):
            if letter == v:
                share = (t_next - t + sigma * t) / (1 - t)
                out[b, i, :v] = share * post[b, i]
                out[b, i, v] = 1 - share
            else:
                out[b, i, letter] = 1 - sigma
                out[b, i, v] = sigma
    return out


@unmask_law.inputs
def _(normal):
    """Times and chances that a type of fewer digits holds exactly."""
    batch, length, v = ((1, 5, 3), (5, 4, 4), (4, 4, 3), (3, 6, 5))[normal.seed % 4]
    x = letters(normal, 2 * v, batch, length).clamp(max=v)
    t, sigma = dyadic(normal, 0.25, 0.75), dyadic(normal, 0.125, 0.625)
    most = 1 - sigma * t  # the latest time that this sigma allows
    t_next = t + 3 * (most - t) / 4
    if normal.seed % 6 == 2:  # the most remasking that the times allow
        t_next = most
    if normal.seed % 6 == 3:  # the last step
        t_next, sigma = 1.0, 0.0
    if normal.seed % 6 == 4:  # the first step
        t = 0.0
        x[:] = v
    if normal.seed % 6 == 5:  # words without a mask beside words of masks
        x[0], x[1] = letters(normal, v, length), v
    return {"post": laws(normal, batch, length, v), "x": x, "t": _number(t), "t_next": _number(t_next), "sigma": sigma}


def _number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


@unmask_law.mistake("what is masked again has to be revealed elsewhere: too many masks are left for t_next.")
def remasking_not_made_up_for(*arguments):
    return law_with(share=lambda t, t_next, sigma: (t_next - t) / (1 - t))(*arguments)


@unmask_law.mistake("sigma is not used on letters that are seen: with probability sigma they become masks again.")
def never_masked_again(*arguments):
    return law_with(seen=lambda here, mask, sigma: here)(*arguments)


@unmask_law.mistake("sigma is not used: this is the step for sigma = 0.")
def no_remasking_at_all(post, x, t, t_next, sigma):
    return unmask_law.oracle(post, x, t, t_next, 0.0)


@unmask_law.mistake("the share is of the letters that are masks now: they are 1 - t, not t_next.")
def divided_by_t_next(*arguments):
    return law_with(share=lambda t, t_next, sigma: revealed_share(t, t_next, sigma) * (1 - t) / t_next)(*arguments)


@unmask_law.mistake("the share is of the letters that are masks now, at t: divided by those at t_next it can exceed 1.")
def divided_by_the_masks_at_the_end(*arguments):
    return law_with(share=lambda t, t_next, sigma: revealed_share(t, t_next, sigma) * (1 - t) / (1 - t_next))(
        *arguments
    )


@unmask_law.mistake(
    "the share is divided by t: it is of the letters that are masks now. (Papers that count time from the data divide "
    "by theirs.)"
)
def divided_by_t(*arguments):
    return law_with(share=lambda t, t_next, sigma: revealed_share(t, t_next, sigma) * (1 - t) / t)(*arguments)


@unmask_law.mistake("all masks are revealed at once: only as many as t_next asks for.")
def all_at_once(*arguments):
    return law_with(share=lambda t, t_next, sigma: torch.ones_like(t))(*arguments)


@unmask_law.mistake("every mask is revealed with the chance t_next: those revealed before count, too.")
def chance_t_next(*arguments):
    return law_with(share=lambda t, t_next, sigma: t_next)(*arguments)


@unmask_law.mistake("t_next - t is the share of all letters; of those that are still masks it is more.")
def step_only(*arguments):
    return law_with(share=lambda t, t_next, sigma: t_next - t)(*arguments)


@unmask_law.mistake("this is the share of all letters that are revealed; of those that are still masks it is more.")
def share_of_all_letters(*arguments):
    return law_with(share=lambda t, t_next, sigma: t_next - (1 - sigma) * t)(*arguments)


@unmask_law.mistake("letters that are seen are drawn anew: they stay, or become masks.")
def seen_letters_drawn_anew(*arguments):
    return law_with(masked=lambda x, v: torch.ones_like(x, dtype=torch.bool))(*arguments)


@unmask_law.mistake("masks and letters that are seen are exchanged: x is the mask where it is v.")
def masks_and_letters_exchanged(*arguments):
    return law_with(masked=lambda x, v: x != v)(*arguments)


@unmask_law.mistake("the letter 0 is taken for the mask: that is the token after the letters, v.")
def letter_0_for_the_mask(*arguments):
    return law_with(masked=lambda x, v: x == 0)(*arguments)


@unmask_law.mistake("the last letter is taken for the mask: that is the token after the letters, v.")
def last_letter_for_the_mask(*arguments):
    return law_with(masked=lambda x, v: x == v - 1)(*arguments)


@unmask_law.mistake("the sign of sigma: masking again needs more to be revealed, not fewer.")
def sign_of_sigma(*arguments):
    return law_with(share=lambda t, t_next, sigma: (t_next - (1 + sigma) * t) / (1 - t))(*arguments)


@unmask_law.mistake("of the letters seen at t, sigma is lost: what is still seen is the other part.")
def sigma_for_what_stays(*arguments):
    return law_with(share=lambda t, t_next, sigma: (t_next - sigma * t) / (1 - t))(*arguments)


@unmask_law.mistake(
    "sigma is the chance of a letter that is seen, and only a share t of all are: it cannot be added as it is."
)
def sigma_of_all(*arguments):
    return law_with(share=lambda t, t_next, sigma: (t_next - t + sigma) / (1 - t))(*arguments)


@unmask_law.mistake(
    "sigma is counted among the masks: letters that are seen become masks again, so it is multiplied by their share."
)
def sigma_of_the_masks(*arguments):
    return law_with(share=lambda t, t_next, sigma: (t_next - t) / (1 - t) + sigma)(*arguments)


@unmask_law.mistake("sigma is taken for a rate, times the length of the step: it is the chance of one step.")
def sigma_as_a_rate(post, x, t, t_next, sigma):
    return unmask_law.oracle(post, x, t, t_next, sigma * (t_next - t))


@unmask_law.mistake(
    "letters that are revealed are masked again in the same step: only those that were seen before are."
)
def revealed_and_masked_again(post, x, t, t_next, sigma):
    return law_with(share=lambda t, t_next, sigma: (1 - sigma) * revealed_share(t, t_next, sigma))(
        post, x, t, t_next, sigma
    )


@unmask_law.mistake("letters stay with probability sigma: that is the chance that they become masks again.")
def sigma_for_staying(*arguments):
    return law_with(seen=lambda here, mask, sigma: seen_law(here, mask, 1 - sigma))(*arguments)


@unmask_law.mistake("masks stay with the share of those that are revealed, which is the other part.")
def share_for_staying(*arguments):
    return law_with(share=lambda t, t_next, sigma: 1 - revealed_share(t, t_next, sigma))(*arguments)


@unmask_law.mistake("the probability of staying a mask, or of becoming one, is missing: each law has to sum to 1.")
def mask_of_the_rest(post, x, t, t_next, sigma):
    return law_with()(post, x, t, t_next, sigma) * (torch.arange(post.shape[-1] + 1) < post.shape[-1])


@unmask_law.mistake("the probability of staying a mask is missing: each law has to sum to 1.")
def staying_a_mask_missing(*arguments):
    return law_with(hidden=lambda post, mask, share: share * F.pad(post, (0, 1)))(*arguments)


@unmask_law.mistake("the probability of becoming a mask is missing: each law has to sum to 1.")
def becoming_a_mask_missing(*arguments):
    return law_with(seen=lambda here, mask, sigma: (1 - sigma) * here)(*arguments)


@unmask_law.mistake("a mask is added to letters that all stay: each law has to sum to 1.")
def stays_and_becomes_a_mask(*arguments):
    return law_with(seen=lambda here, mask, sigma: here + sigma * mask)(*arguments)


@unmask_law.mistake("the posterior is not scaled down by what stays a mask: each law has to sum to 1.")
def posterior_as_it_is(*arguments):
    return law_with(hidden=lambda post, mask, share: F.pad(post, (0, 1)) + (1 - share) * mask)(*arguments)


@unmask_law.mistake("what is revealed is any letter, evenly: the posterior says which one.")
def revealed_evenly(*arguments):
    return law_with(hidden=lambda post, mask, share: hidden_law(0 * post + 1 / post.shape[-1], mask, share))(*arguments)


@unmask_law.mistake("what is revealed is always the most likely letter: the posterior says how likely each one is.")
def most_likely_revealed(*arguments):
    def hidden(post, mask, share):
        return hidden_law(F.one_hot(post.argmax(-1), post.shape[-1]).to(post), mask, share)

    return law_with(hidden=hidden)(*arguments)


@unmask_law.mistake("a softmax is taken of the posterior: it is a law already, not logits.")
def posterior_as_logits(post, x, t, t_next, sigma):
    return unmask_law.oracle(post.softmax(-1), x, t, t_next, sigma)


@unmask_law.mistake("the mask's probability comes first: the mask is the token v, after the letters.")
def mask_first(*arguments):
    return law_with()(*arguments).roll(1, -1)


@unmask_law.mistake("the laws have no place for the mask: it is one more token, after the letters.")
def no_place_for_the_mask(*arguments):
    return law_with()(*arguments)[..., :-1]


@unmask_law.mistake("t and t_next are exchanged: the step goes from t to t_next.")
def times_exchanged(post, x, t, t_next, sigma):
    return unmask_law.oracle(post, x, t_next, t, sigma)


@unmask_law.mistake("both times are reversed, as in papers that count time from the data: here t = 1 is the data.")
def times_reversed(post, x, t, t_next, sigma):
    return unmask_law.oracle(post, x, 1 - t, 1 - t_next, sigma)


@unmask_law.mistake("all stays as it is, letters and masks: a step reveals some, and masks some again.")
def nothing_changes(post, x, t, t_next, sigma):
    return F.one_hot(x, post.shape[-1] + 1).to(post)


unmask_law.mistakes += law_mistakes(unmask_law.oracle)


def _masked(post, x, t, t_next, sigma):
    return (x == post.shape[-1])[..., None]


def _share_wrong(pair: Compared) -> bool:
    """Whether nothing is wrong but laws under masks, and these have their letters in the right proportion."""
    given, expected = (values["result"] for values in (pair.given, pair.expected))
    masked = pair.of(_masked)["result"][..., 0]
    shares = [law[masked][:, :-1] / law[masked][:, :-1].sum(1, keepdim=True) for law in (given, expected)]
    whole = close(given.sum(-1), torch.ones_like(given[..., 0])) and bool((given >= 0).all())
    return whole and close(*shares) and close(given[~masked], expected[~masked])


unmask_law.traits += [
    Trait(
        "share of the revealed",
        _share_wrong,
        "what is revealed is in the proportions of the posterior, but too much or too little is.",
    ),
    only_wrong(
        "all is right where x is a mask; where a letter is seen, it is not.",
        lambda *arguments: ~_masked(*arguments),
    ),
    only_wrong(
        "all is right where a letter is seen; where x is a mask, it is not.",
        _masked,
    ),
    only_wrong(
        "all probabilities of letters are right, those of the mask are not.",
        lambda post, x, t, t_next, sigma: torch.arange(post.shape[-1] + 1) == post.shape[-1],
    ),
    *LAW_TRAITS,
]
