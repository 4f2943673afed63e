"""One prediction turned into another, and one schedule's field into another's."""

from torch import Tensor

from course_utils.schedules.base import Schedule
from course_utils.shapes import Field, Time, as_floats, check_same_shape, expand_path_time

__all__ = ["PREDICTIONS", "convert", "reparametrised"]

PREDICTIONS = ("velocity", "score", "noise", "data")


def convert(value: Tensor, x: Tensor, t: Time, schedule: Schedule, *, source: str, target: str) -> Tensor:
    """Turn one prediction at (x, t) into another: velocity, score, noise or data.

    Works for conditional and for marginal quantities alike, since all four are affine in one another.
    Singular ends: from score or noise, alpha = 0 is refused unless the target is one of these two; from
    data, from score and to score, beta = 0 is refused; from and to velocity, times at which the derivatives
    of the schedule are not finite are refused; from velocity, too, times at which alpha / beta stands still.
    Nothing else is singular. Close to such a time, digits are lost: about as many as alpha or beta has zeros.

    Args:
        value: What is known, of the kind `source`, shape (batch, *event).
        x: States, same shape.
        t: Time, a number or shape () or (batch,).
        schedule: The schedule of the path.
        source: One of "velocity", "score", "noise", "data".
        target: One of the same four.

    Returns:
        The prediction of the kind `target`, same shape.

    Raises:
        ValueError: At a singular end, for an unknown kind, or for shapes that differ.

    Source: 6.S184 lecture 3, "Conversion formula for DDMs"; the data form is Tweedie's formula.

    Example:
        >>> x, velocity = torch.zeros(1, 2), torch.ones(1, 2)
        >>> schedules.convert(velocity, x, 0.5, schedules.Linear(), source="velocity", target="data")
        tensor([[0.5000, 0.5000]])
    """
    for kind in (source, target):
        if kind not in PREDICTIONS:
            raise ValueError(f"expected one of {', '.join(PREDICTIONS)}, got {kind!r}")
    check_same_shape(value=value, x=x)
    value = as_floats(value)
    x = as_floats(x)
    at = expand_path_time(t, x)
    if source == target:
        return value
    alpha = schedule.alpha(at)
    beta = schedule.beta(at)
    if source in ("data", "score") or target == "score":
        _refuse(beta == 0, "beta = 0", at, source, target)
    noise, data = _noise_and_data(value, x, at, schedule, source, target)
    if target == "noise":
        return noise
    if target == "score":
        return -noise / beta
    if data is None:
        _refuse(alpha == 0, "alpha = 0", at, source, target)
        data = (x - beta * noise) / alpha
    if target == "data":
        return data
    alpha_dot, beta_dot = schedule.rates(at)
    return alpha_dot * data + beta_dot * noise


def _noise_and_data(
    value: Tensor, x: Tensor, t: Tensor, schedule: Schedule, source: str, target: str
) -> tuple[Tensor, Tensor | None]:
    """The noise, and the data where `source` says it without a division by alpha."""
    alpha = schedule.alpha(t)
    beta = schedule.beta(t)
    if source == "noise":
        return value, None
    if source == "score":
        return -beta * value, None
    if source == "data":
        return (x - alpha * value) / beta, value
    alpha_dot, beta_dot = schedule.rates(t)
    determinant = alpha_dot * beta - alpha * beta_dot
    _refuse(determinant == 0, "a ratio alpha / beta that stands still", t, source, target)
    noise = (alpha_dot * x - alpha * value) / determinant
    data = (beta * value - beta_dot * x) / determinant
    return noise, data


def _refuse(singular: Tensor, why: str, t: Tensor, source: str, target: str) -> None:
    if singular.any():
        when = t.expand_as(singular)[singular].flatten()[0].item()
        raise ValueError(f"{source} cannot be turned into {target} at t = {when:g}: the schedule has {why} there")


def reparametrised(model: Field, schedule: Schedule) -> Field:
    r"""The velocity field under any schedule that a velocity field of the linear path amounts to.

    $\alpha_t z + \beta_t \epsilon$ is $\alpha_t + \beta_t$ times the point $s z + (1 - s) \epsilon$ of the linear path
    at the time $s = \alpha_t / (\alpha_t + \beta_t)$ of equal signal-to-noise ratio: one network serves all schedules.
    At times at which the derivatives of the schedule are not finite, the field raises a ValueError.

    Args:
        model: Velocity on the `Linear` path, called as model(x, t).
        schedule: The schedule of the field that is returned.

    Source: Karras et al., "Elucidating the design space of diffusion-based generative models" (2022); Lipman et al.,
    "Flow matching guide and code" (2024), scheduler change.

    Example:
        >>> to_zero = lambda x, t: -x / (1 - t)  # all data are 0
        >>> schedules.reparametrised(to_zero, schedules.Cosine())(torch.ones(1, 1), torch.tensor(0.5))
        tensor([[-1.5708]])
    """

    def velocity(x: Tensor, t: Time) -> Tensor:
        at = expand_path_time(t, x)
        alpha = schedule.alpha(at)
        beta = schedule.beta(at)
        alpha_dot, beta_dot = schedule.rates(at)
        s = alpha / (alpha + beta)
        linear = x / (alpha + beta)
        u = model(linear, s.flatten() if s.ndim else s)
        data = linear + (1 - s) * u
        noise = linear - s * u
        return alpha_dot * data + beta_dot * noise

    return velocity
