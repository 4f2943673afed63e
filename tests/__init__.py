"""Tests: core/ of course_utils, labs/ of checks and notebooks, grading/, browser/, project/ of the rest."""
