"""The generators that come with the course, by judges that the Fréchet distance is not: a trained one, and copies.

A classifier two-sample test (Lopez-Paz and Oquab, 2017): a small convolutional network learns to tell 5,000 generated
digits from 5,000 real ones, and is judged on as many others of both; half right is the floor. Copies: the mean distance
to the nearest training digit, beside that of test digits and of their reconstructions.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.latents import row
from benchmarks.rows import Row, alone
from course_utils import data, digits, metrics
from course_utils.digits.latent import LatentDigits, latent_digits
from course_utils.networks import Classifier
from course_utils.training import fit

GENERATORS = {"Lab 4, pixels": digits.FINISHED_PIXELS, "Lab 6, latents": digits.FINISHED}
SCALES = (1.0, 1.2)


def told_apart(real: Tensor, made: Tensor, seed: int, steps: int) -> float:
    """Share of held-out images that a trained judge puts on the right side; both sets are halved."""
    n = len(real) // 2
    torch.manual_seed(seed)
    judge = Classifier()  # of its ten answers, two are used
    labels = torch.arange(2).repeat_interleave(n)
    generator = torch.Generator().manual_seed(seed)
    batches = data.batches(torch.cat([real[:n], made[:n]]), labels, batch_size=128, generator=generator)
    fit(judge, lambda net, x, y: F.cross_entropy(net(x)[:, :2], y), batches, steps=steps, lr=1e-3, progress=False)
    said = metrics.in_chunks(judge.eval(), torch.cat([real[n:], made[n:]]))[:, :2].argmax(1)
    return (said == labels).double().mean().item()


def distance_to_training(images: Tensor) -> float:
    """Mean distance in pixels of an image to the training digit nearest to it."""
    return metrics.nearest_neighbours(images, data.mnist("train", "full").images)[0].mean().item()


def finished(quick: bool) -> Iterator[Row]:
    """Rows of the trained judge, then of the copies."""
    n, steps, seeds = (200, 20, 1) if quick else (10_000, 800, 3)
    test = data.mnist("test", "full")
    order = torch.randperm(len(test), generator=torch.Generator().manual_seed(0))
    real = test.images[order[:n]]
    for name, file in GENERATORS.items():
        model, _ = digits.load(file)
        for w in SCALES:
            values = []
            for seed in range(seeds):
                made = digits.samples(model, n, guidance=w, seed=seed)
                values.append(told_apart(real, made, seed, steps))
            yield row(f"{name}, w = {w:g}: told from real digits, {n // 2} + {n // 2} held out", values, "")
    yield from copies(model, real, 100 if quick else 1000)


def copies(model: LatentDigits, real: Tensor, n: int) -> Iterator[Row]:
    """Distances to the training digits, with ever more clusters a digit."""
    train, autoencoder = data.mnist("train", "full"), model.latents.autoencoder
    with torch.no_grad():
        shown = {"test digits": real[:n], "their reconstructions": autoencoder(real[:n])}
    for clusters in (62, 150, 300, 1000):
        fitted = latent_digits(autoencoder, train.images, train.labels, clusters=clusters)
        shown[f"samples, {clusters} clusters a digit, w = 1"] = digits.samples(fitted, n, guidance=1.0)
    for name, images in shown.items():
        yield alone(
            "finished", f"{name}, n = {n}: to the nearest training digit", distance_to_training(images), "pixels"
        )
