"""What all messages are: a form that nothing else has, in an envelope that says to what it belongs."""

from typing import Annotated, Generic, TypeVar

from msgspec import Meta, Struct

Body = TypeVar("Body")
Word = Annotated[str, Meta(max_length=100)]
Sentence = Annotated[str, Meta(max_length=500)]


class Message(Struct, frozen=True, forbid_unknown_fields=True):
    """All that is sent."""


class Envelope(Message, Generic[Body]):
    """A message with the word by which a reply says to which order it belongs."""

    id: Word
    body: Body
