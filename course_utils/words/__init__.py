"""Words, letter by letter."""

from course_utils.words.letter_chain import LetterChain

__all__ = ["LetterChain"]
