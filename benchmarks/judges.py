"""A classifier as a judge of digits: distances in floors, and the share that it takes for the digit asked for."""

from functools import cached_property

import torch
from torch import Tensor

from benchmarks.maps import seeded
from course_utils import data, metrics
from course_utils.classifier import digit_classifier
from course_utils.networks import Classifier


class Judge:
    """Judges n digits at a time. A floor is the distance of n real test digits from n other ones.

    Args:
        n: Digits judged at a time.
        classifier: Whose features and labels count; by default the course's.
    """

    def __init__(self, n: int, classifier: Classifier | None = None):
        self.classifier = classifier or digit_classifier()
        self.classifier.requires_grad_(False)
        test = data.mnist("test", "full")
        order = torch.randperm(len(test), generator=seeded(0))[: 2 * n]  # MNIST's test set begins with ease
        real = self.features(test.images[order])
        self.real, self.floor = real[:n], metrics.frechet_distance(real[:n], real[n:])

    def features(self, images: Tensor) -> Tensor:
        return metrics.in_chunks(self.classifier.features, images)

    @cached_property
    def training(self) -> Tensor:
        """Features of the 60,000 training digits."""
        return self.features(data.mnist("train", "full").images)

    def distance(self, images: Tensor) -> float:
        """To real test digits, in floors."""
        return metrics.frechet_distance(self.features(images), self.real) / self.floor

    def distance_to_tilted(self, images: Tensor, weights: Tensor) -> float:
        """To the training digits with these weights, in floors."""
        return metrics.frechet_distance(self.features(images), self.training, weights) / self.floor

    def says(self, images: Tensor, y: Tensor) -> float:
        """Share of the images taken for these digits."""
        return metrics.label_accuracy(self.classifier, images, y)
