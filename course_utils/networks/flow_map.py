"""A network of two times: where the flow carries a state from one to the other."""

from collections.abc import Callable

from torch import Tensor, nn

from course_utils.networks.base import Network
from course_utils.networks.embedding import Embedding
from course_utils.shapes import Time, as_floats, expand_path_time, expand_span

__all__ = ["FlowMap"]


class FlowMap(Network):
    r"""The average velocity from time s to time t: $u(x,s,t) = \text{base}(x,s,t) + c(s)\,\text{net}(x, s, t-s)$.

    Where t = s it is the velocity, and `flow_map` is $X_{s,t}(x) = x + (t-s)\,u(x,s,t)$: it leaves x alone there. A
    network of one time learns about the span t - s through its embedding, to which a second one is added; this
    starts at zero, so that what a finished network knows of velocities is kept.

    Args:
        net: A network with an `embedding`, as `MLP`, `UNet` and `Transformer` have.
        base: A closed form, called as base(x, s, t) or base(x, s, t, y), such as what `paths.average_velocity` makes of
            an exact flow map; None for 0. Not trained, unless it is a module itself.
        scale: c, from s to the shape of s, such as `ResidualScale`; None for 1.

    Raises:
        ValueError: If `net` has no embedding. When called: if s is later than t, a time is not within 0 to 1 or has
            a shape that does not fit.

    Source: Boffi et al., "Flow map matching with stochastic interpolants" (2025); Geng et al., "Mean flows for one-step
    generative modeling" (2025).

    Example:
        >>> model = networks.FlowMap(networks.MLP(2, hidden=64))
        >>> model.flow_map(torch.ones(5, 2), 0.0, torch.rand(5)).shape
        torch.Size([5, 2])
    """

    def __init__(self, net: nn.Module, base: Callable | None = None, scale: Callable[[Tensor], Tensor] | None = None):
        super().__init__()
        embedding = getattr(net, "embedding", None)
        if not isinstance(embedding, Embedding):
            raise ValueError(f"expected a network with an Embedding, such as MLP or UNet, got {type(net).__name__}")
        self.net = net
        self.base = base
        self.scale = scale
        self.span = Embedding(embedding.size).to(next(embedding.parameters()))
        last = [layer for layer in self.span.modules() if isinstance(layer, nn.Linear)][-1]
        for parameter in last.parameters():
            nn.init.zeros_(parameter)

    def extra_repr(self) -> str:
        return f"net={type(self.net).__name__}"

    def forward(self, x: Tensor, s: Time, t: Time, y: Tensor | None = None) -> Tensor:
        """The average velocity, shape (batch, *event)."""
        x = as_floats(x)
        span = _span(x, s, t)
        label = () if y is None else (y,)
        learned = self.net(x, s, *label, extra=self.span(x, span.flatten() if span.ndim else span))
        if self.scale is not None:
            learned = self.scale(expand_path_time(s, x)) * learned
        return learned if self.base is None else self.base(x, s, t, *label) + learned

    def flow_map(self, x: Tensor, s: Time, t: Time, y: Tensor | None = None) -> Tensor:
        """Where x is carried from time s to time t, shape (batch, *event)."""
        label = () if y is None else (y,)
        return as_floats(x) + _span(as_floats(x), s, t) * self(x, s, t, *label)


def _span(x: Tensor, s: Time, t: Time) -> Tensor:
    """t - s, expanded; ValueError where it is negative."""
    start, end = expand_span(s, t, x)
    return end - start
