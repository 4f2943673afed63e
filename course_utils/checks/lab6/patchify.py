"""Exercise 6.5: an image as a list of patches."""

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.checks.exercise import exercise

__all__ = ["patchify"]


@exercise("6.5", "An image as a list of patches", points=2, why="the same numbers at other places")
def patchify(x, p):
    images = []
    for image in x:
        rows = []
        for i in range(0, image.shape[1], p):
            for j in range(0, image.shape[2], p):
                rows.append(torch.cat([channel[i : i + p, j : j + p].reshape(-1) for channel in image]))
        images.append(torch.stack(rows))
    return torch.stack(images)


@patchify.inputs
def _(normal):
    p = 2 + normal.seed % 2
    return {"x": normal(3, 2, 2 * p, 4 * p), "p": p}


IN_ORDER = (0, 2, 4, 1, 3, 5)
"""The axes batch, channel, row of patches, row in a patch, column of patches, column in a patch, as they have to go."""


def _tokens(x: Tensor, p: int, order: tuple[int, ...] = IN_ORDER) -> Tensor:
    b, c, h, w = x.shape
    split = x.reshape(b, c, h // p, p, w // p, p).permute(*order)
    return split.reshape(b, (h // p) * (w // p), c * p * p)


@patchify.mistake(
    "the image is reshaped as it is, so that a token is a piece of a row: axes have to change places first."
)
def reshaped_only(x, p):
    return x.reshape(len(x), -1, x.shape[1] * p * p)


@patchify.mistake("the tokens run down the columns: they go in reading order, row by row.")
def columns_first(x, p):
    return _tokens(x, p, (0, 4, 2, 1, 3, 5))


@patchify.mistake("each patch is transposed: within it, too, go row by row.")
def patches_transposed(x, p):
    return _tokens(x, p, (0, 2, 4, 1, 5, 3))


@patchify.mistake("the channels of one pixel stand side by side: first all pixels of the first channel.")
def channels_last(x, p):
    return _tokens(x, p, (0, 2, 4, 3, 5, 1))


@patchify.mistake("rows and columns are exchanged, of the patches and within each: go row by row.")
def image_transposed(x, p):
    return _tokens(x, p, (0, 4, 2, 1, 5, 3))


@patchify.mistake("a token holds pixels that lie far apart, a thinned image: a patch is a block of neighbours.")
def pixels_apart(x, p):
    b, c, h, w = x.shape
    thinned = x.reshape(b, c, p, h // p, p, w // p).permute(0, 3, 5, 1, 2, 4)
    return thinned.reshape(b, (h // p) * (w // p), c * p * p)


@patchify.mistake("each token is a column: one row a token, its numbers along the last axis.")
def tokens_last(x, p):
    return F.unfold(x, p, stride=p)


@patchify.mistake("the patches overlap: the next one starts where the last one ends.")
def overlapping(x, p):
    return F.unfold(x, p).mT


@patchify.mistake("only the first channel is there: a token holds all of them.")
def first_channel_only(x, p):
    return _tokens(x[:, :1], p)


@patchify.mistake("only the first image is there: the batch keeps its axis.")
def first_image_only(x, p):
    return _tokens(x[:1], p)


@patchify.mistake("rows and columns of patches are two axes: a transformer wants one list.")
def grid_kept(x, p):
    return _tokens(x, p).unflatten(1, (x.shape[2] // p, -1))


@patchify.mistake("the patches of all images are in one list: the batch keeps its axis.")
def batch_flattened(x, p):
    return _tokens(x, p).flatten(0, 1)


@patchify.mistake("a token is still a block with axes: its numbers belong on one axis.")
def patches_kept(x, p):
    return _tokens(x, p).unflatten(2, (x.shape[1], p, p))


@patchify.mistake("each channel makes tokens of its own: the channels of a patch belong into one token.")
def a_channel_a_token(x, p):
    return _tokens(x, p).unflatten(2, (x.shape[1], -1)).transpose(1, 2).flatten(1, 2)


@patchify.mistake("the channels are averaged: a token holds all of them.")
def channels_averaged(x, p):
    return _tokens(x.mean(1, keepdim=True), p)


@patchify.mistake("each patch is averaged to one number: a token holds all its pixels.")
def patches_averaged(x, p):
    return F.avg_pool2d(x, p).flatten(2).mT
