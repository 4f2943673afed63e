"""Real data: the handwritten digits of MNIST and names of a census, checked on every load; and mini-batches.

Environment variables: `COURSE_DATA` names a folder that already holds the four MNIST files (.gz or decompressed; read
in place, never written to); `COURSE_CACHE` a folder in whose `mnist` downloads are kept (default: the user's cache).
"""

from course_utils.data.batching import batches
from course_utils.data.census import Names, names
from course_utils.data.digits import Digits, mnist, parse_idx
from course_utils.data.downloads import FILES, MIRRORS
from course_utils.data.letters import BLANK, LETTERS, MASK, decode, encode

__all__ = [
    "BLANK",
    "FILES",
    "LETTERS",
    "MASK",
    "MIRRORS",
    "Digits",
    "Names",
    "batches",
    "decode",
    "encode",
    "mnist",
    "names",
    "parse_idx",
]
