"""Lab 10's worlds: plans by a flow and by regression, beside exact answers; three training seeds.

`robots` trains both policies of the pillar on 1,000 demonstrations; episodes are 1,000, with wind 0.01 a step, on the
same starts and the same gusts. `plans` needs no training: 16 way points as a mixture of two Gaussians.
"""

import math
import time
from collections.abc import Callable, Iterator
from functools import cache

import torch
from torch import Tensor

from benchmarks.rows import Row, alone, over_seeds
from course_utils import data
from course_utils.distributions import GaussianMixture, draw
from course_utils.guidance import condition, plug_in
from course_utils.losses import flow_matching_loss, stratified_times
from course_utils.networks import Policy
from course_utils.paths import GaussianPath, marginal
from course_utils.simulators import receding_horizon, simulate
from course_utils.steering import best_of
from course_utils.training import fit
from course_utils.worlds import Disc, Episodes, Pillar, windows

H, STEPS, EULER, EPISODES = 16, 10_000, 8, 1000
UNSEEN = Disc(0.0, 0.52, 0.12)
MOMENTS = 40
"""Windows begin in the first 40 steps of a demonstration: after that the robot rests."""


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# the pillar


def loss_of_flow(seed: int) -> Callable:
    """Flow matching of plans, given what is seen."""
    source = seeded(100 + seed)
    path = GaussianPath()

    def loss(model, z: Tensor, o: Tensor) -> Tensor:
        return flow_matching_loss(model, z, o, path=path, t=stratified_times(len(z), source), generator=source)

    return loss


def loss_of_regression(model, z: Tensor, o: Tensor) -> Tensor:
    """Least squares: the same network, always asked at x = 0 and t = 0, is to give the plan."""
    return (model(torch.zeros_like(z), 0.0, o) - z).square().sum(1).mean()


def trained(loss: Callable, seed: int, steps: int) -> tuple[Policy, float]:
    """A policy, and the CPU-seconds that it took."""
    plans, seen = windows(Pillar().demonstrations(1000, seeded(seed)), H, MOMENTS)
    torch.manual_seed(seed)
    model = Policy(2 * H, 4)
    batches = data.batches(plans, seen, batch_size=256, generator=seeded(seed))
    start = time.process_time()
    fit(model, loss, batches, steps=steps, progress=False)
    return model, time.process_time() - start


@cache
def policies(seed: int, share: int = 1) -> tuple[Policy, Policy, float, float]:
    """The flow and the regression of a seed, and their CPU-seconds."""
    flow, seconds = trained(loss_of_flow(seed), seed, STEPS // share)
    regression, fewer = trained(loss_of_regression, seed, STEPS // share)
    return flow, regression, seconds, fewer


Plan = Callable[[Tensor], Tensor]
"""From states (n, 4) to plans (n, H, 2)."""


def regressed(model: Policy) -> Plan:
    """The plan that least squares gives."""

    @torch.no_grad()
    def plan(x: Tensor) -> Tensor:
        return model(torch.zeros(len(x), 2 * H), 0.0, x).unflatten(1, (H, 2))

    return plan


def flowed(
    model: Policy,
    seed: int,
    steps: int = EULER,
    world: Pillar | None = None,
    scale: float = 0.0,
    pillar: float = 0.0,
) -> Plan:
    """Plans by Euler steps from noise; with a scale, guided away from the discs of the world, and from the pillar."""
    source = seeded(seed)
    ts = torch.linspace(0, 1, steps + 1)
    later = torch.cat([torch.tensor([0.5 / steps]), ts[1:]])  # guidance is infinity times 0 at t = 0

    def plan(x: Tensor) -> Tensor:
        noise = torch.randn(len(x), 2 * H, generator=source)
        field = condition(model, x)
        if world is None or not scale:
            return simulate(field, noise, ts).end.unflatten(1, (H, 2))
        pushed = plug_in(field, lambda z: world.clearance(x, z, pillar=pillar), 1 / scale)
        return simulate(pushed, noise, later).end.unflatten(1, (H, 2))

    return plan


def best_flowed(model: Policy, seed: int, world: Pillar, m: int) -> Plan:
    """Of m plans the one that keeps clear of the discs, and of the pillar."""
    plain = flowed(model, seed)

    def plan(x: Tensor) -> Tensor:
        repeated = x.repeat_interleave(m, 0)
        plans = plain(repeated)
        return best_of(plans, world.clearance(repeated, plans.flatten(1), pillar=0.3), m)

    return plan


def episodes(plan: Plan, k: int, world: Pillar, n: int = EPISODES, goal: tuple[float, float] | None = None) -> Episodes:
    """Episodes on the starts and with the gusts of one seed."""
    gusts = seeded(200)
    start = world.start(n, seeded(123), goal)
    xs = receding_horizon(plan, lambda x, a: world.step(x, a, gusts), start, k, world.steps)
    return world.judge(xs)


def robots(quick: bool) -> Iterator[Row]:
    """Rows of success by k, in more wind, of the time a decision takes, and of what the plans are like."""
    seeds, share, n = (1, 50, 100) if quick else (3, 1, EPISODES)
    made = [policies(seed, share) for seed in range(seeds)]
    yield over_seeds("robots", "flow policy, 10,000 steps of 256: training", [m[2] for m in made], "CPU-s")
    yield over_seeds("robots", "regression, 10,000 steps of 256: training", [m[3] for m in made], "CPU-s")
    limits = {(1, "flow"): {"least": 98.0}, (1, "regression"): {"least": 98.0},
              (16, "flow"): {"least": 93.0}, (16, "regression"): {"most": 20.0}}  # fmt: skip
    for wind, ks in ((0.01, (1, 4, 8, 16)), (0.03, (1, 4, 8, 16))):
        world = Pillar(wind)
        for k in ks:
            ways = {"flow": [episodes(flowed(m[0], 5), k, world, n) for m in made]}
            if wind == 0.01:
                ways["regression"] = [episodes(regressed(m[1]), k, world, n) for m in made]
            for name, found in ways.items():
                values = [100 * each.success for each in found]
                bounds = limits.get((k, name), {}) if wind == 0.01 else {}
                yield over_seeds("robots", f"wind {wind:g}, k = {k}: success of {name}", values, "%", **bounds)
    yield from decisions(made[0][0], made[0][1])
    for steps in (1, 2, 4, 8, 16):
        found = [100 * episodes(flowed(m[0], 5, steps), 8, Pillar(0.01), n).success for m in made]
        yield over_seeds("robots", f"k = 8, {steps} Euler steps: success of flow", found, "%")
    yield from sides([m[0] for m in made], n)
    yield from goals([m[0] for m in made], n)
    yield from crowds([m[1] for m in made], n)


def goals(flows: list[Policy], n: int) -> Iterator[Row]:
    """Success where the goal is put elsewhere, for k = 8 without a change of anything else."""
    world = Pillar(0.01)
    for goal in ((1.0, 0.0), (0.6, 0.0), (1.5, 0.0), (1.0, 0.4), (1.0, 0.9), (0.4, 0.0)):
        found = [100 * episodes(flowed(flow, 5), 8, world, n, goal).success for flow in flows]
        yield over_seeds("robots", f"k = 8, all goals at ({goal[0]:g}, {goal[1]:g}): success of flow", found, "%")


def crowds(regressions: list[Policy], n: int) -> Iterator[Row]:
    """Regression asked at every step moves a crowd as the demonstrations do: W1 between their heights at some steps."""
    world, demos = Pillar(Pillar.spread), Pillar().demonstrations(n, seeded(7))
    for step in (2, 5, 8, 12, 15):
        height = demos.states[step, :, 1]
        found = []
        for model in regressions:
            gusts = seeded(8)
            xs = receding_horizon(regressed(model), lambda x, a, g=gusts: world.step(x, a, g), demos.states[0], 1, step)
            found.append((xs[-1, :, 1].sort().values - height.sort().values).abs().mean().item())
        what = f"step {step}: W1 of heights, regression at k = 1 to demonstrations of spread {height.std():.2f}"
        yield over_seeds("robots", what, found, "")


def decisions(flow: Policy, regression: Policy) -> Iterator[Row]:
    """CPU-milliseconds of one decision for one robot."""
    x = Pillar().start(1, seeded(0))
    ways = {"regression": regressed(regression)} | {f"flow, {n} Euler steps": flowed(flow, 0, n) for n in (1, 4, 8)}
    for name, plan in ways.items():
        plan(x)
        start = time.process_time()
        for _ in range(200):
            plan(x)
        yield alone("robots", f"one decision: {name}", 1000 * (time.process_time() - start) / 200, "CPU-ms")


def sides(flows: list[Policy], n: int) -> Iterator[Row]:
    """Share of plans that go up beside the expert's law; how often the plan changes sides before the pillar."""
    for y in (-0.25, -0.1, 0.0, 0.1, 0.25):
        x = torch.tensor([[-1.0, y, 1.0, 0.0]]).expand(2 * n, 4)
        shares = [
            (y + flowed(model, 4)(x)[..., 1].sum(1) * Pillar.longest > 0).double().mean().item() for model in flows
        ]
        law = Pillar().probability_up(x)[0].item()
        yield over_seeds("robots", f"start at y = {y:g}: share of plans up, of the expert's {law:.3f}", shares, "")
    for k in (1, 2, 4, 8):
        shares = [changes(flowed(model, 5), k, n) for model in flows]
        yield over_seeds("robots", f"k = {k}: episodes whose plan changes sides", [100 * s for s in shares], "%")


def changes(plan: Plan, k: int, n: int) -> float:
    """Share of the episodes in whose first 14 steps a plan goes to another side than the one before it."""
    world, asked, gusts = Pillar(0.01), [], seeded(200)

    def watched(x: Tensor) -> Tensor:
        plans = plan(x)
        asked.append(x[:, 1] + world.longest * plans[..., 1].sum(1) > 0)
        return plans

    receding_horizon(watched, lambda x, a: world.step(x, a, gusts), world.start(n, seeded(5)), k, 14)
    return (torch.stack(asked).diff(dim=0) != 0).any(0).double().mean().item()


def discs(quick: bool) -> Iterator[Row]:
    """Rows of a disc on the upper way that no demonstration knows: guided plans, and the best of m."""
    seeds, share, n = (1, 50, 100) if quick else (3, 1, EPISODES)
    flows = [policies(seed, share)[0] for seed in range(seeds)]
    world = Pillar(0.01, (UNSEEN,))
    for k in (4, 8):
        for scale in (0.0, 100.0, 300.0, 1000.0, 3000.0):
            found = [episodes(flowed(flow, 5, world=world, scale=scale), k, world, n) for flow in flows]
            least = {"least": 93.0} if (k, scale) == (4, 1000.0) else {}
            what = f"unseen disc, k = {k}, guidance {scale:g}"
            yield over_seeds("discs", f"{what}: success", [100 * each.success for each in found], "%", **least)
            shares = [100 * each.hit_disc.double().mean().item() for each in found]
            yield over_seeds("discs", f"{what}: disc hit", shares, "%")
    for k, pillar in ((4, 0.3), (4, 1.0), (8, 0.3), (8, 1.0)):
        ways = [flowed(flow, 5, world=world, scale=1000.0, pillar=pillar) for flow in flows]
        found = [100 * episodes(way, k, world, n).success for way in ways]
        yield over_seeds("discs", f"unseen disc, k = {k}, guidance 1000, pillar {pillar:g} in it: success", found, "%")
    for m in (1, 2, 4, 8, 16):
        found = [100 * episodes(best_flowed(flow, 5, world, m), 8, world, n).success for flow in flows]
        yield over_seeds("discs", f"unseen disc, k = 8, best of {m} plans: success", found, "%")


# plans of which everything is known


def plan_mixture(height: float = 0.6, wiggle: float = 0.08) -> GaussianMixture:
    """16 way points from (-1, 0) to (1, 0), 0.7 above and 0.3 below the pillar, with smooth wiggles; float64."""
    s = torch.arange(1, H + 1, dtype=torch.double) / (H + 1)
    line = torch.stack([2 * s - 1, 0 * s], 1)
    bulge = torch.stack([0 * s, height * (math.pi * s).sin()], 1)
    waves = torch.arange(1, 6, dtype=torch.double)
    basis = (math.pi * waves * s[:, None]).sin() * wiggle / waves
    cov = torch.kron(basis @ basis.T + 1e-4 * torch.eye(H, dtype=torch.double), torch.eye(2, dtype=torch.double))
    means = torch.stack([line + bulge, line - bulge]).flatten(1)
    return GaussianMixture(means, cov.expand(2, -1, -1).clone(), torch.tensor([0.7, 0.3], dtype=torch.double))


def collisions(z: Tensor) -> float:
    """Percentage of plans whose straight pieces, ends included, cut the pillar."""
    ends = torch.tensor([[-1.0, 0.0], [1.0, 0.0]], dtype=z.dtype).expand(len(z), 2, 2)
    way = torch.cat([ends[:, :1], z.unflatten(1, (H, 2)), ends[:, 1:]], 1)
    between = torch.linspace(0, 1, 9, dtype=z.dtype)[:, None]
    fine = way[:, :-1, None] + between * way.diff(dim=1)[:, :, None]
    return 100 * (fine.norm(dim=-1) < Pillar.radius).flatten(1).any(1).double().mean().item()


def up(z: Tensor) -> float:
    """Percentage of plans that pass above."""
    return 100 * (z.unflatten(1, (H, 2))[:, H // 2, 1] > 0).double().mean().item()


def plans(quick: bool) -> Iterator[Row]:
    """Rows of the exact field: one Euler step is the mean plan; collisions by the number of steps."""
    n = 200 if quick else 4000
    dist, source = plan_mixture(), seeded(0)
    velocity = marginal(GaussianPath(), dist).velocity
    z = draw(dist, n, source)
    noise = torch.randn(n, 2 * H, dtype=torch.double, generator=source)
    off = (noise + velocity(noise, torch.tensor(0.0)) - dist.mean).abs().max().item()
    yield alone("plans", "one Euler step against the mean plan: largest difference", off, "", most=1e-12)
    yield alone("plans", "data: collisions", collisions(z), "%")
    yield alone("plans", "data: up", up(z), "%")
    for steps in (1, 2, 3, 4, 5, 8, 10, 32):
        x = simulate(velocity, noise, torch.linspace(0, 1, steps + 1)).end
        yield alone("plans", f"exact field, {steps} Euler step(s): collisions", collisions(x), "%")
        yield alone("plans", f"exact field, {steps} Euler step(s): up", up(x), "%")
