"""Figures of Lab 11: pairs of angles, and things in space."""

from course_utils.figures.lab11.angles import boxes, in_degrees, outside, past_the_seam, ramachandran, ways
from course_utils.figures.lab11.space import chains, rotation_vectors, turned_fields

__all__ = [
    "boxes", "chains", "in_degrees", "outside", "past_the_seam", "ramachandran", "rotation_vectors", "turned_fields",
    "ways",
]  # fmt: skip
