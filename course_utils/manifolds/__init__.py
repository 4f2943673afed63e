"""Where a straight line is the wrong way: angles, which live on a torus, and rotations; and angles along a protein.

A manifold has `exp` (where a velocity leads in a time of 1), `log` (the velocity of the shortest way), and from both
`geodesic` and `distance`; `draw` gives uniform points. A velocity has the shape of a state, as everywhere.
"""

from course_utils.manifolds.backbone import chain_from_torsions, residue_frames, torsion_angle
from course_utils.manifolds.base import Manifold
from course_utils.manifolds.rotations import Rotations, rotation, rotation_vector, skew, unskew
from course_utils.manifolds.torus import Torus, check_angles, wrap

__all__ = [
    "Manifold",
    "Rotations",
    "Torus",
    "chain_from_torsions",
    "check_angles",
    "residue_frames",
    "rotation",
    "rotation_vector",
    "skew",
    "torsion_angle",
    "unskew",
    "wrap",
]
