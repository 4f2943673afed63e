"""Worlds of robots, each with a scripted expert whose law is known, and a judge: `Pillar` and `Arm`.

What the robot sees, the observation, is the state of the world; a plan is a row of actions or of poses.
"""

from course_utils.worlds.arm import Arm, Reached
from course_utils.worlds.demonstrations import Demonstrations, windows
from course_utils.worlds.pillar import Disc, Episodes, Pillar

__all__ = [
    "Arm",
    "Demonstrations",
    "Disc",
    "Episodes",
    "Pillar",
    "Reached",
    "windows",
]
