"""The generators that come with the course, by judges that the Fréchet distance is not: a trained one, and copies.

A classifier two-sample test (Lopez-Paz and Oquab, 2017): a small convolutional network learns to tell 5,000 generated
digits from 5,000 real ones, and is judged on as many others of both; half right is the floor. All are rounded to 256
greys, as files of images are, so that no judge can go by the last digits of a number. Copies: the mean distance to the
nearest training digit, beside that of test digits and of their reconstructions.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.rows import Row, alone, over_seeds
from course_utils import data, digits, metrics
from course_utils.digits.latent import LatentDigits, latent_digits
from course_utils.networks import Classifier
from course_utils.training import fit

GENERATORS = {"Lab 4, pixels": digits.FINISHED_PIXELS, "Lab 6, latents": digits.FINISHED}
SCALES = (1.0, 1.2)
MORE_SCALES = (1.0, 1.1, 1.2, 1.3, 1.5, 2.0)
"""Of the finished generator, whose best one is looked for."""


def told_apart(real: Tensor, made: Tensor, seed: int, steps: int) -> float:
    """Share of held-out images that a trained judge puts on the right side; both sets are halved by chance."""
    n = len(real) // 2
    torch.manual_seed(seed)
    judge = Classifier()  # of its ten answers, two are used
    labels = torch.arange(2).repeat_interleave(n)
    generator = torch.Generator().manual_seed(seed)
    real, made = (images[torch.randperm(2 * n, generator=generator)] for images in (real, made))
    batches = data.batches(torch.cat([real[:n], made[:n]]), labels, batch_size=128, generator=generator)
    fit(judge, lambda net, x, y: F.cross_entropy(net(x)[:, :2], y), batches, steps=steps, lr=1e-3, progress=False)
    said = metrics.in_chunks(judge.eval(), torch.cat([real[n:], made[n:]]))[:, :2].argmax(1)
    return (said == labels).double().mean().item()


def distance_to_training(images: Tensor) -> float:
    """Mean distance in pixels of an image to the training digit nearest to it."""
    return metrics.nearest_neighbours(images, data.mnist("train", "full").images)[0].mean().item()


def greys(images: Tensor) -> Tensor:
    """Rounded to 256 greys."""
    return (127.5 * (images + 1)).round() / 127.5 - 1


def finished(quick: bool) -> Iterator[Row]:
    """Rows of the guidance scales, of the trained judge, and of the copies."""
    n, steps, seeds = (200, 20, 1) if quick else (10_000, 800, 3)
    test = data.mnist("test", "full")
    real = test.images[torch.randperm(len(test), generator=torch.Generator().manual_seed(0))[:n]]
    model, _ = digits.load(digits.FINISHED)
    yield from scales(model, n // 2)
    for name, images in suspects(model, real):
        values = [told_apart(real, greys(images), seed, steps) for seed in range(seeds)]
        yield over_seeds("finished", f"{name}: told from real digits, {n // 2:,} + {n // 2:,} held out", values, "")
    yield from copies(model, real, 100 if quick else 1000)


def suspects(model: LatentDigits, real: Tensor) -> Iterator[tuple[str, Tensor]]:
    """What the judge has to tell from real test digits: as many other real ones, the finished generators' digits."""
    n = len(real)
    yield "training digits", data.mnist("train", "full").images[:n]
    yield "Lab 6, reconstructions of the same digits", model.latents.decode(model.latents.encode(real))
    for name, file in GENERATORS.items():
        generator, _ = digits.load(file)
        for w in SCALES:
            yield f"{name}, w = {w:g}", digits.samples(generator, n, guidance=w)


def scales(model: LatentDigits, n: int) -> Iterator[Row]:
    """Distance and accuracy of the finished generator, by the guidance scale."""
    found = digits.judge(model, data.mnist("test", "full"), scales=MORE_SCALES, n=n, progress=False)
    for at in found["judgements"]:
        what = f"Lab 6, finished, w = {at['w']:g}, n = {found['n']:,}"
        yield alone("finished", f"{what}: distance", at["distance"] / found["floor"], "× floor")
        yield alone("finished", f"{what}: label right", at["accuracy"], "")


def copies(model: LatentDigits, real: Tensor, n: int) -> Iterator[Row]:
    """Distances to the training digits, with ever more clusters a digit."""
    train, autoencoder = data.mnist("train", "full"), model.latents.autoencoder
    with torch.no_grad():
        shown = {"test digits": real[:n], "their reconstructions": autoencoder(real[:n])}
    for clusters in (10, 62, 85, 150, 300, 1000):
        fitted = latent_digits(autoencoder, train.images, train.labels, clusters=clusters)
        shown[f"samples, {clusters} clusters a digit, w = 1"] = digits.samples(fitted, n, guidance=1.0)
    for name, images in shown.items():
        yield alone(
            "finished", f"{name}, n = {n}: to the nearest training digit", distance_to_training(images), "pixels"
        )
