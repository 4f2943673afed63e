"""Orders and replies of the contest, see `contest`."""

from .envelopes import Message, Sentence, Word


class Enter(Message, tag=True):
    """Run an entry of the contest, and say what its `sample` does.

    Attributes:
        name: Of the entry.
        source: Its Python file.
        weights: Its file of weights.
        seed: Of the noise that it sees.
        seconds: Wall time that it has.
    """

    name: Word
    source: str
    weights: bytes
    seed: int
    seconds: float


class Draw(Message, tag=True):
    """Do what an entry was said to do, with other noise; nothing of the entry's own code is here.

    Attributes:
        program: See `course_utils.contest.programs.Program.packed`.
        weights: The file of weights.
        seed: Of the noise.
        n: Number of images.
        seconds: Wall time.
    """

    program: bytes
    weights: bytes
    seed: int
    n: int
    seconds: float


class Train(Message, tag=True):
    """Run the training of an entry.

    Attributes:
        name: Of the entry.
        source: Its Python file, which has a function `train(generator)`.
        seed: Of the generator.
        seconds: Wall time that it has.
    """

    name: Word
    source: str
    seed: int
    seconds: float


class Entered(Message, tag=True):
    """The reply to `Enter`: what the entry does, and what one call gave.

    Attributes:
        program: See `course_utils.contest.programs.Program.packed`.
        images: Of one call, a byte a pixel.
        seed: Of the noise of that call.
        evaluations: Of networks an image, as hooks counted them.
    """

    program: bytes
    images: bytes
    seed: int
    evaluations: float


class Drawn(Message, tag=True):
    """The reply to `Draw`: images, a byte a pixel; work in evaluations, and processor time, an image."""

    images: bytes
    work: float
    milliseconds: float


class Trained(Message, tag=True):
    """The reply to `Train`: the file of weights, and the rows that networks saw, as hooks counted them."""

    weights: bytes
    rows: int


class Refused(Message, tag=True):
    """The reply to an order of the contest that cannot be followed: why."""

    reason: Sentence
