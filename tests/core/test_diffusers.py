"""DDIM and DDPM steps against the schedulers of the diffusers package, number for number, on the same betas."""

import pytest
import torch

from course_utils.schedules import Schedule
from course_utils.simulators import ddim_step

diffusers = pytest.importorskip("diffusers")
N = 1000
KINDS = ["linear", "scaled_linear", "squaredcos_cap_v2"]
COUNTS = [1000, 50, 7]


class Table(Schedule):
    """The schedule of N discrete noise rates: at t = 1 - k/N, alpha^2 is the product of the first k factors 1 - b."""

    def __init__(self, betas):
        self.signal = torch.cat([torch.ones(1).double(), (1 - betas.double()).cumprod(0)])

    def alpha(self, t):
        return self.signal[((1 - t) * N).round().long()].sqrt()

    def beta(self, t):
        return (1 - self.signal[((1 - t) * N).round().long()]).sqrt()


def walk(scheduler, count):
    """States, noise predictions, and their and our times of every step of a run with `count` steps."""
    scheduler.set_timesteps(count)
    generator = torch.Generator().manual_seed(1)
    jump = N // count
    for k in scheduler.timesteps.tolist():
        x, noise_hat = torch.randn(2, 5, 1, 4, 4, generator=generator, dtype=torch.float64)
        times = [torch.tensor(1 - max(steps, 0) / N, dtype=torch.float64) for steps in (k + 1, k + 1 - jump)]
        yield x, noise_hat, k, times


def data_of(x, noise_hat, t, schedule):
    return (x - schedule.beta(t) * noise_hat) / schedule.alpha(t)


def options(kind):
    return {"num_train_timesteps": N, "beta_schedule": kind, "clip_sample": False}


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("kind", KINDS)
def test_ddim(kind, eta, count):
    scheduler = diffusers.DDIMScheduler(**options(kind))
    schedule = Table(scheduler.betas)
    for x, noise_hat, k, (t, t_next) in walk(scheduler, count):
        noise = torch.randn_like(x)
        theirs = scheduler.step(noise_hat, k, x, eta=eta, variance_noise=noise).prev_sample
        ours = ddim_step(data_of(x, noise_hat, t, schedule), x, t, t_next, schedule, eta, noise)
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("kind", KINDS)
def test_ddpm(kind, count):
    scheduler = diffusers.DDPMScheduler(**options(kind))
    schedule = Table(scheduler.betas)
    for x, noise_hat, k, (t, t_next) in walk(scheduler, count):
        theirs = scheduler.step(noise_hat, k, x, generator=torch.Generator().manual_seed(k)).prev_sample
        noise = torch.randn(x.shape, dtype=x.dtype, generator=torch.Generator().manual_seed(k))
        ours = ddim_step(data_of(x, noise_hat, t, schedule), x, t, t_next, schedule, 1.0, noise)
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
