"""What the networks share: they introduce themselves in one line."""

from torch import nn

__all__ = ["Network"]


class Network(nn.Module):
    """A module whose `repr` is one line, its sizes and the number of its parameters, instead of torch's tree.

    A subclass says its sizes in torch's own `extra_repr`.

    Example:
        >>> networks.MLP(2, hidden=64)
        MLP(dim=2, hidden=64, depth=3, num_classes=0), 14,914 parameters
    """

    def __repr__(self) -> str:
        count = sum(p.numel() for p in self.parameters())
        return f"{type(self).__name__}({self.extra_repr()}), {count:,} parameters"
