"""Words from a model that says of every letter which one it may become: in parallel steps, or one letter at a time."""

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer, Real
from torch import Generator, Tensor

from course_utils.chains import categorical
from course_utils.distributions.base import Noise
from course_utils.simulators import Trajectory
from course_utils.words.base import WordPath, mask_of
from course_utils.words.letters import check_words, word_grid

__all__ = ["ORDERS", "Model", "correct", "generate_words", "letter_posterior", "reveal"]

Model = Callable[..., Tensor]
"""`model(x, t)` or `model(x, t, y)`: logits of the clean letters, shape (batch, length, v)."""

ORDERS = ("random", "left to right", "confident", "likeliest draw")


def letter_posterior(
    model: Model,
    path: WordPath,
    x: Integer[Tensor, "batch length"],
    t: float | Tensor,
    y: Tensor | None = None,
    temperature: float = 1.0,
) -> Float[Tensor, "batch length v"]:
    """The law of each clean letter that a model's logits say, cooled or heated: softmax(logits / temperature).

    Args:
        model: Gives logits, shape (batch, length, v).
        path: The path that the model belongs to.
        x: Letters, shape (batch, length).
        t: Time, shape () or (batch,); the model gets it in torch's default type.
        y: Labels for the model, shape (batch,).
        temperature: Above 0; below 1 likely letters become likelier.

    Raises:
        ValueError: If the temperature is not positive, or the logits do not fit to `x`.

    Example:
        >>> model = lambda x, t: torch.tensor([[[0.0, 1.0]]])
        >>> words.letter_posterior(model, words.MaskPath(2), torch.tensor([[2]]), 0.5, temperature=0.5)
        tensor([[[0.1192, 0.8808]]])
    """
    if not temperature > 0:
        raise ValueError(f"expected a positive temperature, got {temperature}")
    t = torch.as_tensor(t, dtype=torch.get_default_dtype(), device=x.device)
    logits = model(x, t) if y is None else model(x, t, y)
    if logits.shape != (*x.shape, path.letters):
        wanted = (*x.shape, path.letters)
        raise ValueError(f"expected logits of shape {wanted} from the model, got {tuple(logits.shape)}")
    return (logits / temperature).softmax(-1)


@torch.no_grad()
def generate_words(
    model: Model,
    path: WordPath,
    start: tuple[int, int] | Integer[Tensor, "batch length"],
    ts: Real[Tensor, " times"],
    *,
    step: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor] | None = None,
    temperature: float = 1.0,
    y: Tensor | None = None,
    generator: Generator | None = None,
    save_every: int = 1,
    progress: bool = False,
) -> Trajectory:
    """Words by steps on a grid of times, all letters of a word in parallel.

    Args:
        model: `model(x, t)` or `model(x, t, y)` gives logits, shape (batch, length, v); t has shape ().
        path: The path that the model belongs to.
        start: Shape (batch, length) of words that begin as noise, or the words at ts[0] themselves.
        ts: Increasing times from 0 to 1, shape (steps+1,).
        step: `step(post, x, t, t_next)` gives the law of the next letters, shape (batch, length, states), t and t_next
            of shape () and float64. By default `path.euler`; another one is `path.exponential`.
        temperature: Of the posterior, see `letter_posterior`.
        y: Labels for the model, shape (batch,).
        generator: Source of the noise.
        save_every: Keep every k-th state; the first and the last are always kept.
        progress: Whether to show a progress bar.

    Returns:
        The trajectory: times in float64, words in int64; `.end` is its last state.

    Raises:
        ValueError: If times do not increase or leave 0 to 1, noise begins later than at 0, a letter is none of the
            path's states, or what the model or the step gives does not fit.

    Example:
        >>> path = words.MaskPath(3)
        >>> model = lambda x, t: torch.zeros(*x.shape, 3)
        >>> made = words.generate_words(model, path, (4, 2), torch.linspace(0, 1, 6))
        >>> made.xs.shape, made.xs.dtype, made.end.max().item() < path.mask
        (torch.Size([6, 4, 2]), torch.int64, True)
    """
    ts = word_grid(ts, from_noise=not isinstance(start, Tensor))
    x = start if isinstance(start, Tensor) else path.start(start, generator)
    check_words(x, path.states, path.mask)
    x = x.long()
    if save_every < 1:
        raise ValueError(f"expected save_every of at least 1, got {save_every}")
    step = step or path.euler
    noise = _uniforms(generator, x)
    n = len(ts) - 1
    kept, saved = [0], [x]
    for i in _bar(range(n), progress):
        post = letter_posterior(model, path, x, ts[i], y, temperature)
        x = categorical(step(post, x, ts[i], ts[i + 1]), noise.uniform(*x.shape))
        if (i + 1) % save_every == 0 or i + 1 == n:
            kept.append(i + 1)
            saved.append(x)
    return Trajectory(ts[kept], torch.stack(saved))


@torch.no_grad()
def reveal(
    model: Model,
    path: WordPath,
    x: Integer[Tensor, "batch length"],
    order: str = "random",
    temperature: float = 1.0,
    *,
    y: Tensor | None = None,
    generator: Generator | None = None,
) -> Integer[Tensor, "batch length"]:
    """Fill the masks one letter an evaluation: with an exact model and letters in any given order, without an error.

    Args:
        model: Of a `MaskPath`: `model(x, t)` or `model(x, t, y)` gives logits, shape (batch, length, v); it is told
            the share of seen letters as the time, shape (batch,).
        path: The `MaskPath` of the model.
        x: Words with masks, the token v, also a pattern with gaps; shape (batch, length).
        order: "random", "left to right", "confident": the place of which the model is surest, or "likeliest draw": of
            letters drawn for all places the one that was likeliest. The first three are exact for an exact model,
            since the place is chosen before the letter; the last one prefers likely letters.
        temperature: Of the posterior, see `letter_posterior`.
        y: Labels for the model, shape (batch,).
        generator: Source of orders and letters.

    Returns:
        Words without masks; letters that were seen are as they were.

    Raises:
        ValueError: If the order is none of these, or a letter is no letter and not the mask, or the path has none.

    Source: Uria et al., "A deep and tractable density estimator" (2014), any-order autoregression; Ou et al., "Your
    absorbing discrete diffusion secretly models the conditional distributions of clean data" (2024). Chang et al.,
    "MaskGIT: Masked generative image transformer" (2022), for the likeliest draw.

    Example:
        >>> pattern = torch.tensor([[0, 3, 3]])
        >>> words.reveal(lambda x, t: torch.zeros(*x.shape, 3), words.MaskPath(3), pattern).shape
        torch.Size([1, 3])
    """
    if order not in ORDERS:
        raise ValueError(f"expected an order among {', '.join(ORDERS)}, got {order!r}")
    mask = mask_of(path)
    check_words(x, path.states, mask)
    x = x.long()
    noise = _uniforms(generator, x)
    for _ in range(int((x == mask).sum(1).max()) if len(x) else 0):
        masked = x == mask
        post = letter_posterior(model, path, x, 1 - masked.double().mean(1), y, temperature)
        drawn = categorical(post, noise.uniform(*x.shape))
        urgency = _urgency(order, post, drawn, noise).masked_fill(~masked, -1)
        first = (urgency == urgency.max(1, keepdim=True).values).int().argmax(1)
        chosen = F.one_hot(first, x.shape[1]).bool() & masked
        x = torch.where(chosen, drawn, x)
    return x


@torch.no_grad()
def correct(
    model: Model,
    path: WordPath,
    x: Integer[Tensor, "batch length"],
    steps: int,
    temperature: float = 1.0,
    *,
    y: Tensor | None = None,
    generator: Generator | None = None,
) -> Integer[Tensor, "batch length"]:
    """Mend finished words: mask one letter, anywhere, and draw it anew; again and again.

    With the exact posterior this keeps the law of the data, and leads to it from others.

    Args:
        model: As for `reveal`.
        path: The `MaskPath` of the model.
        x: Words without masks, shape (batch, length).
        steps: Number of letters of each word that are drawn anew, one evaluation each.
        temperature: Of the posterior, see `letter_posterior`.
        y: Labels for the model, shape (batch,).
        generator: Source of places and letters.

    Raises:
        ValueError: If there is a mask in a word, `steps` is negative, or the path has no mask.

    Source: Geman and Geman (1984), Gibbs sampling; Campbell et al., "A continuous time framework for discrete denoising
    models" (2022), correctors.

    Example:
        >>> words.correct(lambda x, t: torch.zeros(*x.shape, 3), words.MaskPath(3), torch.tensor([[0, 1]]), 4).shape
        torch.Size([1, 2])
    """
    mask = mask_of(path)
    check_words(x, path.letters)
    if steps < 0:
        raise ValueError(f"expected steps of at least 0, got {steps}")
    x = x.long()
    noise = _uniforms(generator, x)
    for _ in range(steps):
        chosen = F.one_hot(noise.integers(x.shape[1], len(x)), x.shape[1]).bool()
        hidden = x.masked_fill(chosen, mask)
        post = letter_posterior(model, path, hidden, 1 - 1 / x.shape[1], y, temperature)
        x = torch.where(chosen, categorical(post, noise.uniform(*x.shape)), x)
    return x


def _urgency(order: str, post: Tensor, drawn: Tensor, noise: Noise) -> Tensor:
    """Which masked letter comes first: the one with the largest number, the leftmost of equals."""
    if order == "random":
        return noise.uniform(*post.shape[:2])
    if order == "confident":
        return post.max(-1).values
    if order == "likeliest draw":
        return post.gather(-1, drawn[..., None])[..., 0]
    return torch.ones_like(post[..., 0])


def _uniforms(generator: Generator | None, x: Tensor) -> Noise:
    """Uniform numbers in float64: those of float32 are multiples of 2**-24, too coarse for rare letters."""
    return Noise(generator, torch.empty(0, dtype=torch.float64, device=x.device))


def _bar(steps: Iterable[int], progress: bool):
    if not progress:
        return steps
    from tqdm.auto import tqdm

    return tqdm(steps, desc="words", unit="step")
