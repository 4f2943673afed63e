"""How good a generator of digits is."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_utils import data
from course_utils.classifier import digit_classifier
from course_utils.digits.sampling import MIDPOINT_STEPS, samples
from course_utils.metrics import frechet_distance, in_chunks, label_accuracy
from course_utils.networks import Classifier
from course_utils.shapes import short_repr

__all__ = ["Judge", "Judgement", "judge"]


class Judgement(NamedTuple):
    """What a judge found.

    Attributes:
        accuracy: Share of the images that the classifier takes for the digit asked for.
        distance: Fréchet distance of its features to those of real digits.
        floors: The same in floors: distances of other real digits to these.

    Example:
        >>> digits.Judgement(accuracy=0.98, distance=10.0, floors=2.0)._asdict()
        {'accuracy': 0.98, 'distance': 10.0, 'floors': 2.0}
    """

    accuracy: float
    distance: float
    floors: float


class Judge:
    """Compares images with real digits that it has looked at once.

    Args:
        test: Digits that no model was trained on; half of them, n at most, are compared with as many others.
        n: Number of images to judge.
        classifier: Whose features and labels count, by default `classifier.digit_classifier`.

    Attributes:
        n: As given, or fewer if there are fewer digits.
        classifier: As given, or the default; its weights ask for no gradients.
        floor: Fréchet distance of the real digits to the others.

    Raises:
        ValueError: If n is less than 2 or there are fewer than four digits.

    Example:
        >>> test = data.mnist("test", "offline")
        >>> judge = digits.Judge(test, n=300)
        >>> judge(test.images[:300], test.labels[:300]).floors < 2
        True
    """

    def __init__(self, test: data.Digits, n: int = 2000, classifier: Classifier | None = None):
        self.n = min(n, len(test) // 2)
        if self.n < 2:
            raise ValueError(
                f"expected at least 2 samples and 4 digits to judge by, got n = {self.n} and {len(test)} digits"
            )
        self.classifier = (classifier or digit_classifier()).requires_grad_(False)
        order = torch.randperm(len(test), generator=torch.Generator().manual_seed(0))  # MNIST's test set begins easy
        real = self.features(test.images[order[: 2 * self.n]])
        self.real = real[: self.n]
        self.floor = frechet_distance(self.real, real[self.n :])

    def __repr__(self) -> str:
        return short_repr(self, n=self.n, floor=self.floor)

    def features(self, images: Float[Tensor, "n 1 28 28"]) -> Float[Tensor, "n features"]:
        """What the classifier sees in images: the numbers that Fréchet distances are taken of."""
        return in_chunks(self.classifier.features, images)

    def __call__(self, images: Float[Tensor, "n 1 28 28"], labels: Int[Tensor, " n"]) -> Judgement:
        """The judgement of images that were asked to be these digits; compare at one number of images, n best."""
        images = images.to(self.real)
        distance = frechet_distance(self.features(images), self.real)
        accuracy = label_accuracy(self.classifier, images, labels.to(images.device))
        return Judgement(accuracy, distance, distance / self.floor)


def judge(
    model, test: data.Digits, *, scales: Sequence[float] = (1.0, 1.2), n: int = 2000, progress: bool = True
) -> dict[str, Any]:
    """Label accuracy and Fréchet distance at guidance scales, with n and the floor: real digits against real ones.

    Args:
        model: A generator, as for `samples`.
        test: Digits that the model was not trained on; half of them, n at most, are compared with as many others.
        scales: Guidance scales w.
        n: Number of samples a scale.
        progress: Whether to show a progress bar.

    Returns:
        `{"n", "steps", "floor", "judgements": [{"w", "accuracy", "distance"}, ...]}`, with the steps of the sampler.

    Raises:
        ValueError: If n is less than 2 or there are fewer than four digits.

    Example:
        >>> found = digits.judge(networks.UNet(10), data.mnist("test", "offline"), scales=[1.0], n=2, progress=False)
        >>> found["n"], found["steps"]
        (2, 8)
    """
    from tqdm.auto import tqdm

    judging = Judge(test, n)
    labels = torch.arange(judging.n) % 10
    judgements = []
    for w in tqdm(scales, desc="judge", unit="scale", disable=not progress):
        found = judging(samples(model, judging.n, guidance=w), labels)
        judgements.append({"w": w, "accuracy": found.accuracy, "distance": found.distance})
    return {"n": judging.n, "steps": MIDPOINT_STEPS, "floor": judging.floor, "judgements": judgements}
