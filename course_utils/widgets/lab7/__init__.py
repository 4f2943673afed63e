"""Sliders of Lab 7: a chain, a board of two letters, the two paths of words, a pattern to fill, ways to draw names."""

from course_utils.widgets.lab7.laws import explore_board, explore_chain
from course_utils.widgets.lab7.names import explore_names, explore_pattern, explore_words

__all__ = ["explore_board", "explore_chain", "explore_names", "explore_pattern", "explore_words"]
