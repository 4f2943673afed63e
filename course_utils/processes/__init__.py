r"""Stochastic processes $dX_t = \text{drift}(X_t, t)\,dt + \text{diffusion}(X_t, t)\,dW_t$, with exact laws.

`diffusion` is the coefficient, never a random number: the noise is drawn by the simulator.
"""

from course_utils.processes.base import SDE
from course_utils.processes.named import BrownianMotion, GeometricBrownianMotion, OrnsteinUhlenbeck
from course_utils.processes.sampling import FlowSDE, Langevin

__all__ = ["SDE", "BrownianMotion", "FlowSDE", "GeometricBrownianMotion", "Langevin", "OrnsteinUhlenbeck"]
