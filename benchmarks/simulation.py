"""Simulating SDEs and ODEs beside torchsde, diffrax, torchdiffeq and flow-matching."""

import multiprocessing
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import nn

from benchmarks.rows import Row, alone, compare, forget_peak, peak_megabytes
from course_utils.processes import OrnsteinUhlenbeck
from course_utils.simulators import BLOCK, rk4_step, simulate

PATHS, STEPS = 20_000, 1_000


class TorchsdeOrnsteinUhlenbeck(nn.Module):
    """dX = -X dt + dW, as torchsde wants it."""

    noise_type, sde_type = "diagonal", "ito"

    def f(self, t, x):
        return -x

    def g(self, t, x):
        return torch.ones_like(x)


def ours(save_every: int):
    ts = torch.linspace(0, 1, STEPS + 1)
    generator = torch.Generator().manual_seed(0)
    return simulate(OrnsteinUhlenbeck(1.0, 1.0), torch.zeros(PATHS, 1), ts, generator=generator, save_every=save_every)


def noise_alone() -> None:
    """The same number of normal numbers, in blocks of the same size."""
    per_block = BLOCK // PATHS
    block = torch.empty(per_block, PATHS, 1)
    for start in range(0, STEPS, per_block):
        block[: STEPS - start].normal_()


def torchsde(keep: bool):
    import torchsde as peer

    ts = torch.linspace(0, 1, STEPS + 1) if keep else torch.tensor([0.0, 1.0])
    with torch.no_grad():
        return peer.sdeint(TorchsdeOrnsteinUhlenbeck(), torch.zeros(PATHS, 1), ts, dt=1 / STEPS, method="euler")


def diffrax():
    """The same by diffrax, compiled; the returned call waits for the result."""
    import diffrax as peer
    import jax
    import jax.numpy as jnp

    @jax.jit
    def end(key):
        noise = peer.UnsafeBrownianPath(shape=(PATHS,), key=key)
        terms = peer.MultiTerm(
            peer.ODETerm(lambda t, y, args: -y),
            peer.ControlTerm(lambda t, y, args: peer_identity(y), noise),
        )
        solved = peer.diffeqsolve(
            terms, peer.Euler(), t0=0.0, t1=1.0, dt0=1 / STEPS, y0=jnp.zeros(PATHS), max_steps=STEPS + 1,
            adjoint=peer.DirectAdjoint(),
        )  # fmt: skip
        return solved.ys

    import lineax

    def peer_identity(y):
        return lineax.DiagonalLinearOperator(jnp.ones_like(y))

    key = jax.random.key(0)
    return lambda: end(key).block_until_ready()


def extra_memory() -> float:
    """Peak memory of a run with all states kept, over what was there before it, as a multiple of the trajectory."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_extra_memory)


def _extra_memory() -> float:
    torch.zeros(PATHS, 1).normal_()
    simulate(OrnsteinUhlenbeck(1.0, 1.0), torch.zeros(10, 1), torch.linspace(0, 1, 11))
    forget_peak()
    before = peak_megabytes()
    xs = ours(1).xs
    return (peak_megabytes() - before) * 2**20 / (xs.numel() * xs.element_size())


def sde(quick: bool) -> list[Row]:
    """An Ornstein–Uhlenbeck process, end state and whole trajectory."""
    what = f"Ornstein–Uhlenbeck, {PATHS:,} paths × {STEPS:,} Euler–Maruyama steps"
    per_second = {"rounds": 3 if quick else 9, "amount": PATHS * STEPS / 1e6, "unit": "M steps/CPU-s"}
    end = lambda: ours(STEPS)  # noqa: E731
    return [
        compare("sde", f"{what}, end state", end, noise_alone, "drawing the noise alone", least=0.5, **per_second),
        compare("sde", f"{what}, end state", end, lambda: torchsde(False), version("torchsde"), least=8, **per_second),
        compare("sde", f"{what}, end state", end, diffrax(), version("diffrax"), **per_second),
        compare("sde", f"{what}, all states", lambda: ours(1), lambda: torchsde(True), version("torchsde"), least=4,
                **per_second),
        alone("sde", f"{what}, all states: memory over the trajectory's own", extra_memory(), "×", most=1.2),
    ]  # fmt: skip


def ode(quick: bool) -> Iterator[Row]:
    """100 Runge–Kutta steps of a small network and of a linear field, beside torchdiffeq and Meta's flow-matching."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 2))
    matrix = torch.tensor([[-0.5, 1.0], [-1.0, -0.5]])
    for name, field, batch, least in (
        ("MLP 2-64-64-2", lambda x, t: network(x), 256, 1.0),
        ("MLP 2-64-64-2", lambda x, t: network(x), 20_000, 1.0),
        ("linear field", lambda x, t: x @ matrix, 256, 2.0),
    ):
        x0, ts = torch.randn(batch, 2, generator=torch.Generator().manual_seed(1)), torch.linspace(0, 1, 101)
        own = partial(_own_ode, field, x0, ts)
        what = f"RK4, 100 steps, {name}, batch {batch:,}"
        for package, solve, ratio in (("torchdiffeq", _torchdiffeq, least), ("flow-matching", _flow_matching, None)):
            peer = partial(solve, field, x0)
            yield compare("ode", what, own, peer, version(package), least=ratio, rounds=3 if quick else 51)
            gap = (own() - peer()).abs().max().item()
            yield alone("ode", f"{what}: largest difference to {package}", gap, "", most=1e-5)


def _own_ode(field: Callable, x0: torch.Tensor, ts: torch.Tensor) -> torch.Tensor:
    return simulate(field, x0, ts, rk4_step, save_every=len(ts) - 1).end


def _torchdiffeq(field: Callable, x0: torch.Tensor) -> torch.Tensor:
    from torchdiffeq import odeint

    with torch.no_grad():
        ends, options = torch.tensor([0.0, 1.0]), {"step_size": 0.01}
        return odeint(lambda t, x: field(x, t), x0, ends, method="rk4", options=options)[-1]


def _flow_matching(field: Callable, x0: torch.Tensor) -> torch.Tensor:
    from flow_matching.solver import ODESolver

    return ODESolver(field).sample(x0, step_size=0.01, method="rk4")


def version(package: str) -> str:
    """Such as "torchsde 0.2.6"."""
    from importlib.metadata import version as number

    return f"{package} {number(package)}"
