"""Markov chains in continuous time on a few states: rates, exact laws, exact jumps.

Rows belong to the state that is left: `Q[x, y]` is the rate of jumps from x to y, rows sum to 0, laws are row vectors.
"""

from course_utils.chains.jumps import Jump, Paths, gillespie, jump
from course_utils.chains.laws import categorical, check_law, check_states, entropy, total_variation
from course_utils.chains.rates import chain_law, check_rates, euler_chain_law, rate_matrix

__all__ = [
    "Jump",
    "Paths",
    "categorical",
    "chain_law",
    "check_law",
    "check_rates",
    "check_states",
    "entropy",
    "euler_chain_law",
    "gillespie",
    "jump",
    "rate_matrix",
    "total_variation",
]
