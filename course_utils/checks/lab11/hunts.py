"""Bug hunts of Lab 11."""

import torch

from course_utils.checks.hunts import Hunts
from course_utils.checks.lab11.pairwise_field import pairwise_field
from course_utils.checks.lab11.rotation import rotation
from course_utils.checks.lab11.torsion_angle import torsion_angle
from course_utils.checks.lab11.torus_path import torus_path
from course_utils.checks.lab11.torus_velocity import torus_velocity

__all__ = ["bug_hunt"]

bug_hunt = Hunts()


@bug_hunt.of(torus_path, "point not wrapped", "straight through", "time reversed")
def straight_for_the_point(x0, z, t):
    at = t[:, None]
    velocity = torch.remainder(z - x0 + torch.pi, 2 * torch.pi) - torch.pi
    point = (1 - at) * x0 + at * z
    return torch.remainder(point + torch.pi, 2 * torch.pi) - torch.pi, velocity


@bug_hunt.of(torsion_angle, "wrong hand", "arccos", "atan2 exchanged")
def length_of_the_axis(a, b, c, d):
    u, v, w = b - a, c - b, d - c
    m, n = torch.linalg.cross(u, v), torch.linalg.cross(v, w)
    sine = (torch.linalg.cross(m, n) * v).sum(1)
    return torch.atan2(sine, (m * n).sum(1))


@bug_hunt.of(torus_velocity, "all points", "half as wide", "sum for mean")
def any_coordinate(x, t, data):
    ways = torch.remainder(data - x[:, None] + torch.pi, 2 * torch.pi) - torch.pi
    near = (ways.abs() <= (1 - t) * torch.pi).any(2, keepdim=True)
    mean = (near * ways).sum(1) / near.sum(1)
    return mean / (1 - t)


@bug_hunt.of(rotation, "inverse", "no second term", "half the angle")
def axis_not_of_length_1(w):
    angle = w.norm(dim=1)[:, None, None]
    x, y, z = w.unbind(1)
    zero = torch.zeros_like(x)
    K = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], 1).reshape(-1, 3, 3)
    return torch.eye(3).to(w) + angle.sin() * K + (1 - angle.cos()) * K @ K


@bug_hunt.of(pairwise_field, "pulls for pushes", "square squared", "n - 1")
def sum_squared(weight, x):
    gaps = x[:, :, None] - x[:, None]
    weights = weight(gaps.sum(3) ** 2)
    return (weights[..., None] * gaps).mean(2)


@bug_hunt.of(pairwise_field, "sum", "weights left out", "from the middle")
def a_weight_per_coordinate(weight, x):
    gaps = x[:, :, None] - x[:, None]
    return (weight(gaps**2) * gaps).mean(2)
