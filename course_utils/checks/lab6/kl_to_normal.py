"""Exercise 6.1: the divergence of a Gaussian with independent coordinates from the standard normal."""

import math

import torch
from torch import Tensor

from course_utils.checks.exercise import exercise

__all__ = ["kl_to_normal"]


@exercise("6.1", "Divergence from the standard normal", points=2)
def kl_to_normal(mean, log_var):
    rows = []
    for m, v in zip(mean.flatten(1).tolist(), log_var.flatten(1).tolist(), strict=True):
        rows.append(sum((a * a + math.exp(b) - 1 - b) / 2 for a, b in zip(m, v, strict=True)))
    return torch.tensor(rows, dtype=mean.dtype)


@kl_to_normal.inputs
def _(normal):
    shape = (5, 3, 2) if normal.seed % 2 else (4, 2, 3, 2)
    return {"mean": normal(*shape), "log_var": normal(*shape)}


def _terms(mean: Tensor, log_var: Tensor, one: float = 1.0, rate: float = 1.0) -> Tensor:
    """Twice the divergence of each coordinate, flat; the variance is exp(rate * log_var)."""
    return (mean**2 + (rate * log_var).exp() - one - log_var).flatten(1)


@kl_to_normal.mistake("twice the divergence: a factor in front is missing.")
def half_missing(mean, log_var):
    return _terms(mean, log_var).sum(1)


@kl_to_normal.mistake("half the divergence: the factor in front is there twice.")
def half_twice(mean, log_var):
    return _terms(mean, log_var).sum(1) / 4


@kl_to_normal.mistake("log_var is squared on its way to the variance, as if it were the log of a standard deviation.")
def log_of_a_standard_deviation(mean, log_var):
    return _terms(mean, log_var, rate=2).sum(1) / 2


@kl_to_normal.mistake("both the variance and its logarithm are those of a standard deviation: log_var is a variance's.")
def everything_of_a_standard_deviation(mean, log_var):
    return _terms(mean, 2 * log_var).sum(1) / 2


@kl_to_normal.mistake("the standard deviation stands where the variance belongs.")
def standard_deviation_for_variance(mean, log_var):
    return _terms(mean, log_var, rate=0.5).sum(1) / 2


@kl_to_normal.mistake("the logarithm is that of the standard deviation; here that of the variance is subtracted.")
def log_of_the_deviation_subtracted(mean, log_var):
    return (_terms(mean, log_var) + log_var.flatten(1) / 2).sum(1) / 2


@kl_to_normal.mistake("the logarithm of the variance has the wrong sign: a small variance has to cost, too.")
def log_added(mean, log_var):
    return (_terms(mean, log_var) + 2 * log_var.flatten(1)).sum(1) / 2


@kl_to_normal.mistake("the logarithm of the variance is missing: a variance near 0 would cost next to nothing.")
def log_missing(mean, log_var):
    return (_terms(mean, log_var) + log_var.flatten(1)).sum(1) / 2


@kl_to_normal.mistake("log_var stands where the variance belongs: it is its logarithm.")
def log_var_for_variance(mean, log_var):
    return (mean**2 + log_var - 1 - log_var).flatten(1).sum(1) / 2


@kl_to_normal.mistake("for mean 0 and variance 1 the divergence is 0; yours is not: a constant is missing.")
def one_missing(mean, log_var):
    return _terms(mean, log_var, one=0).sum(1) / 2


@kl_to_normal.mistake("the constant is subtracted once: every coordinate has one.")
def one_for_all_coordinates(mean, log_var):
    return (_terms(mean, log_var, one=0).sum(1) - 1) / 2


@kl_to_normal.mistake("the mean goes in without its square: to the left and to the right of 0 must cost the same.")
def mean_not_squared(mean, log_var):
    return (mean + log_var.exp() - 1 - log_var).flatten(1).sum(1) / 2


@kl_to_normal.mistake("the mean is not used: a latent far from 0 would cost nothing.")
def mean_ignored(mean, log_var):
    return _terms(torch.zeros_like(mean), log_var).sum(1) / 2


@kl_to_normal.mistake("the sign is wrong: a divergence is never negative.")
def negative(mean, log_var):
    return -_terms(mean, log_var).sum(1) / 2


@kl_to_normal.mistake("the coordinates are averaged: independent coordinates add up.")
def averaged(mean, log_var):
    return _terms(mean, log_var).mean(1) / 2


@kl_to_normal.mistake("the whole batch is summed: one number for each of its rows.")
def batch_summed(mean, log_var):
    return _terms(mean, log_var).sum() / 2


@kl_to_normal.mistake("the batch is averaged: one number for each of its rows; the loss averages them later.")
def batch_averaged(mean, log_var):
    return _terms(mean, log_var).sum(1).mean() / 2


@kl_to_normal.mistake(
    "batch and coordinates are averaged: one number for each row, and independent coordinates add up."
)
def everything_averaged(mean, log_var):
    return _terms(mean, log_var).mean() / 2


@kl_to_normal.mistake("only the last axis is summed: a latent may be a grid, and all its coordinates count.")
def last_axis_only(mean, log_var):
    return _terms(mean, log_var).unflatten(1, mean.shape[1:]).sum(-1) / 2


@kl_to_normal.mistake("only the axis after the batch is summed: a latent may be a grid, and all its coordinates count.")
def first_axis_only(mean, log_var):
    return _terms(mean, log_var).unflatten(1, mean.shape[1:]).sum(1) / 2


@kl_to_normal.mistake("nothing is summed: one number for each row, and independent coordinates add up.")
def not_summed(mean, log_var):
    return _terms(mean, log_var).unflatten(1, mean.shape[1:]) / 2


@kl_to_normal.mistake("this is the divergence of the standard normal from q: the two are exchanged.")
def exchanged(mean, log_var):
    return ((mean**2 + 1) * (-log_var).exp() - 1 + log_var).flatten(1).sum(1) / 2
