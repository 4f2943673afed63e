"""A network that reads digits."""

from jaxtyping import Float
from torch import Tensor, nn

from course_utils.networks.base import Network

__all__ = ["Classifier"]


class Classifier(Network):
    """A LeNet for 28×28 digits: two convolutions, a layer of 128 features, ten logits.

    Source: LeCun et al., "Gradient-based learning applied to document recognition" (1998).

    Example:
        >>> networks.Classifier()(torch.zeros(5, 1, 28, 28)).shape
        torch.Size([5, 10])
    """

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(16, 32, 5), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(32 * 5 * 5, 128), nn.ReLU()),
        )
        self.head = nn.Linear(128, 10)

    def features(self, x: Float[Tensor, "batch 1 28 28"]) -> Float[Tensor, "batch 128"]:
        """Activations of the layer before the logits."""
        return self.body(x)

    def forward(self, x: Float[Tensor, "batch 1 28 28"]) -> Float[Tensor, "batch 10"]:
        return self.head(self.features(x))
