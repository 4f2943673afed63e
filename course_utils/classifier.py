"""The classifier that judges generated digits: trained, saved if it is good enough, and loaded."""

from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_utils.metrics import label_accuracy
from course_utils.networks import Classifier
from course_utils.training import fit
from course_utils.weights import load_weights, save_weights

__all__ = ["CLASSIFIER", "LEAST_ACCURACY", "digit_classifier", "save_classifier", "train_classifier"]

CLASSIFIER = Path(__file__).parent / "assets" / "classifier.safetensors"
LEAST_ACCURACY = 0.99
"""On MNIST's test set, or a classifier is not fit to judge."""


def digit_classifier() -> Classifier:
    """The trained classifier that comes with the package; its accuracy stands in the file's metadata.

    Raises:
        FileNotFoundError: If the file is missing.

    Example:
        >>> classifier.digit_classifier()(torch.zeros(5, 1, 28, 28)).shape
        torch.Size([5, 10])
    """
    classifier = Classifier()
    load_weights(classifier, CLASSIFIER)
    return classifier.eval()


def train_classifier(
    images: Float[Tensor, "n 1 28 28"],
    labels: Int[Tensor, " labels"],
    *,
    steps: int = 2000,
    batch_size: int = 128,
    seed: int = 0,
    progress: bool = True,
) -> Classifier:
    """A classifier of digits, trained on images that are shifted by up to two pixels.

    Args:
        images: Digits in [-1, 1].
        labels: 0 to 9.
        steps: Optimiser steps.
        batch_size: Images a step.
        seed: For the initial weights, the batches and the shifts.
        progress: Whether to show a progress bar.

    Raises:
        ValueError: If there is not one label from 0 to 9 an image, or a number is less than 1.

    Example:
        >>> images, labels = torch.zeros(8, 1, 28, 28), torch.arange(8)
        >>> classifier.train_classifier(images, labels, steps=1, progress=False)
        Classifier(), 117,066 parameters
    """
    if len(images) != len(labels) or len(images) == 0:
        raise ValueError(f"expected one label an image and at least one, got {len(labels)} for {len(images)}")
    if labels.min() < 0 or labels.max() > 9:
        raise ValueError(f"expected labels from 0 to 9, got {labels.min()} to {labels.max()}")
    if batch_size < 1:
        raise ValueError(f"expected a batch_size of at least 1, got {batch_size}")
    batches = _shifted_batches(images, labels, batch_size, torch.Generator().manual_seed(seed))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        classifier = Classifier()
    fit(classifier, _cross_entropy, batches, steps=steps, lr=2e-3, progress=progress)
    return classifier


def _shifted_batches(
    images: Tensor, labels: Tensor, batch_size: int, generator: torch.Generator
) -> Iterator[tuple[Tensor, ...]]:
    """Random images, those of a batch shifted alike: what leaves on one side comes back on the other."""
    while True:
        rows = torch.randint(len(images), (batch_size,), generator=generator)
        down, right = torch.randint(-2, 3, (2,), generator=generator).tolist()
        yield images[rows].roll((down, right), (2, 3)), labels[rows]


def _cross_entropy(model: nn.Module, z: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(model(z), y)


def save_classifier(classifier: Classifier, images: Tensor, labels: Tensor, path: str | Path = CLASSIFIER) -> float:
    """Write a classifier in half precision, if it is good enough to judge others; returns its accuracy.

    Args:
        classifier: As trained on the training set.
        images, labels: The test set.
        path: The file.

    Raises:
        ValueError: If fewer than 99% of the test set are classified correctly.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> test, judge = data.mnist("test", "offline"), classifier.digit_classifier()
        >>> with TemporaryDirectory() as folder:
        ...     classifier.save_classifier(judge, test.images, test.labels, f"{folder}/judge.safetensors") > 0.99
        True
    """
    halved = Classifier()
    halved.load_state_dict({name: value.half().float() for name, value in classifier.state_dict().items()})
    accuracy = label_accuracy(halved, images, labels)
    if accuracy < LEAST_ACCURACY:
        raise ValueError(f"expected an accuracy of at least {LEAST_ACCURACY:.0%} on the test set, got {accuracy:.2%}")
    save_weights(halved.half(), path, {"accuracy": f"{accuracy:.4f}", "test_images": str(len(images))})
    return accuracy
