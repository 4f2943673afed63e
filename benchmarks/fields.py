"""The exact field of all of MNIST: its share of the machine's rate of matrix multiplication, and its memory."""

import multiprocessing

import torch

from benchmarks.rows import Row, alone, compare, forget_peak, peak_megabytes
from course_utils import data
from course_utils.distributions import Empirical
from course_utils.paths import GaussianPath, marginal

BATCH = 64


def _extra_megabytes() -> float:
    images = data.mnist("train", "full").images
    field = marginal(GaussianPath(), Empirical(images)).velocity
    x = torch.randn(BATCH, 1, 28, 28)
    field(x[:1], torch.tensor(0.5))
    forget_peak()
    before = peak_megabytes()
    field(x, torch.tensor(0.5))
    return peak_megabytes() - before


def empirical(quick: bool) -> list[Row]:
    """One evaluation needs two products of a (64, 784) and a (784, 60000) matrix; the peer does nothing else."""
    images = data.mnist("train", "full").images
    field, flat = marginal(GaussianPath(), Empirical(images)).velocity, images.flatten(1)
    x, t = torch.randn(BATCH, 1, 28, 28), torch.tensor(0.5)
    weights = torch.randn(BATCH, len(flat))

    def products():
        return x.flatten(1) @ flat.T, weights @ flat

    what = f"exact field of {len(flat):,} digits, batch {BATCH}"
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        memory = pool.apply(_extra_megabytes)
    flops = 4 * BATCH * flat.numel() / 1e9
    rate = {"amount": flops, "unit": "GFLOP/CPU-s", "rounds": 3 if quick else 9}
    return [
        compare("empirical", what, lambda: field(x, t), products, "the two matrix products alone", least=0.5, **rate),
        alone("empirical", f"{what}: memory above the data", memory, "MB", most=500),
    ]
