"""Exercise 6.2: the loss of a variational autoencoder whose pixels are coins."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.checks.exercise import exercise
from course_utils.checks.observers import LossAndGradient

__all__ = ["vae_loss"]


@exercise("6.2", "Loss of a variational autoencoder", points=3, sees=LossAndGradient())
def vae_loss(model, x, noise, weight):
    total = 0.0
    for image, eps in zip(x, noise, strict=True):
        mean, log_var = model.encode(image[None])
        logits = model.decode(mean + torch.exp(log_var / 2) * eps[None])
        for pixel, logit in zip(image.flatten(), logits.flatten(), strict=True):
            ink, p = (pixel + 1) / 2, 1 / (1 + torch.exp(-logit))
            total = total - ink * torch.log(p) - (1 - ink) * torch.log(1 - p)
        for m, v in zip(mean[0], log_var[0], strict=True):
            total = total + weight * 0.5 * (m**2 + torch.exp(v) - 1 - v)
    return total / len(x)


@vae_loss.inputs
def _(normal):
    model = {
        "family": "affine autoencoder",
        "encoder": normal(6, 6) / 2,
        "shift": normal(6) / 2,
        "decoder": normal(6, 3),
        "offset": normal(6),
    }
    weight = (0.125, 0.375, 0.75, 1.5)[normal.seed % 4]
    return {"model": model, "x": normal(4, 1, 2, 3).tanh(), "noise": normal(4, 3), "weight": weight}


def _summed(terms: Tensor) -> Tensor:
    return terms.flatten(1).sum(1)


def _ink(x: Tensor) -> Tensor:
    return (x + 1) / 2


def _same(value: Tensor) -> Tensor:
    return value


def _spread(log_var: Tensor) -> Tensor:
    return (log_var / 2).exp()


def _divergence(mean: Tensor, log_var: Tensor) -> Tensor:
    """Of each coordinate."""
    return 0.5 * (mean**2 + log_var.exp() - 1 - log_var)


def _loss(
    *,
    spread: Callable[[Tensor], Tensor] = _spread,
    latent: Callable[[Tensor], Tensor] = _same,
    logits: Callable[[Tensor], Tensor] = _same,
    ink: Callable[[Tensor], Tensor] = _ink,
    pixels: Callable[[Tensor], Tensor] = _summed,
    coordinates: Callable[[Tensor], Tensor] = _summed,
    divergence: Callable[[Tensor, Tensor], Tensor] = _divergence,
    reduce: Callable[[Tensor], Tensor] = torch.mean,
) -> Callable:
    """The loss with parts to replace: how noise becomes a latent, and how terms become one number an image."""

    def loss(model, x, noise, weight):
        mean, log_var = model.encode(x)
        answer = logits(model.decode(latent(mean + spread(log_var) * noise)))
        entropy = F.binary_cross_entropy_with_logits(answer, ink(x), reduction="none")
        return reduce(pixels(entropy) + weight * coordinates(divergence(mean, log_var)))

    return loss


@vae_loss.mistake("the noise is multiplied by the variance: which power of it is the standard deviation?")
def variance_as_deviation(*arguments):
    return _loss(spread=torch.exp)(*arguments)


@vae_loss.mistake(
    "the noise is multiplied by log_var itself: what it scales with is a standard deviation, never negative."
)
def log_variance_as_deviation(*arguments):
    return _loss(spread=_same)(*arguments)


@vae_loss.mistake("the decoder sees the mean, never a sample: the noise is not used, and this is a plain autoencoder.")
def no_noise(*arguments):
    return _loss(spread=torch.zeros_like)(*arguments)


@vae_loss.mistake("the noise is added as it is: the encoder's own spread has to scale it.")
def noise_as_it_is(*arguments):
    return _loss(spread=torch.ones_like)(*arguments)


@vae_loss.mistake("the noise is subtracted: add it, as it is given.")
def noise_subtracted(model, x, noise, weight):
    return _loss()(model, x, -noise, weight)


@vae_loss.mistake("the decoder is given the noise alone: the latent is drawn from the encoder, around its mean.")
def decoded_from_the_noise(model, x, noise, weight):
    return _loss(latent=lambda h: noise)(model, x, noise, weight)


@vae_loss.mistake("the pixels are averaged: beside one pixel's error the divergence weighs hundreds of times too much.")
def pixels_averaged(*arguments):
    return _loss(pixels=lambda entropy: entropy.flatten(1).mean(1))(*arguments)


@vae_loss.mistake(
    "the reconstruction is summed over the batch, the divergence averaged: both are means over the batch."
)
def all_pixels_of_the_batch(*arguments):
    return _loss(pixels=torch.sum)(*arguments)


@vae_loss.mistake("everything is averaged, over pixels and coordinates, too: only the batch is.")
def everything_averaged(*arguments):
    return _loss(pixels=lambda e: e.flatten(1).mean(1), coordinates=lambda d: d.flatten(1).mean(1))(*arguments)


@vae_loss.mistake("the batch is summed: average over it.")
def batch_summed(*arguments):
    return _loss(reduce=torch.sum)(*arguments)


@vae_loss.mistake("the divergence is averaged over the coordinates: independent coordinates add up.")
def divergence_averaged(*arguments):
    return _loss(coordinates=lambda d: d.flatten(1).mean(1))(*arguments)


@vae_loss.mistake(
    "the divergence is summed over the batch, the reconstruction averaged: both are means over the batch."
)
def divergence_of_the_batch(*arguments):
    return _loss(coordinates=torch.sum)(*arguments)


@vae_loss.mistake("the divergence is missing: nothing keeps the latents near the standard normal.")
def no_divergence(model, x, noise, weight):
    return _loss()(model, x, noise, 0.0)


@vae_loss.mistake("the divergence has lost its factor 1/2, or is counted twice.")
def divergence_twice(model, x, noise, weight):
    return _loss()(model, x, noise, 2 * weight)


@vae_loss.mistake("the argument weight is not used.")
def weight_ignored(model, x, noise, weight):
    return _loss()(model, x, noise, 1.0)


@vae_loss.mistake("the weight multiplies the reconstruction: it belongs to the divergence.")
def weight_on_the_reconstruction(model, x, noise, weight):
    return weight * _loss()(model, x, noise, 1 / weight)


@vae_loss.mistake("the weight multiplies the whole: it belongs to the divergence alone.")
def weight_on_everything(model, x, noise, weight):
    return weight * _loss()(model, x, noise, 1.0)


@vae_loss.mistake("the divergence is subtracted: the bound is to be large, so the loss is its negative.")
def divergence_subtracted(model, x, noise, weight):
    return _loss()(model, x, noise, -weight)


@vae_loss.mistake("the divergence takes log_var for the log of a standard deviation: it is that of a variance.")
def divergence_of_a_deviation(*arguments):
    return _loss(divergence=lambda mean, log_var: _divergence(mean, 2 * log_var))(*arguments)


@vae_loss.mistake(
    "everything is divided by the number of pixels: each image has one loss, and only the batch is averaged."
)
def divided_by_the_pixels(model, x, noise, weight):
    return _loss()(model, x, noise, weight) / x[0].numel()


@vae_loss.mistake("the divergence forgets the means: far from 0 would cost nothing.")
def divergence_without_the_mean(*arguments):
    return _loss(divergence=lambda mean, log_var: _divergence(torch.zeros_like(mean), log_var))(*arguments)


@vae_loss.mistake("the target has negative entries: a probability of ink lies between 0 and 1.")
def ink_from_minus_one(*arguments):
    return _loss(ink=_same)(*arguments)


@vae_loss.mistake("paper and ink are exchanged: ink is where x is 1.")
def ink_exchanged(*arguments):
    return _loss(ink=lambda x: (1 - x) / 2)(*arguments)


@vae_loss.mistake("the ink is cut to black and white: a grey pixel is a probability between.")
def ink_rounded(*arguments):
    return _loss(ink=lambda x: (x > 0).to(x))(*arguments)


@vae_loss.mistake("a sigmoid is applied twice: what the decoder answers are logits, and the cross-entropy wants those.")
def sigmoid_twice(*arguments):
    return _loss(logits=torch.sigmoid)(*arguments)


@vae_loss.mistake("the value is right, its gradient is not: no gradient flows through the sample to the encoder.")
def sample_detached(*arguments):
    return _loss(latent=torch.detach)(*arguments)


@vae_loss.mistake("the value is right, but the gradient stops: no detach, .item() or no_grad may stand on its way.")
def detached(*arguments):
    return _loss(reduce=lambda loss: loss.mean().detach())(*arguments)


def _squares(output: Callable[[Tensor], Tensor]) -> Callable:
    """Squared errors of the pixels, in the place of the cross-entropy."""

    def loss(model, x, noise, weight):
        mean, log_var = model.encode(x)
        error = output(model.decode(mean + _spread(log_var) * noise)) - x
        return (_summed(error**2) + weight * _summed(_divergence(mean, log_var))).mean()

    return loss


@vae_loss.mistake("the reconstruction is a squared error of the logits: here each pixel is a coin, ink or paper.")
def squares(*arguments):
    return _squares(_same)(*arguments)


@vae_loss.mistake("the reconstruction is a squared error of the pixels: here each pixel is a coin, ink or paper.")
def squares_of_the_images(*arguments):
    return _squares(lambda logits: 2 * logits.sigmoid() - 1)(*arguments)


@vae_loss.mistake("the sign is wrong: this is the bound, which is to grow; a loss is to fall.")
def the_bound(*arguments):
    return -_loss()(*arguments)
