r"""Densities along a flow: how fast a velocity field thins out what it carries."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from course_utils.shapes import Field, Time, check_same_shape
from course_utils.simulators import rk4_step, simulate

__all__ = [
    "divergence",
    "divergence_by_coordinate",
    "hutchinson_divergence",
    "log_likelihood",
    "standard_normal_log_prob",
]


def divergence(field: Field, x: Float[Tensor, "batch *event"], t: Time) -> Float[Tensor, " batch"]:
    r"""Divergence $\sum_i \partial u_i(x, t) / \partial x_i$, exact, by one batched backward pass.

    The rows of all Jacobians are computed at once: memory grows with the square of the number of coordinates.
    `divergence_by_coordinate` is the same, slower and plain. Works under `torch.no_grad`, too; the result is itself
    differentiable where `x` requires a gradient.

    Args:
        field: Velocity field; each state of the batch must be treated on its own.
        x: States, shape (batch, *event).
        t: Time, shape () or (batch,).

    Returns:
        One number a state, per unit of time; shape (batch,).

    Raises:
        ValueError: If the field returns another shape than that of `x`.

    Source: 6.S184 lecture notes, continuity equation.

    Example:
        >>> likelihood.divergence(lambda x, t: x**2, torch.tensor([[1.0, 2.0]]), 0.0)
        tensor([6.])
    """
    with torch.enable_grad():
        at = x if x.requires_grad else x.detach().requires_grad_()
        u = field(at, t)
        check_same_shape(field=u, x=x)
        if not u.requires_grad:
            return x.new_zeros(len(x))
        u = u.flatten(1)
        units = torch.eye(u.shape[1], dtype=u.dtype, device=u.device)[:, None].expand(-1, *u.shape)
        options = {"is_grads_batched": True, "allow_unused": True, "create_graph": x.requires_grad}
        (rows,) = torch.autograd.grad(u, at, units, **options)
    return x.new_zeros(len(x)) if rows is None else rows.flatten(2).diagonal(dim1=0, dim2=2).sum(1)


def divergence_by_coordinate(field: Field, x: Float[Tensor, "batch *event"], t: Time) -> Float[Tensor, " batch"]:
    r"""The divergence as its definition says: $\partial u_i / \partial x_i$ one after the other, and their sum.

    As each state of the batch is treated on its own, the derivative of the sum of all $u_i$ in the batch is that of
    each. Arguments and errors as for `divergence`; the result is not differentiable.

    Example:
        >>> likelihood.divergence_by_coordinate(lambda x, t: x**2, torch.tensor([[1.0, 2.0]]), 0.0)
        tensor([6.])
    """
    total = x.new_zeros(len(x))
    with torch.enable_grad():
        at = x.detach().requires_grad_()
        u = field(at, t)
        check_same_shape(field=u, x=x)
        for i in range(u[:1].numel()):
            u_i = u.flatten(1)[:, i].sum()
            if u_i.requires_grad:
                (row,) = torch.autograd.grad(u_i, at, retain_graph=True, materialize_grads=True)
                total += row.flatten(1)[:, i]
    return total


def hutchinson_divergence(
    field: Field, x: Float[Tensor, "batch *event"], t: Time, probe: Float[Tensor, "batch *event"]
) -> Float[Tensor, " batch"]:
    r"""Hutchinson's estimate $v^\top \frac{\partial u}{\partial x} v$ of the divergence: one row instead of a Jacobian.

    Its mean over probes v with $E[v v^\top] = I$ is the divergence. Differentiable where `x` requires a gradient.

    Args:
        field: Velocity field; each state of the batch must be treated on its own.
        x: States.
        t: Time.
        probe: v, random signs or standard normal, independent of x.

    Raises:
        ValueError: If the field or the probe has another shape than x.

    Source: Hutchinson (1989); Grathwohl et al., "FFJORD" (2019).

    Example:
        >>> x, signs = torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, -1.0]])
        >>> likelihood.hutchinson_divergence(lambda x, t: x**2, x, 0.0, signs)
        tensor([6.])
    """
    with torch.enable_grad():
        at = x if x.requires_grad else x.detach().requires_grad_()
        u = field(at, t)
        check_same_shape(field=u, x=x, probe=probe)
        if not u.requires_grad:
            return x.new_zeros(len(x))
        (row,) = torch.autograd.grad(u, at, probe, create_graph=x.requires_grad, allow_unused=True)
    return x.new_zeros(len(x)) if row is None else (row * probe).flatten(1).sum(1)


def standard_normal_log_prob(x: Float[Tensor, "batch *event"]) -> Float[Tensor, " batch"]:
    """Log density of N(0, I) at each state.

    Example:
        >>> likelihood.standard_normal_log_prob(torch.zeros(1, 2))
        tensor([-1.8379])
    """
    return (-0.5 * (x**2 + math.log(2 * math.pi))).flatten(1).sum(1)


def log_likelihood(
    field: Field,
    x1: Float[Tensor, "batch *event"],
    prior_log_prob: Callable[[Tensor], Tensor],
    ts: Float[Tensor, " times"],
    *,
    divergence: Callable[[Field, Tensor, Time], Tensor] = divergence,
    step: Callable = rk4_step,
    rtol: float | None = None,
) -> Float[Tensor, " batch"]:
    r"""Log density of x1 under the flow from x0: $\log p_0(x_0) - \int \operatorname{div} u_t(x_t)\, dt$.

    The state and the integral are solved backwards together, as one ODE. Differentiable in the parameters of the
    field, unless under `torch.no_grad`.

    Args:
        field: The field u(x, t).
        x1: Points at the last time.
        prior_log_prob: Log density at the first time, from states to shape (batch,).
        ts: Increasing time grid, from the time of the prior to that of x1.
        divergence: Called as divergence(field, x, t); for the estimate,
            `lambda u, x, t: hutchinson_divergence(u, x, t, probe)` with one probe for the whole path.
        step: A step function of `simulators`.
        rtol: If given, an adaptive solver (Dormand–Prince, of torchdiffeq) goes from the last time to the first with
            this relative and absolute tolerance, and chooses the steps itself.

    Raises:
        ValueError: If `ts` does not increase.

    Source: Chen et al., "Neural ordinary differential equations" (2018), instantaneous change of variables.

    Example:
        >>> prior, ts = likelihood.standard_normal_log_prob, torch.linspace(0, 1, 5)
        >>> likelihood.log_likelihood(lambda x, t: torch.ones_like(x), torch.ones(1, 2), prior, ts)
        tensor([-1.8379], grad_fn=<AddBackward0>)
    """
    if len(ts) < 2 or not (ts.diff() > 0).all():
        raise ValueError(f"expected an increasing time grid, got {ts.tolist()}")

    def augmented(state: Tensor, t: Time) -> Tensor:
        x = state[:, :-1].reshape(x1.shape)
        return torch.cat([field(x, t).flatten(1), divergence(field, x, t)[:, None]], 1)

    end = torch.cat([x1.flatten(1), x1.new_zeros(len(x1), 1)], 1)
    backwards = ts.flip(0).to(x1)
    if torch.is_grad_enabled() and not end.requires_grad:
        end.requires_grad_()  # so that the divergences of the first step, too, are differentiable
    if rtol is None:
        start = simulate(augmented, end, backwards, step, grad=True, save_every=len(ts)).end
    else:
        start = _adaptive(augmented, end, backwards, rtol)
    return prior_log_prob(start[:, :-1].reshape(x1.shape)) + start[:, -1]


def _adaptive(field: Field, end: Tensor, backwards: Tensor, tolerance: float) -> Tensor:
    """The state at the last of these times, by a solver that chooses its own steps."""
    from torchdiffeq import odeint

    def swapped(t: Tensor, state: Tensor) -> Tensor:
        return field(state, t)

    options = {"step_t": backwards[-1:]}  # no step goes beyond the time of the prior
    ends = odeint(swapped, end, backwards[[0, -1]], rtol=tolerance, atol=tolerance, options=options)
    return ends[-1]
