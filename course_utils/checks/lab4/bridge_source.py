"""Exercise 4.6: where a bridge to full resolution starts: means of 4×4 blocks, and noise."""

import torch.nn.functional as F

from course_utils.checks.exercise import exercise

__all__ = ["bridge_source"]


@exercise("4.6", "A source for super-resolution", points=2)
def bridge_source(z, noise, s):
    x0 = s * noise
    for row in range(0, z.shape[2], 4):
        for column in range(0, z.shape[3], 4):
            here = (..., slice(row, row + 4), slice(column, column + 4))
            x0[here] += z[here].mean((2, 3), keepdim=True)
    return x0


@bridge_source.inputs
def _(normal):
    return {"z": normal(3, 1, 12, 8), "noise": normal(3, 1, 12, 8), "s": normal(1).sigmoid().item()}


def _blocks(small):
    """Each pixel as a block of 4×4."""
    return F.interpolate(small, scale_factor=4)


def _low(z):
    return _blocks(F.avg_pool2d(z, 4))


@bridge_source.mistake("one pixel of each block is kept: a pixel of the small image is the mean of its 4×4 block.")
def every_fourth_pixel(z, noise, s):
    return _blocks(z[..., ::4, ::4]) + s * noise


@bridge_source.mistake(
    "the largest pixel of each block is kept: a pixel of the small image is the mean of its 4×4 block."
)
def largest_of_the_block(z, noise, s):
    return _blocks(F.max_pool2d(z, 4)) + s * noise


@bridge_source.mistake("the blocks are summed: a pixel of the small image is the mean of its 4×4 block.")
def sum_of_the_block(z, noise, s):
    return 16 * _low(z) + s * noise


@bridge_source.mistake(
    "the small image is tiled, as on a sheet of stamps: each of its pixels has to become a 4×4 block."
)
def small_image_tiled(z, noise, s):
    return F.avg_pool2d(z, 4).repeat(1, 1, 4, 4) + s * noise


@bridge_source.mistake(
    "the small image is upsampled smoothly: here each of its pixels becomes a block of 4×4 equal ones."
)
def smooth_upsampling(z, noise, s):
    return F.interpolate(F.avg_pool2d(z, 4), scale_factor=4, mode="bilinear") + s * noise


@bridge_source.mistake(
    "the noise is added before the image is made small, so it has only one number a block: "
    "each of the large pixels needs its own."
)
def noise_before_down(z, noise, s):
    return _low(z + s * noise)


@bridge_source.mistake("there is no noise: from a source without any, one small image could lead to one digit only.")
def no_noise(z, noise, s):
    return _low(z)


@bridge_source.mistake("the noise is not scaled by s.")
def noise_not_scaled(z, noise, s):
    return _low(z) + noise


@bridge_source.mistake("s is taken as a variance: it is the standard deviation of the noise.")
def s_as_a_variance(z, noise, s):
    return _low(z) + s**0.5 * noise


@bridge_source.mistake("the noise is multiplied by the square of s: s is its standard deviation already.")
def s_squared(z, noise, s):
    return _low(z) + s**2 * noise


@bridge_source.mistake("the small image is faded by 1 - s: the noise is added to it, nothing is mixed.")
def mixed(z, noise, s):
    return (1 - s) * _low(z) + s * noise


@bridge_source.mistake("this is the small image: source and data of a path need the same shape.")
def small(z, noise, s):
    return F.avg_pool2d(z, 4)


@bridge_source.mistake("the images are there but in another order: row i of the source must come from row i of z.")
def pairs_lost(z, noise, s):
    return _low(z).roll(1, 0) + s * noise
