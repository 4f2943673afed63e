"""Exercise 7.6: cross entropy of the letters under a mask, which bounds the likelihood of a word."""

from math import log

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.lab7.masked_losses import COST_MISTAKES, loss_with, weighed
from course_utils.checks.letters import evenly, letter_table, letters, word_times
from course_utils.checks.observers import LossAndGradient

__all__ = ["masked_loss"]


@exercise(
    "7.6",
    "Masked cross entropy",
    points=3,
    sees=LossAndGradient(),
    rtol=1e-6,
    single=1e-4,
    why="loss and gradient of a table of logits in float64",
)
def masked_loss(model, z, t, u):
    total, mask = 0.0, model.letters
    for word, time, coins in zip(z.tolist(), t, u, strict=True):
        seen = [letter if coin < time else mask for letter, coin in zip(word, coins, strict=True)]
        for i, letter in enumerate(word):
            if seen[i] == mask:
                logits = model.offset[i] + sum(model.table[i, :, j, token] for j, token in enumerate(seen))
                total = total + (torch.logsumexp(logits, 0) - logits[letter]) / (1 - time)
    return total / len(z)


@masked_loss.inputs
def _(normal):
    batch, length, v = ((1, 4, 3), (6, 6, 4), (5, 3, 4), (6, 6, 2))[normal.seed % 4]
    model, z = letter_table(normal, v, length), letters(normal, v, batch, length)
    t, u = word_times(normal, batch), evenly(normal, batch, length)
    u[0] = t[0] + (1 - t[0]) * u[0]  # masks at all letters
    if batch > 1:
        u[-1] *= t[-1]  # and at none
    return {"model": model, "z": z, "t": t, "u": u}


@masked_loss.mistake("the weight 1/(1 - t) is missing: without it the sum is no bound on the likelihood.")
def no_weight(*arguments):
    return loss_with(words=weighed(torch.ones_like))(*arguments)


@masked_loss.mistake(
    "weighted with 1/t: few masks, late, need the large weight. (Papers that count time from the data have 1/t.)"
)
def weight_of_the_other_time(*arguments):
    return loss_with(words=weighed(lambda t: 1 / t))(*arguments)


@masked_loss.mistake("multiplied by 1 - t: few masks, late, need the large weight.")
def multiplied_by_the_time_left(*arguments):
    return loss_with(words=weighed(lambda t: 1 - t))(*arguments)


@masked_loss.mistake("multiplied by t: the weight makes up for how few masks there are, late.")
def multiplied_by_t(*arguments):
    return loss_with(words=weighed(lambda t: t))(*arguments)


@masked_loss.mistake("letters that the model sees are counted, too: only those under a mask have to be guessed.")
def all_letters(*arguments):
    return loss_with(words=lambda terms, masked, t: terms.sum(1) / (1 - t))(*arguments)


@masked_loss.mistake(
    "all letters are counted, and without a weight: this is the plain cross entropy of the uniform path."
)
def all_letters_without_weight(*arguments):
    return loss_with(words=lambda terms, masked, t: terms.sum(1))(*arguments)


@masked_loss.mistake(
    "a plain mean of the cross entropy, over all letters of all words: where are the masks and the weight?"
)
def mean_of_everything(*arguments):
    return loss_with(words=lambda terms, masked, t: terms.mean(1))(*arguments)


@masked_loss.mistake(
    "the letters that are seen are counted, and those under a mask are not: it is the other way round."
)
def seen_letters_only(*arguments):
    return loss_with(words=lambda terms, masked, t: (terms * ~masked).sum(1) / (1 - t))(*arguments)


@masked_loss.mistake("the model is shown z itself: it has to see x, with its masks.")
def leak(*arguments):
    return loss_with(shown=lambda x, z, mask: z)(*arguments)


@masked_loss.mistake("the model sees masks alone: the letters that are not masked help it to guess the others.")
def sees_nothing(*arguments):
    return loss_with(shown=lambda x, z, mask: torch.full_like(x, mask))(*arguments)


@masked_loss.mistake("the mask is the letter 0, which words have, too: it is a token of its own, after the letters.")
def mask_is_letter_0(*arguments):
    return loss_with(mask=lambda v: 0)(*arguments)


@masked_loss.mistake(
    "the mask is the last of the letters, which words have, too: it is a token of its own, after the letters."
)
def mask_is_the_last_letter(*arguments):
    return loss_with(mask=lambda v: v - 1)(*arguments)


@masked_loss.mistake("averaged over the letters of a word: they add up, only the batch is averaged.")
def mean_over_letters(*arguments):
    return loss_with(words=lambda terms, masked, t: (terms * masked).mean(1) / (1 - t))(*arguments)


@masked_loss.mistake(
    "averaged over the letters of a word, and no weight: letters add up, and 1/(1 - t) makes up for how many are "
    "masked."
)
def mean_over_letters_without_weight(*arguments):
    return loss_with(words=lambda terms, masked, t: (terms * masked).mean(1))(*arguments)


def _over_masks(terms, masked, t):
    return (terms * masked / (1 - t)[:, None]).sum() / masked.sum()


@masked_loss.mistake("averaged over all masked letters: words with few masks then count little; average over words.")
def mean_over_masks(*arguments):
    return loss_with(words=_over_masks)(*arguments)


@masked_loss.mistake(
    "averaged over all masked letters, and no weight: words have sums, each with its weight, and these are averaged."
)
def mean_over_masks_without_weight(*arguments):
    return loss_with(words=lambda terms, masked, t: (terms * masked).sum() / masked.sum())(*arguments)


@masked_loss.mistake(
    "divided by the number of masks that happen to be there: the weight is 1/(1 - t), of their expected number."
)
def own_mean_of_each_word(*arguments):
    return loss_with(words=lambda terms, masked, t: (terms * masked).sum(1) / masked.sum(1).clamp(min=1))(*arguments)


@masked_loss.mistake(
    "weighted with L over the number of masks: that belongs to a number drawn evenly; here coins are thrown at t."
)
def counted_masks(*arguments):
    def words(terms, masked, t):
        return masked.shape[1] * (terms * masked).sum(1) / masked.sum(1).clamp(min=1)

    return loss_with(words=words)(*arguments)


@masked_loss.mistake("divided by the number of masks as well as by 1 - t: the letters of a word add up.")
def own_mean_with_weight(*arguments):
    return loss_with(words=lambda terms, masked, t: (terms * masked).sum(1) / masked.sum(1).clamp(min=1) / (1 - t))(
        *arguments
    )


@masked_loss.mistake(
    "the mean weight times the mean cost: each word has its own weight. Did shape (B, 1) meet shape (B,)?"
)
def mean_weight(*arguments):
    return loss_with(words=lambda terms, masked, t: (terms * masked).sum(1) * (1 / (1 - t)).mean())(*arguments)


masked_loss.mistakes += COST_MISTAKES


@masked_loss.mistake("the cost is that of what the model sees, with the last letter for a mask: the target is z.")
def target_is_x(*arguments):
    return loss_with(target=lambda x, z, v: x.clamp(max=v - 1))(*arguments)


@masked_loss.mistake("the sign: minus the logarithm is what is made small.")
def sign(model, z, t, u):
    return -loss_with()(model, z, t, u)


@masked_loss.mistake("this is in bits: the natural logarithm is meant.")
def bits(model, z, t, u):
    return loss_with()(model, z, t, u) / log(2)


@masked_loss.mistake("the words are added up: average over the batch.")
def sum_over_the_batch(*arguments):
    return loss_with(reduce=torch.sum)(*arguments)


@masked_loss.mistake("a letter is kept where u < t (Exercise 7.3): the coins are read from the other side.")
def coins_read_from_the_other_side(model, z, t, u):
    return loss_with()(model, z, t, 1 - u)


@masked_loss.mistake("masks and letters are exchanged: a letter is kept where u < t (Exercise 7.3).")
def masks_exchanged(*arguments):
    return loss_with(kept=lambda t, u: u >= t[:, None])(*arguments)


@masked_loss.mistake("time runs backwards in x: t is the chance that a letter is kept (Exercise 7.3).")
def time_reversed_in_x(*arguments):
    return loss_with(kept=lambda t, u: u < 1 - t[:, None])(*arguments)


@masked_loss.mistake(
    "time runs backwards, in x and in the weight, as in papers that count it from the data: here t = 1 is the data."
)
def time_reversed(*arguments):
    return loss_with(kept=lambda t, u: u < 1 - t[:, None], words=weighed(lambda t: 1 / t))(*arguments)


@masked_loss.mistake(
    "the times met the wrong axis in x: t of shape (B,) lines up with the letters, not with the words."
)
def t_not_reshaped_in_x(*arguments):
    return loss_with(kept=lambda t, u: u < t)(*arguments)


def _weighed_along_letters(terms, masked, t):
    return (terms * masked / (1 - t)).sum(1)


@masked_loss.mistake(
    "the times met the wrong axis in the weight: t of shape (B,) lines up with the letters, not with the words."
)
def t_not_reshaped_in_the_weight(*arguments):
    return loss_with(words=_weighed_along_letters)(*arguments)


@masked_loss.mistake(
    "the times met the wrong axis, in x and in the weight: t of shape (B,) lines up with the letters, not with the "
    "words."
)
def t_not_reshaped(*arguments):
    return loss_with(kept=lambda t, u: u < t, words=lambda terms, masked, t: (terms * masked / (1 - t)).sum(1))(
        *arguments
    )


@masked_loss.mistake("the value is right, but no gradient reaches the model: something was detached.")
def detached(*arguments):
    return loss_with(reduce=lambda words: words.mean().detach())(*arguments)
