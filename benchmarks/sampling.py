"""Sampling of Lab 4's trained generator: time, and quality against the number of evaluations."""

import sys
from collections.abc import Iterator

import torch
from torch import Tensor

from benchmarks.plots import Plot
from benchmarks.rows import Row, alone, seconds
from course_utils import data, digits
from course_utils.classifier import digit_classifier
from course_utils.digits.model import START
from course_utils.digits.sampling import MIDPOINT_STEPS
from course_utils.guidance import condition, generate
from course_utils.metrics import frechet_distance, in_chunks
from course_utils.simulators import euler_step, midpoint_step, rk4_step, simulate

SOLVERS = {"midpoint": (midpoint_step, 2), "Euler": (euler_step, 1), "Runge–Kutta 4": (rk4_step, 4)}
"""Step function, and evaluations a step."""
EVALUATIONS = (4, 8, 16, 24)


def trained() -> torch.nn.Module:
    """The generator that `python course.py train` made, or else one made now."""
    path = digits.default_file()
    if not path.exists():
        print("training Lab 4's generator, about 3 CPU-minutes ...", file=sys.stderr, flush=True)
        digits.train_to_file(digits.prepare(path, source="full", resume=False), path)
    return digits.load(path)[0]


def errors(model, count: int) -> tuple[dict[str, tuple[list[float], list[float]]], float]:
    """RMS difference to 24 Runge–Kutta steps against evaluations at even times, and that of ten of the network's.

    Before START the field is the closed form alone: there eight steps cost no evaluation of the network.
    """
    x0, y = torch.randn(count, 1, 28, 28, generator=torch.Generator().manual_seed(0)), torch.arange(count) % 10

    def end(step, ts: Tensor) -> Tensor:
        return simulate(condition(model, y), x0, ts, step, save_every=len(ts) - 1).end

    fine = end(rk4_step, torch.linspace(0, 1, 25))
    error = lambda step, ts: (end(step, ts) - fine).square().mean().sqrt().item()  # noqa: E731
    curves = {name: (list(EVALUATIONS), [error(step, torch.linspace(0, 1, n // cost + 1)) for n in EVALUATIONS])
              for name, (step, cost) in SOLVERS.items()}  # fmt: skip
    ts = torch.cat([torch.linspace(0, START, 9)[:-1], torch.linspace(START, 1, 6)])
    return curves, error(midpoint_step, ts)


def distances(model, n: int) -> tuple[dict[str, tuple[list[float], list[float]]], float]:
    """Fréchet distance without guidance against evaluations, and its floor."""
    classifier, test = digit_classifier(), data.mnist("test", "full")
    order = torch.randperm(len(test), generator=torch.Generator().manual_seed(0))
    real = in_chunks(classifier.features, test.images[order[: 2 * n]])

    def distance(step, steps: int) -> float:
        generator = torch.Generator().manual_seed(0)
        images = generate(model, torch.arange(n) % 10, steps=steps, step=step, generator=generator)
        return frechet_distance(in_chunks(classifier.features, images.clamp(-1, 1)), real[:n])

    curves = {name: (list(EVALUATIONS), [distance(step, e // cost) for e in EVALUATIONS])
              for name, (step, cost) in SOLVERS.items()}  # fmt: skip
    return curves, frechet_distance(real[:n], real[n:])


def sampling(quick: bool) -> Iterator[Row | Plot]:
    """1,000 guided digits by a trained model; how near ten evaluations come to a fine solution; evaluations' worth."""
    model, n = trained(), 200 if quick else 1000
    took = seconds(lambda: digits.samples(model, 1000))
    what = f"1,000 guided digits, w = 1.2, {4 * MIDPOINT_STEPS} evaluations each"
    yield alone("sampling", what, took, "CPU-s", most=20)
    curves, ten = errors(model, 100)
    what = f"10 evaluations of the network (5 midpoint steps from t = {START}) against a fine solution, RMS"
    yield alone("sampling", what, ten, "", most=0.03)
    yield Plot("solver_error", _told("Root mean square error of the digits", curves), "evaluations a digit",
               "RMS difference to 24 Runge–Kutta steps", curves)  # fmt: skip
    curves, floor = distances(model, n)
    alt = _told(f"Fréchet distance of {n} digits, real digits {floor:.1f},", curves)
    yield Plot("evaluations", alt, "evaluations a digit", f"Fréchet distance, w = 1, n = {n}", curves,
               ("real digits against real digits", floor))  # fmt: skip


def _told(what: str, curves: dict[str, tuple[list[float], list[float]]]) -> str:
    said = "; ".join(f"{name} {', '.join(f'{v:.3g}' for v in values)}" for name, (_, values) in curves.items())
    return f"{what} against {', '.join(map(str, EVALUATIONS))} evaluations: {said}."
