"""Lab 10, more to try: a robot that holds on to its last plan, by replacement; three training seeds.

The next actions of the last plan are put in as the first ones of the new plan, with their own noise, before every step
of the flow. So plans change sides less often; but what is put back was planned for another place.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from benchmarks.robots import EULER, H, Plan, changes, episodes, policies, seeded
from benchmarks.rows import Row, over_seeds
from course_utils.guidance import condition
from course_utils.networks import Policy
from course_utils.simulators import euler_step
from course_utils.worlds import Pillar

KEPT = {1: (0, 4, 8), 4: (0, 4)}
"""By the number of actions carried out, how many of the last plan are held."""


def held_plan(model: Policy, k: int, kept: int, seed: int = 5, steps: int = EULER) -> Plan:
    """Plans by Euler steps from noise, whose first actions are those that the last plan had next."""
    source, ts = seeded(seed), torch.linspace(0, 1, steps + 1)
    known: list[Tensor] = []

    @torch.no_grad()
    def plan(x: Tensor) -> Tensor:
        noise = torch.randn(len(x), 2 * H, generator=source)
        field, made = condition(model, x), noise
        held = known.pop() if known else noise[:, :0]
        for t, later in zip(ts[:-1], ts[1:], strict=True):
            made = euler_step(field, put_back(made, held, noise, t), t, later - t)
        made = put_back(made, held, noise, ts[-1]).unflatten(1, (H, 2))
        known.append(made[:, k : k + kept].flatten(1))
        return made

    return plan


def put_back(x: Tensor, held: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """Plans on the way whose first numbers are those of the plans held, as noisy as time t asks."""
    size = held.shape[1]
    return torch.cat([t * held + (1 - t) * noise[:, :size], x[:, size:]], 1)


def holding(quick: bool) -> Iterator[Row]:
    """Rows of episodes whose plan changes sides before the pillar, and of success, in wind 0.01."""
    seeds, share, n = (1, 50, 60) if quick else (3, 1, 400)
    flows = [policies(seed, share)[0] for seed in range(seeds)]
    for k, numbers in KEPT.items():
        for kept in numbers:
            what = f"k = {k}, {kept} actions of the last plan held"
            sides = [100 * changes(held_plan(flow, k, kept), k, n) for flow in flows]
            yield over_seeds("holding", f"{what}: episodes whose plan changes sides", sides, "%")
            found = [100 * episodes(held_plan(flow, k, kept), k, Pillar(0.01), n).success for flow in flows]
            yield over_seeds("holding", f"{what}: success", found, "%")
