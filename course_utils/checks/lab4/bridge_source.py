"""Exercise 4.6: where a bridge to full resolution starts: means of 4×4 blocks, and noise."""

import torch.nn.functional as F

from course_utils.checks.exercise import Mistake, exercise
from course_utils.checks.mistakes import pairs
from course_utils.checks.sums import combination

__all__ = ["bridge_source"]


@exercise("4.6", "A source for super-resolution", points=2, single=0.0001)
def bridge_source(z, noise, s):
    x0 = s * noise
    for row in range(0, z.shape[2], 4):
        for column in range(0, z.shape[3], 4):
            here = (..., slice(row, row + 4), slice(column, column + 4))
            x0[here] += z[here].mean((2, 3), keepdim=True)
    return x0


@bridge_source.inputs
def _(normal):
    return {"z": 6 * normal(5, 1, 12, 8), "noise": normal(5, 1, 12, 8), "s": normal(1).sigmoid().item()}


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


def _enlarged(small):
    """A way to make the small image and to enlarge it, with the noise as it should be."""
    return lambda z, noise, s: small(z) + s * noise


BLOCK = "a pixel of the small image is the mean of its 4×4 block"
ENLARGED = {
    "cubic upsampling": (
        "the small image is upsampled with cubic splines: here each of its pixels becomes a block of 4×4 equal ones.",
        lambda z: F.interpolate(F.avg_pool2d(z, 4), scale_factor=4, mode="bicubic"),
    ),
    "corners aligned": (
        "the small image is upsampled smoothly, from corner to corner: here each pixel becomes a block of equal ones.",
        lambda z: F.interpolate(F.avg_pool2d(z, 4), scale_factor=4, mode="bilinear", align_corners=True),
    ),
    "blocks of 2×2": ("the blocks are of 2×2 pixels.", lambda z: F.interpolate(F.avg_pool2d(z, 2), scale_factor=2)),
    "smallest of the block": (
        f"the smallest pixel of each block is kept: {BLOCK}.",
        lambda z: -_blocks(F.max_pool2d(-z, 4)),
    ),
    "median of the block": (
        f"the median of each block is taken: {BLOCK}.",
        lambda z: _blocks(z.unfold(2, 4, 4).unfold(3, 4, 4).flatten(-2).median(-1).values),
    ),
    "four pixels of the block": (
        f"only the four pixels in the middle of each block are averaged: {BLOCK}.",
        lambda z: _blocks(F.interpolate(z, scale_factor=0.25, mode="bilinear")),
    ),
    "moving mean": (
        f"the mean moves pixel by pixel: the blocks do not overlap, and {BLOCK}.",
        lambda z: F.avg_pool2d(z, 4, stride=1, padding=2)[..., : z.shape[2], : z.shape[3]],
    ),
    "7 by 7": (
        "the small image has 7×7 pixels, whatever the size of the large one: it is the blocks that are of 4×4.",
        lambda z: F.interpolate(F.adaptive_avg_pool2d(z, 7), size=z.shape[2:]),
    ),
    "mean of the image": (f"the mean runs over the whole image: {BLOCK}.", lambda z: z.mean((2, 3), keepdim=True)),
    "mean of the batch": (
        "the mean runs over the batch as well: each image has a small one of its own.",
        lambda z: _low(z).mean(0),
    ),
    "no small image": ("z itself is kept: what the source knows of it is the small image alone.", lambda z: z),
    "what is lost": ("this is what the small image lacks: the small image itself is asked for.", lambda z: z - _low(z)),
    "mirrored": ("the enlarged image is mirrored.", lambda z: _low(z).flip(-1)),
    "rows tiled": (
        "the rows of the small image are tiled: each of its pixels has to become a 4×4 block.",
        lambda z: F.avg_pool2d(z, 4).repeat_interleave(4, 3).repeat(1, 1, 4, 1),
    ),
    "columns tiled": (
        "the columns of the small image are tiled: each of its pixels has to become a 4×4 block.",
        lambda z: F.avg_pool2d(z, 4).repeat_interleave(4, 2).repeat(1, 1, 1, 4),
    ),
    "small image clamped": ("the small image is clamped: leave it as it is.", lambda z: _low(z).clamp(-1, 1)),
}
"""Wrong small images, enlarged, by name: the sentence, and how they are made."""

bridge_source.mistakes += [Mistake(name, _enlarged(small), message) for name, (message, small) in ENLARGED.items()]


@bridge_source.mistake("the source is clamped: it may leave the range of the data, as noise does.")
def clamped(z, noise, s):
    return bridge_source.oracle(z, noise, s).clamp(-1, 1)


@bridge_source.mistake(
    "the noise is taken off: add it. (Its law is the same, but it is given, so the sign can be told.)"
)
def noise_taken_off(z, noise, s):
    return _low(z) - s * noise


@bridge_source.mistake("image and noise are exchanged.")
def exchanged(z, noise, s):
    return _low(noise) + s * z


@bridge_source.mistake("the noise has one number a block: each of the large pixels needs its own.")
def noise_a_block(z, noise, s):
    return _low(z) + s * _blocks(noise[..., ::4, ::4])


@bridge_source.mistake("the image is missing: this is noise alone.")
def noise_alone(z, noise, s):
    return s * noise


@bridge_source.mistake(
    "s scales the small image, and the noise is left as it is: s is the standard deviation of the noise."
)
def image_scaled(z, noise, s):
    return s * _low(z) + noise


@bridge_source.mistake("s scales the small image as well: it is the standard deviation of the noise.")
def both_scaled(z, noise, s):
    return s * (_low(z) + noise)


@bridge_source.mistake(
    "the small image is faded so that the variance stays: the noise is added to it, nothing is mixed."
)
def variance_preserved(z, noise, s):
    return (1 - s**2) ** 0.5 * _low(z) + s * noise


@bridge_source.mistake("image and noise were made small, and left so: source and data of a path need the same shape.")
def small_with_noise(z, noise, s):
    return F.avg_pool2d(z + s * noise, 4)


bridge_source.traits += combination(
    {"the enlarged image": lambda z, noise, s: _low(z), "the noise": lambda z, noise, s: noise},
    total="each image",
)


def _source(
    z,
    noise,
    s,
    *,
    small=lambda z: F.avg_pool2d(z, 4),
    large=_blocks,
    total=lambda image, s, noise: image + s * noise,
):
    """A right answer with its three parts to replace."""
    return total(large(small(z)), s, noise)


bridge_source.pairs += pairs(
    _source,
    {
        "one pixel": ("one pixel of each block is kept.", {"small": lambda z: z[..., ::4, ::4]}),
        "largest": ("the largest pixel of each block is kept.", {"small": lambda z: F.max_pool2d(z, 4)}),
        "sum": ("the pixels of a block are added.", {"small": lambda z: 16 * F.avg_pool2d(z, 4)}),
        "tiled": ("the small image is tiled.", {"large": lambda small: small.repeat(1, 1, 4, 4)}),
        "smooth": (
            "the small image is upsampled smoothly.",
            {"large": lambda small: F.interpolate(small, scale_factor=4, mode="bilinear")},
        ),
        "not scaled": ("the noise is not scaled.", {"total": lambda image, s, noise: image + noise}),
        "squared": (
            "the noise is multiplied by the square of s.",
            {"total": lambda image, s, noise: image + s**2 * noise},
        ),
        "root": (
            "the noise is multiplied by the root of s.",
            {"total": lambda image, s, noise: image + s**0.5 * noise},
        ),
        "mixed": ("the image is faded by 1 - s.", {"total": lambda image, s, noise: (1 - s) * image + s * noise}),
        "taken off": ("the noise is taken off.", {"total": lambda image, s, noise: image - s * noise}),
        "no noise": ("the noise is missing.", {"total": lambda image, s, noise: image}),
    },
)
