"""Companion package of the course: diffusion and flow matching from Brownian motion to generated digits.

Conventions, everywhere: noise at t = 0, data at t = 1; `alpha`, `beta` for the probability path,
`sigma` for the diffusion coefficient; states have shape (batch, *event), times () or (batch,).

Import the modules that you need: `from course_utils import processes, simulators`.
"""

__version__ = "0.1.0"
