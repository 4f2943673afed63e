"""A judge of digits that were asked for: beside real digits that are reweighted in the same way."""

from functools import cached_property

from torch import Tensor

from course_utils import data, digits
from course_utils.metrics import frechet_distance

__all__ = ["TiltedJudge"]


class TiltedJudge(digits.Judge):
    """`digits.Judge` by MNIST's test set, that compares with the 60,000 training digits under weights, too."""

    def __init__(self, n: int):
        super().__init__(data.mnist("test", "full"), n)

    @cached_property
    def training(self) -> Tensor:
        """Features of the training digits."""
        return self.features(data.mnist("train", "full").images)

    def to_tilted(self, images: Tensor, weights: Tensor) -> float:
        """Fréchet distance in floors to the training digits with these weights."""
        return frechet_distance(self.features(images), self.training, weights) / self.floor
