"""Sliders: kernel time of a frame, and the time from a key press to the new picture in a real browser.

A frame is what the kernel does between a slider's new value and the picture it sends: drawing and encoding. It is
processor time of one thread, so that other work on the machine counts little. A key press ends when the new picture is
decoded and about to be painted: that is wall time, and the load of the machine stands beside it.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import nbformat
import torch
import torch.nn.functional as F

from benchmarks.robots import flowed
from benchmarks.rows import Row, alone
from course_utils import data, distributions, guidance, networks, paths
from course_utils.widgets import Explorer, explore_noising, lab1, lab2, lab3, lab4, lab5, lab9, lab10, lab11

ROOT = Path(__file__).parents[1]
LIMITS = {"line": 20.0, "plane": 40.0}
KEY_LIMIT = 100.0
NEXT_PICTURE = """cell => { window.shown = new Promise((done, fail) => {
    let pressed = null;
    setTimeout(() => fail(Error("expected a new picture within 10 seconds, got none")), 10000);
    const last = () => [...cell.querySelectorAll(".jupyter-widgets img")].pop(), before = last().src;
    const watch = new MutationObserver(async () => {
        const image = last();
        if (pressed === null || !image || image.src === before) return;
        watch.disconnect();
        await image.decode();
        requestAnimationFrame(() => done(performance.now() - pressed));
    });
    cell.addEventListener("keydown", () => { pressed = performance.now(); }, {capture: true, once: true});
    watch.observe(cell, {childList: true, subtree: true});
}) }"""


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


def copies(digits: torch.Tensor) -> dict[tuple[int, int], lab5.Copies]:
    small = F.avg_pool2d(digits[:24, :, 2:26, 2:26], 2)
    pairs = {(n, k): small.roll(n + k, 0) for n in (10, 100) for k in (40, 640)}
    return {key: lab5.Copies(images[:12], images[12:], 0.5) for key, images in pairs.items()}


def guided_on_the_line(exact: paths.Marginal) -> Explorer:
    values = {"plug-in": lambda lam: guidance.plug_in_value(exact.velocity, lambda z: z[:, 0], lam)}
    ends = {("plug-in", k / 4): torch.randn(600, 1, generator=seeded(k)) for k in range(1, 9)}
    return lab9.explore_guidance(exact, values, ends)


def robots() -> dict[str, tuple[str, Callable[[], Explorer]]]:
    """Lab 10's sliders, with a policy that has learned nothing: its robots never arrive, and drive to the end."""
    flow = networks.Policy(32, observation=4)
    policies = {"flow": lambda: flowed(flow, 5, 4)}
    planners = {"gradient": lambda world: flowed(flow, 5, 4, world, 1000.0)}
    return {
        "a policy": ("plane", lambda: lab10.explore_policy(policies)),
        "robots round a disc": ("plane", lambda: lab10.explore_guidance(planners)),
    }


def explorers() -> dict[str, tuple[str, Callable[[], Explorer]]]:
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
        "Brownian motion": ("line", lambda: lab1.explore_brownian_motion(generator=seeded(3))),
        "Ornstein–Uhlenbeck": ("line", lambda: lab1.explore_ornstein_uhlenbeck(generator=seeded(4))),
        "noise against marginals": ("line", lambda: lab3.explore_sigma(paths.marginal(path, line))),
        "flow of a grid": ("plane", lambda: lab1.explore_flow(vortex, grid_lines())),
        "Langevin": ("plane", lambda: lab1.explore_langevin(targets, starts, generator=seeded(5))),
        "conditional path": ("plane", lambda: lab2.explore_conditional_path(board.draw(1500, seeded(6)))),
        "you are here": ("plane", lambda: lab2.explore_you_are_here(points)),
        "exact field": ("plane", lambda: lab2.explore_field(exact)),
        "field of a network": ("plane", lambda: lab2.explore_field(exact, learned)),
        "steps and solver": ("plane", lambda: lab2.explore_steps({"exact": exact.velocity}, board, x0)),
        "noising digits": ("plane", lambda: explore_noising(digits[:24])),
        "guidance": (
            "plane",
            lambda: lab4.explore_guidance({w: digits[40 * w : 40 * w + 40] for w in (0, 1, 2)}),
        ),
        "memorization": ("plane", lambda: lab5.explore_memorization(copies(digits))),
        "noised and back": ("plane", lambda: lab4.explore_noised_and_back(lambda x, t: -x, digits[0])),
        "tilt": ("line", lambda: lab9.explore_tilt(line, {})),
        "guided on the line": ("line", lambda: guided_on_the_line(paths.marginal(path, line))),
        "cut": ("plane", lambda: lab11.explore_cut(data.cuts(), data.backbones().part("test").angles())),
        **robots(),
    }


def frame_times(explorer: Explorer, frames: int) -> list[float]:
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


def frames(quick: bool) -> list[Row]:
    """Kernel time of a frame of every slider: at most 20 ms on the line, 40 ms in the plane."""
    torch.set_num_threads(1)
    rows = []
    for name, (kind, make) in explorers().items():
        explorer = make()
        median = statistics.median(frame_times(explorer, 11 if quick else 31))
        what = f"{name}: kernel time of a frame, {len(explorer.picture.value) / 1000:.0f} kB"
        rows.append(alone("widgets", what, median, "ms", most=LIMITS[kind]))
    return rows


def press_times(page, cell, presses: int) -> list[float]:
    """Milliseconds from each key press on the first slider of a cell, or two of its buttons, to the new picture."""
    slider, buttons = cell.locator(".noUi-handle").first, cell.locator(".widget-toggle-button")
    times = []
    for k in range(presses):
        (slider if slider.count() else buttons.nth((k + 1) % 2)).focus()
        cell.evaluate(NEXT_PICTURE)
        page.keyboard.press(("ArrowRight", "ArrowLeft")[k % 2] if slider.count() else " ")
        times.append(page.evaluate("window.shown"))
    return times


def keys(quick: bool) -> list[Row]:
    """Key press to new picture of every slider, in JupyterLab and Chromium: at most 100 ms on a quiet machine."""
    from playwright.sync_api import sync_playwright

    from tests.support import browser

    if browser.chromium() is None:
        raise ValueError(browser.MISSING)
    sources = ["from benchmarks import widgets\nmade = widgets.explorers()"]
    sources += [f"made[{name!r}][1]()" for name in explorers()]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    rows = []
    with tempfile.TemporaryDirectory() as place, sync_playwright() as driver:
        folder = Path(place, "notebooks")
        folder.mkdir()
        nbformat.write(notebook, folder / "sliders.ipynb")
        with browser.jupyterlab(folder, Path(place)) as address:
            chromium = driver.chromium.launch(executable_path=browser.chromium(), args=browser.OPTIONS)
            page = chromium.new_page(viewport={"width": 1366, "height": 768})
            browser.open_and_run(page, address("sliders.ipynb"))
            for name in explorers():
                times = press_times(page, browser.cell_with(page, f"made[{name!r}]"), 6 if quick else 22)[2:]
                what = f"{name}: key press to new picture, load {os.getloadavg()[0]:.1f}"
                rows.append(alone("widgets", what, statistics.median(times), "ms", most=KEY_LIMIT))
            chromium.close()
    return rows


def widgets(quick: bool) -> list[Row]:
    return frames(quick) + keys(quick)
