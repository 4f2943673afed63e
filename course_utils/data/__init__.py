"""Real data, checked on every load: handwritten digits (MNIST), names of a census, backbones of proteins; mini-batches.

Environment variables: `COURSE_DATA` names a folder that already holds the four MNIST files (.gz or decompressed; read
in place, never written to); `COURSE_CACHE` a folder in whose `mnist` downloads are kept (default: the user's cache).
"""

from course_utils.data.batching import batches
from course_utils.data.census import Names, names
from course_utils.data.digits import Digits, mnist, parse_idx
from course_utils.data.downloads import FILES, MIRRORS
from course_utils.data.letters import BLANK, LETTERS, MASK, decode, encode
from course_utils.data.proteins import AMINO_ACIDS, Backbones, Cut, Flown, backbones, cuts

__all__ = [
    "AMINO_ACIDS",
    "BLANK",
    "FILES",
    "LETTERS",
    "MASK",
    "MIRRORS",
    "Backbones",
    "Cut",
    "Digits",
    "Flown",
    "Names",
    "backbones",
    "batches",
    "cuts",
    "decode",
    "encode",
    "mnist",
    "names",
    "parse_idx",
]
