"""Bug hunts of Lab 4."""

import torch

from course_utils.checks.hunts import Hunts
from course_utils.checks.lab4.bridge_source import bridge_source
from course_utils.checks.lab4.drop_labels import drop_labels
from course_utils.checks.lab4.fourier_features import fourier_features
from course_utils.checks.lab4.gaussian_frechet_distance import gaussian_frechet_distance
from course_utils.checks.lab4.guided_velocity import guided_velocity
from course_utils.checks.lab4.residual_block import residual_block

__all__ = ["bug_hunt"]

bug_hunt = Hunts()


@bug_hunt.of(guided_velocity, "exchanged", "w - 1", "weights sum to w plus 1")
def other_scale(model, x, t, y, w, null):
    with_label = model(x, t, y)
    without = model(x, t, torch.full_like(y, null))
    return with_label + w * (with_label - without)


@bug_hunt.of(drop_labels, "ten for null", "u equal to p", "a tenth")
def zero_for_null(y, u, p, null):
    dropped = u < p
    return y * (1 - dropped.long())


@bug_hunt.of(fourier_features, "sine first", "one below the other", "half turns")
def taking_turns(t, frequencies):
    angles = 2 * torch.pi * t[:, None] * frequencies
    waves = torch.stack([angles.cos(), angles.sin()], dim=2)
    return waves.reshape(len(t), -1)


@bug_hunt.of(residual_block, "shift scaled", "silu too late", "no silu on the embedding")
def scale_without_one(block, x, embedding):
    silu = torch.nn.functional.silu
    scale, shift = block.modulation(silu(embedding)).chunk(2, dim=1)
    h = scale[:, :, None, None] * block.norm(x) + shift[:, :, None, None]
    return x + block.conv2(silu(block.conv1(h)))


@bug_hunt.of(gaussian_frechet_distance, "no factor 2", "mean gap not squared", "sum for trace")
def root_of_the_trace(mean_a, cov_a, mean_b, cov_b):
    gap = ((mean_a - mean_b) ** 2).sum()
    cross = (cov_a @ cov_b).trace().sqrt()
    return gap + cov_a.trace() + cov_b.trace() - 2 * cross


@bug_hunt.of(bridge_source, "no noise", "every fourth pixel", "small image tiled")
def noise_before_down(z, noise, s):
    noisy = z + s * noise
    small = torch.nn.functional.avg_pool2d(noisy, 4)
    return small.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)
