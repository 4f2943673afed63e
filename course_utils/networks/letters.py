"""Networks for words: whole numbers in, logits of every letter out."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor, nn

from course_utils.networks.base import Network
from course_utils.networks.embedding import Embedding
from course_utils.shapes import Time
from course_utils.words import check_words, own_letter

__all__ = ["LetterMLP", "LogitSum", "OwnLetter"]


class LetterMLP(Network):
    """A fully connected network that sees all letters of a word at once, and guesses each of them.

    One learned vector a letter and place; their sum goes through residual blocks, and gives logits for all places.

    Args:
        letters: Number v of letters, 0 to v - 1; the mask is one more, v.
        length: Letters of a word, L.
        hidden: Width.
        depth: Number of residual blocks.
        time: Whether the network is told the time. With masks it need not be: how many there are, it sees.
        num_classes: Number of labels, 0 for none.

    Raises:
        ValueError: If a size is less than 1.

    Example:
        >>> net = networks.LetterMLP(27, 10)
        >>> net
        LetterMLP(letters=27, length=10, hidden=256, depth=2, time=False, num_classes=0), 405,774 parameters
        >>> net(torch.full((5, 10), 27)).shape
        torch.Size([5, 10, 27])
    """

    places: Tensor

    def __init__(
        self, letters: int, length: int, hidden: int = 256, depth: int = 2, *, time: bool = False, num_classes: int = 0
    ):
        super().__init__()
        if min(letters, length, hidden, depth) < 1:
            sizes = f"{letters}, {length}, {hidden}, {depth}"
            raise ValueError(f"expected letters, length, hidden and depth of at least 1, got {sizes}")
        self.letters = letters
        self.length = length
        self.first = nn.Parameter(torch.randn(length * (letters + 1), hidden) / math.sqrt(length))
        self.register_buffer("places", torch.arange(length) * (letters + 1), persistent=False)
        self.embedding = Embedding(hidden, num_classes, time=time)
        self.blocks = nn.ModuleList(_block(hidden) for _ in range(depth))
        self.last = nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, length * letters))
        _make_zero(self.last[-1])

    def extra_repr(self) -> str:
        told = f"time={self.embedding.time is not None}, num_classes={self.embedding.num_classes}"
        sizes = f"hidden={self.first.shape[1]}, depth={len(self.blocks)}"
        return f"letters={self.letters}, length={self.length}, {sizes}, {told}"

    def forward(
        self, x: Tensor, t: Time | None = None, y: Integer[Tensor, " labels"] | None = None
    ) -> Float[Tensor, "batch length letters"]:
        """Logits of the clean letters, shape (batch, length, letters).

        Raises:
            ValueError: If x does not hold whole numbers from 0 to `letters` (the mask) of shape (batch, length), if a
                network with a clock gets no time, or as `Embedding`.
        """
        check_words(x, self.letters + 1, self.letters)
        if x.shape[1] != self.length:
            raise ValueError(f"expected words of {self.length} letters, got {x.shape[1]}")
        h = F.embedding_bag(x + self.places, self.first, mode="sum") + self.embedding(x, t, y)
        for block in self.blocks:
            h = h + block(h)
        return self.last(h).unflatten(1, (self.length, self.letters))


class LogitSum(Network):
    """`base(x, t, y) + net(x, t, y)`, two sets of logits: the network learns what the base leaves over.

    As logits add, laws multiply: the sum stands for the product of the two, normalised.

    Args:
        base: A model of letters in closed form, such as `words.LetterChain`. It is not trained.
        net: A network of the same letters and length.

    Raises:
        ValueError: If the two are of other letters or another length.

    Example:
        >>> chain = words.LetterChain.fit(torch.tensor([[0, 4, 2]]))
        >>> networks.LogitSum(chain, networks.LetterMLP(5, 3, hidden=8))
        LogitSum(base=LetterChain, net=LetterMLP), 615 parameters
    """

    def __init__(self, base: nn.Module, net: nn.Module):
        super().__init__()
        sizes = [(model.letters, model.length) for model in (base, net)]
        if sizes[0] != sizes[1]:
            raise ValueError(f"expected a base and a network of one number of letters and one length, got {sizes}")
        self.letters, self.length = sizes[0]
        self.base = base
        self.net = net

    def extra_repr(self) -> str:
        return f"base={type(self.base).__name__}, net={type(self.net).__name__}"

    def forward(self, x: Tensor, t: Time | None = None, y: Tensor | None = None) -> Tensor:
        with torch.no_grad():
            known = self.base(x, t, y)
        return known + self.net(x, t, y)


class OwnLetter(Network):
    r"""A network of the uniform path, with what each letter says of itself by formula: see `words.own_letter`.

    The network has to learn only what the others say. Near t = 1, where an error of the posterior becomes a rate
    1/(1 - t) times as large, the letter itself decides nearly all.

    Args:
        net: Gives logits, `net(x, t, y)`; it knows the time.

    Example:
        >>> net = networks.OwnLetter(networks.LetterMLP(5, 3, hidden=8, time=True))
        >>> net(torch.tensor([[0, 1, 2]]), torch.tensor(0.99)).softmax(-1).argmax(-1)
        tensor([[0, 1, 2]])
    """

    def __init__(self, net: nn.Module):
        super().__init__()
        self.letters, self.length = net.letters, net.length
        self.net = net

    def extra_repr(self) -> str:
        return f"net={type(self.net).__name__}"

    def forward(self, x: Tensor, t: Time, y: Tensor | None = None) -> Tensor:
        return own_letter(self.net(x, t, y), x, t)


def _block(hidden: int) -> nn.Sequential:
    """It begins as 0: what goes through a residual block is at first unchanged."""
    block = nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, hidden))
    _make_zero(block[-1])
    return block


def _make_zero(layer: nn.Module) -> None:
    for weights in layer.parameters():
        nn.init.zeros_(weights)
