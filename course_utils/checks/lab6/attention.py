"""Exercise 6.6: attention."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.checks.exercise import exercise

__all__ = ["attention"]


@exercise("6.6", "Attention", points=3, rtol=1e-6, why="the root of d may be one in single precision")
def attention(q, k, v):
    out = q.new_zeros(*q.shape[:3], v.shape[-1])
    for b in range(q.shape[0]):
        for h in range(q.shape[1]):
            for i in range(q.shape[2]):
                weights = [math.exp(torch.dot(q[b, h, i], key).item() / q.shape[-1] ** 0.5) for key in k[b, h]]
                for w, value in zip(weights, v[b, h], strict=True):
                    out[b, h, i] += w / sum(weights) * value
    return out


@attention.inputs
def _(normal):
    return {"q": normal(2, 3, 4, 5), "k": normal(2, 3, 6, 5), "v": normal(2, 3, 6, 2)}


def _scores(q: Tensor, k: Tensor) -> Tensor:
    return q @ k.mT / q.shape[-1] ** 0.5


def _softmax(scores: Tensor) -> Tensor:
    return scores.softmax(-1)


def _attend(scores: Callable[[Tensor, Tensor], Tensor] = _scores, weights: Callable[[Tensor], Tensor] = _softmax):
    """Attention with its scores, and the weights that are made of them, to replace."""
    return lambda q, k, v: weights(scores(q, k)) @ v


@attention.mistake(
    "the scores are not divided: sums of many products are large, and one token then takes all the weight."
)
def no_scale(q, k, v):
    return _attend(lambda q, k: q @ k.mT)(q, k, v)


@attention.mistake("the scores are divided by d: d products of variance 1 have the variance d; divide by its root.")
def divided_by_d(q, k, v):
    return _attend(lambda q, k: q @ k.mT / q.shape[-1])(q, k, v)


@attention.mistake("the scores are multiplied by the root: the more coordinates, the larger they would be.")
def multiplied(q, k, v):
    return _attend(lambda q, k: q @ k.mT * q.shape[-1] ** 0.5)(q, k, v)


@attention.mistake("the scores are divided by the root of the number of tokens: each is a sum over d coordinates.")
def divided_by_the_root_of_the_keys(q, k, v):
    return _attend(lambda q, k: q @ k.mT / k.shape[-2] ** 0.5)(q, k, v)


@attention.mistake("the scores are divided by the root of the number of queries: each is a sum over d coordinates.")
def divided_by_the_root_of_the_queries(q, k, v):
    return _attend(lambda q, k: q @ k.mT / q.shape[-2] ** 0.5)(q, k, v)


@attention.mistake("d is taken from the values: each score is a sum over the coordinates of a query and a key.")
def divided_by_the_root_of_the_values(q, k, v):
    return _attend(lambda q, k: q @ k.mT / v.shape[-1] ** 0.5)(q, k, v)


@attention.mistake("the scores are divided by the root of the number of heads: each is a sum over d coordinates.")
def divided_by_the_root_of_the_heads(q, k, v):
    return _attend(lambda q, k: q @ k.mT / q.shape[1] ** 0.5)(q, k, v)


@attention.mistake("each query looks only at the keys before it: here every token looks at all.")
def causal(q, k, v):
    later = torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool).triu(1)
    return _attend(lambda q, k: _scores(q, k).masked_fill(later, -torch.inf))(q, k, v)


@attention.mistake("the sign of the scores is wrong: a query looks at the keys that are like it.")
def negative_scores(q, k, v):
    return _attend(lambda q, k: -_scores(q, k))(q, k, v)


@attention.mistake("the scores are distances between queries and keys: here they are products.")
def distances(q, k, v):
    return _attend(lambda q, k: torch.cdist(q, k) / q.shape[-1] ** 0.5)(q, k, v)


@attention.mistake("the softmax runs over the queries: the weights of each query sum to 1.")
def softmax_over_queries(q, k, v):
    return _attend(weights=lambda s: s.softmax(-2))(q, k, v)


@attention.mistake("the softmax runs over the heads: each of them attends by itself.")
def softmax_over_heads(q, k, v):
    return _attend(weights=lambda s: s.softmax(1))(q, k, v)


@attention.mistake("the softmax runs over the batch: images would look at each other.")
def softmax_over_the_batch(q, k, v):
    return _attend(weights=lambda s: s.softmax(0))(q, k, v)


@attention.mistake("the softmax runs over queries and keys at once: the weights of each query sum to 1.")
def softmax_over_all(q, k, v):
    return _attend(weights=lambda s: s.flatten(-2).softmax(-1).reshape(s.shape))(q, k, v)


@attention.mistake("the scores are taken as weights: make them positive, with a sum of 1.")
def no_softmax(q, k, v):
    return _attend(weights=lambda s: s)(q, k, v)


@attention.mistake("these are logarithms of weights: weights are positive.")
def log_softmax(q, k, v):
    return _attend(weights=lambda s: s.log_softmax(-1))(q, k, v)


@attention.mistake("the weights are positive, but their sum is not 1.")
def not_normalised(q, k, v):
    return _attend(weights=torch.exp)(q, k, v)


@attention.mistake("each weight is squeezed to (0, 1) by itself: tokens compete, the sum of the weights is 1.")
def sigmoid(q, k, v):
    return _attend(weights=torch.sigmoid)(q, k, v)


@attention.mistake("only the best key counts: the weights are a softmax, not a maximum.")
def best_only(q, k, v):
    return _attend(weights=lambda s: (s == s.amax(-1, keepdim=True)).to(s))(q, k, v)


@attention.mistake("the division comes after the softmax: it belongs to the scores.")
def divided_after_the_softmax(q, k, v):
    return _attend(lambda q, k: q @ k.mT)(q, k, v) / q.shape[-1] ** 0.5


@attention.mistake("every token gets the same weight: the queries are not used.")
def plain_average(q, k, v):
    return _attend(weights=lambda s: torch.ones_like(s) / s.shape[-1])(q, k, v)


@attention.mistake("the keys are averaged: what is given to a query is the values.")
def keys_averaged(q, k, v):
    return _attend()(q, k, k)


@attention.mistake("the heads are averaged: each gives values of its own.")
def heads_averaged(q, k, v):
    return _attend()(q, k, v).mean(1)


@attention.mistake("the heads are put side by side already: here they keep their axis.")
def heads_side_by_side(q, k, v):
    return _attend()(q, k, v).transpose(1, 2).flatten(2)


@attention.mistake("these are the weights: the values that they average are missing.")
def weights_only(q, k, v):
    return _softmax(_scores(q, k))
