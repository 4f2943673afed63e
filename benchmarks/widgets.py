"""Kernel time of one frame of every slider, in milliseconds: `python benchmarks/widgets.py [--pictures FOLDER]`.

A frame is what the kernel does between a slider's new value and the picture it sends: drawing and encoding. Processor
time of one thread, so that other work on the machine counts little. The limits are 20 ms for explorers on the line and
40 ms for those in the plane.
"""

import argparse
import base64
import re
import statistics
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import torch
import torch.nn.functional as F

from course_utils import data, distributions, networks, paths, widgets

LIMITS = {"line": 20.0, "plane": 40.0}
FRAMES = 31


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def grid_lines() -> torch.Tensor:
    lattice, along = torch.linspace(-2.4, 2.4, 9), torch.linspace(-2.4, 2.4, 97)
    upright = torch.stack(torch.meshgrid(lattice, along, indexing="ij"), -1)
    return torch.cat([upright, upright.flip(-1)])


def vortex(x, t):
    omega = 3 * torch.exp(-x.square().sum(-1, keepdim=True) / 2)
    return omega * torch.stack([-x[..., 1], x[..., 0]], -1)


def modes(radius: float) -> distributions.GaussianMixture:
    corners = torch.tensor([[0.0, 1.0], [-0.87, -0.5], [0.87, -0.5]])
    return distributions.GaussianMixture(radius * corners, 0.25 * torch.eye(2).expand(3, 2, 2))


def copies(digits: torch.Tensor) -> dict[tuple[int, int], widgets.Copies]:
    small = F.avg_pool2d(digits[:24, :, 2:26, 2:26], 2)
    return {(n, k): widgets.Copies(small[:12], small[12:], 0.5) for n in (10, 100) for k in (40, 640)}


def explorers() -> dict[str, tuple[str, Callable[[], widgets.Explorer]]]:
    """From name to kind and maker."""
    path, board = paths.GaussianPath(), distributions.Checkerboard()
    exact = paths.marginal(path, board)
    line = distributions.GaussianMixture(torch.tensor([[-2.0], [0.0], [1.5]]), 0.05**2 * torch.ones(3, 1, 1))
    points = torch.tensor([[-2.0, -1.5], [-1.8, 1.6], [0.4, 2.2], [2.1, 0.3], [1.0, -2.0]])
    targets = {"near modes": modes(1.2), "far modes": modes(2.5)}
    starts = {name: p.means[2] + 0.5 * torch.randn(500, 2, generator=seeded(1)) for name, p in targets.items()}
    digits = data.mnist("test", source="offline").images
    learned = networks.MLP(2, hidden=96, depth=3)
    x0 = torch.randn(800, 2, generator=seeded(2))
    return {
        "Brownian motion": ("line", lambda: widgets.explore_brownian_motion(generator=seeded(3))),
        "Ornstein–Uhlenbeck": ("line", lambda: widgets.explore_ornstein_uhlenbeck(generator=seeded(4))),
        "noise against marginals": ("line", lambda: widgets.explore_sigma(paths.marginal(path, line))),
        "flow of a grid": ("plane", lambda: widgets.explore_flow(vortex, grid_lines())),
        "Langevin": ("plane", lambda: widgets.explore_langevin(targets, starts, generator=seeded(5))),
        "conditional path": ("plane", lambda: widgets.explore_conditional_path(board.draw(1500, seeded(6)))),
        "you are here": ("plane", lambda: widgets.explore_you_are_here(points)),
        "exact field": ("plane", lambda: widgets.explore_field(exact)),
        "field of a network": ("plane", lambda: widgets.explore_field(exact, learned)),
        "steps and solver": ("plane", lambda: widgets.explore_steps({"exact": exact.velocity}, board, x0)),
        "noising digits": ("plane", lambda: widgets.explore_noising(digits[:24])),
        "guidance": ("plane", lambda: widgets.explore_guidance({w: digits[:40] for w in (0, 1, 2)})),
        "memorization": ("plane", lambda: widgets.explore_memorization(copies(digits))),
        "noised and back": ("plane", lambda: widgets.explore_noised_and_back(lambda x, t: -x, digits[0])),
    }


def frame_times(explorer: widgets.Explorer, frames: int = FRAMES) -> list[float]:
    """Milliseconds of every frame while a slider, or else a choice, runs to and fro."""
    sliders = [widget for widget in explorer.controls.values() if hasattr(widget, "max")]
    widget = (sliders or list(explorer.controls.values()))[0]
    if sliders:
        n = round((widget.max - widget.min) / widget.step) + 1
        values = [min(widget.max, widget.min + k * widget.step) for k in range(n)]
    else:
        values = [value for _, value in widget.options]
    round_trip = cycle(values + values[-2:0:-1])
    widget.value = values[-1]
    times = []
    for value, _ in zip(round_trip, range(frames), strict=False):
        start = time.process_time()
        widget.value = value
        times.append(1000 * (time.process_time() - start))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=Path, help="folder to write the first picture of every slider to")
    folder = parser.parse_args().pictures
    torch.set_num_threads(1)
    print(f"{'':24} {'median':>7} {'slowest':>8} {'limit':>6} {'kB':>5}   (ms a frame)")
    for name, (kind, make) in explorers().items():
        explorer = make()
        times = frame_times(explorer)
        html = explorer.picture.value
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            encoded = re.search(r"base64,([^\"]+)", html).group(1)
            (folder / f"{name.replace(' ', '_')}.jpg").write_bytes(base64.b64decode(encoded))
        median, slowest = statistics.median(times), max(times)
        print(f"{name:24} {median:7.1f} {slowest:8.1f} {LIMITS[kind]:6.0f} {len(html) / 1000:5.0f}")


if __name__ == "__main__":
    main()
