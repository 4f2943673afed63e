"""Rotations of space: matrices, the vectors that make them, and the shortest way between two of them."""

import math

import torch
from jaxtyping import Float, Real
from torch import Tensor

from course_utils.manifolds.base import Manifold
from course_utils.shapes import as_floats

__all__ = ["Rotations", "rotation", "rotation_vector", "skew", "unskew"]


def skew(w: Real[Tensor, "*shape 3"]) -> Float[Tensor, "*shape 3 3"]:
    r"""The matrix of the cross product, $\mathrm{skew}(w)\,b = w \times b$.

    Raises:
        ValueError: If w has other than three coordinates, as a quaternion has.

    Example:
        >>> manifolds.skew(torch.tensor([1.0, 2.0, 3.0]))
        tensor([[ 0., -3.,  2.],
                [ 3.,  0., -1.],
                [-2.,  1.,  0.]])
    """
    if w.shape[-1:] != (3,):
        raise ValueError(f"expected vectors of shape (..., 3), axis times angle, got {tuple(w.shape)}")
    x, y, z = as_floats(w).unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))


def unskew(matrix: Real[Tensor, "*shape 3 3"]) -> Float[Tensor, "*shape 3"]:
    """The vector w of the nearest `skew(w)`; what is symmetric in the matrix does not count.

    Raises:
        ValueError: If the matrices are not three by three.

    Example:
        >>> manifolds.unskew(manifolds.skew(torch.tensor([1.0, 2.0, 3.0])))
        tensor([1., 2., 3.])
    """
    if matrix.shape[-2:] != (3, 3):
        raise ValueError(f"expected matrices of shape (..., 3, 3), got {tuple(matrix.shape)}")
    odd = (as_floats(matrix) - matrix.mT) / 2
    return torch.stack([odd[..., 2, 1], odd[..., 0, 2], odd[..., 1, 0]], -1)


def rotation(w: Real[Tensor, "*shape 3"]) -> Float[Tensor, "*shape 3 3"]:
    r"""The turn by $\theta = |w|$ about w, $I + \frac{\sin\theta}{\theta} K + \frac{1 - \cos\theta}{\theta^2} K^2$.

    It is $e^K$ with K = `skew(w)`. Both factors are values of sinc, which knows its limit at 0.

    Args:
        w: Axis times angle in radians.

    Raises:
        ValueError: If w has other than three coordinates, as a quaternion has.

    Source: Rodrigues' formula.

    Example:
        >>> manifolds.rotation(torch.tensor([0.0, 0.0, torch.pi / 6]))
        tensor([[ 0.8660, -0.5000,  0.0000],
                [ 0.5000,  0.8660,  0.0000],
                [ 0.0000,  0.0000,  1.0000]])
    """
    K = skew(w)
    angle = as_floats(w).norm(dim=-1)[..., None, None]
    first = torch.sinc(angle / math.pi)
    second = torch.sinc(angle / (2 * math.pi)).square() / 2
    return torch.eye(3, dtype=K.dtype, device=K.device) + first * K + second * (K @ K)


def rotation_vector(matrix: Real[Tensor, "*shape 3 3"]) -> Float[Tensor, "*shape 3"]:
    r"""The inverse of `rotation`: axis times angle, the angle from 0 to $\pi$.

    $\arccos\frac{\mathrm{tr} R - 1}{2}$ would lose a turn by 1e-4 in float32, and the axis of one by $\pi$. So it goes
    through the quaternion q: R knows all products $q_i q_j$, and the row of the largest is q up to its length.

    Args:
        matrix: Rotations. Its gradient is not that of a distance: compute targets without one.

    Raises:
        ValueError: If a matrix is no rotation.

    Source: Bar-Itzhack, "New method for extracting the quaternion from a rotation matrix" (2000), for the products.

    Example:
        >>> manifolds.rotation_vector(manifolds.rotation(torch.tensor([0.0, 1e-4, 0.0])))
        tensor([0.0000e+00, 1.0000e-04, 0.0000e+00])
    """
    _check_rotations(matrix)
    products = _quaternion_products(as_floats(matrix))
    largest = products.diagonal(dim1=-2, dim2=-1).argmax(-1)
    row = torch.take_along_dim(products, largest[..., None, None], -2).squeeze(-2)
    return _vector_of(row)


class Rotations(Manifold):
    r"""Rotation matrices, on columns; the shortest way is a turn about one axis at constant speed.

    A velocity is that of the body, as a matrix: $R' = R\,\mathrm{skew}(v)$. It has the shape of a state, so losses and
    `simulate` carry it; `unskew` gives v.

    Raises:
        ValueError: In the methods, if a matrix is no rotation.

    Example:
        >>> turn = manifolds.rotation(torch.tensor([[0.0, 0.0, 1.0]]))
        >>> manifolds.unskew(manifolds.Rotations().log(torch.eye(3)[None], turn))
        tensor([[0., 0., 1.]])
    """

    event_shape = (3, 3)

    def __repr__(self) -> str:
        return "Rotations()"

    def check(self, x: Tensor) -> None:
        _check_rotations(self.check_event(x))

    def exp(self, x: Tensor, v: Tensor) -> Tensor:
        self.check(x)
        return x @ rotation(unskew(self.check_event(v)))

    def log(self, x: Tensor, z: Tensor) -> Tensor:
        self.check(x)
        self.check(z)
        return skew(rotation_vector(x.mT @ z))

    def draw(self, n: int, generator: torch.Generator | None = None, like: Tensor | None = None) -> Tensor:
        like = torch.empty(0) if like is None else like
        device = generator.device if generator else like.device
        quaternion = torch.randn(n, 4, generator=generator, dtype=like.dtype, device=device)
        return rotation(_vector_of(quaternion)).to(like.device)


def _quaternion_products(R: Tensor) -> Tensor:
    r"""$4 q q^T$ of the quaternion q = (w, x, y, z) of each rotation, shape (*shape, 4, 4)."""
    (a, b, c), (d, e, f), (g, h, i) = (row.unbind(-1) for row in R.unbind(-2))
    rows = [
        torch.stack([1 + a + e + i, h - f, c - g, d - b], -1),
        torch.stack([h - f, 1 + a - e - i, b + d, c + g], -1),
        torch.stack([c - g, b + d, 1 - a + e - i, f + h], -1),
        torch.stack([d - b, c + g, f + h, 1 - a - e + i], -1),
    ]
    return torch.stack(rows, -2)


def _vector_of(quaternion: Tensor) -> Tensor:
    """Axis times angle of quaternions of any length; q and -q are one rotation."""
    w = quaternion[..., :1]
    axis = torch.where(w < 0, -1.0, 1.0) * quaternion[..., 1:]
    length = axis.norm(dim=-1, keepdim=True)
    angle = 2 * torch.atan2(length, w.abs())
    return angle * axis / length.clamp(min=torch.finfo(length.dtype).tiny)


def _check_rotations(R: Tensor) -> None:
    if R.shape[-2:] != (3, 3):
        raise ValueError(f"expected rotation matrices of shape (..., 3, 3), got {tuple(R.shape)}")
    R = as_floats(R)
    off = (R.mT @ R - torch.eye(3, dtype=R.dtype, device=R.device)).abs().amax() if R.numel() else R.new_zeros(())
    if not off <= 10 * torch.finfo(R.dtype).eps ** 0.5:
        raise ValueError(f"expected rotations, R^T R = I, got matrices that are off by {off.item():.3g}")
    if (torch.linalg.det(R) < 0).any():
        raise ValueError("expected rotations, with determinant 1, got one with determinant -1: a mirror")
