"""Numerical solutions of ODEs and SDEs: pure steps, and one function that repeats them; plans carried out in parts."""

from course_utils.simulators.horizon import receding_horizon
from course_utils.simulators.solving import BLOCK, Trajectory, simulate
from course_utils.simulators.steps import (
    ddim_step,
    euler_maruyama_step,
    euler_step,
    geodesic_step,
    heun_maruyama_step,
    heun_step,
    midpoint_step,
    rk4_step,
)

__all__ = [
    "BLOCK",
    "Trajectory",
    "ddim_step",
    "euler_maruyama_step",
    "euler_step",
    "geodesic_step",
    "heun_maruyama_step",
    "heun_step",
    "midpoint_step",
    "receding_horizon",
    "rk4_step",
    "simulate",
]
