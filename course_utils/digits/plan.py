"""What a training is made of."""

from dataclasses import dataclass

__all__ = ["Plan"]


@dataclass(frozen=True)
class Plan:
    """What a training is made of; one that is resumed has to repeat it.

    Attributes:
        source: Which digits, "full" or "offline"; see `data.mnist`.
        seed: Of the clusters, the first weights, the batches and the noise, 0 to 2^32 - 1.
        steps: Optimiser steps, at least 1.
        devices: Number of processes, at least 1.
        latent: Whether Lab 6's generator is meant, in latent space, and not Lab 4's.

    Raises:
        ValueError: If one of them is something else.

    Example:
        >>> digits.Plan("offline", seed=3)
        Plan(source='offline', seed=3, steps=800, devices=1, latent=False)
    """

    source: str
    seed: int = 0
    steps: int = 800
    devices: int = 1
    latent: bool = False

    def __post_init__(self):
        if self.source not in ("full", "offline"):
            raise ValueError(f'expected source "full" or "offline", got {self.source!r}')
        for name, least, most in (("seed", 0, 2**32 - 1), ("steps", 1, 10**9), ("devices", 1, 10**6)):
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= most:
                raise ValueError(f"expected {name} to be a whole number of at least {least}, got {value}")
