"""How students name a question at the beginning of a line, such as "Frage 1:", "Q1", "#1" or "1)"."""

import re
from dataclasses import dataclass

from course_grading.notebook import Cell

NOUNS = frozenset(
    "question questions answer answers exercise task problem frage fragen antwort antworten aufgabe vraag antwoord"
    " fråga svar réponse reponse pregunta respuesta pergunta resposta domanda risposta pytanie odpowiedź soru cevap"
    " вопрос ответ 问题 問題 問 问 回答 nr no q a f".split()
)
"""What students call a question or its answer, in some languages."""

SMALL = frozenset("to the my zu zur auf die meine meiner ad re number n à a la au de del mi sur op voor på".split())
"""Words that stand between these."""

LONGEST_ALONE = 4
"""Letters of a noun that says nothing without a number, at most."""

SIGNS = frozenset(".):：。）")
"""What stands behind the number of a list."""

DASHES = frozenset("-–—")
"""The same, where a blank follows."""

LETTER = r"[^\W\d_]"
BEGINS = re.compile(
    rf"[\W_]{{0,20}}(?P<words>(?:{LETTER}{{1,20}}[\s#°º№.:*(\[-]{{1,3}}){{0,3}}{LETTER}{{0,20}})(?P<number>\d{{1,2}})"
    r"(?!\w|\.\d)\s?(?P<sign>[.):：。）\]*_–—-]?)(?P<rest>.?)"
)
SPOKEN = ("#", '"', "'", "%%", "print(")
"""What a line of code begins with whose words are for people."""

QUOTES = ('"""', "'''", "%%")
"""What words of several lines stand in."""


@dataclass(frozen=True)
class Name:
    """The number with which a line begins, and what stands around it.

    Attributes:
        number: Its digits.
        words: Up to four words before it.
        hashed: Whether it has the sign of a number before it, and no word.
        sign: What stands behind it.
        alone: Whether nothing stands behind it.
        spaced: Whether a blank stands behind the sign.
    """

    number: str
    words: tuple[str, ...]
    hashed: bool
    sign: str
    alone: bool
    spaced: bool

    @property
    def by_noun(self) -> bool:
        """Whether a word for a question names it, and no other word is there: "Answer to question 2"."""
        return bool(NOUNS.intersection(self.words) or self.words == ("to",)) and NOUNS | SMALL >= {*self.words}

    @property
    def by_word(self) -> bool:
        """Whether any words name it, or the sign of a number, as if it were a headline: "Uppgift 1:", "#1"."""
        return self.by_noun or self.hashed or bool(self.words and (self.sign or self.alone))

    @property
    def of_list(self) -> bool:
        """Whether it could be that of a list, too: "2)", "2 - yes", or "2" alone in a line."""
        return not self.words and (self.alone or self.sign in SIGNS or (self.sign in DASHES and self.spaced))


def name_in(line: str) -> Name | None:
    """The number with which a line begins."""
    found = BEGINS.match(line)
    if found is None:
        return None
    words = tuple(re.findall(f"{LETTER}+", found["words"].casefold()))
    hashed = not words and found.string[: found.start("number")].endswith("#")
    return Name(
        found["number"], words, hashed, found["sign"], not (found["sign"] or found["rest"]), found["rest"] == " "
    )


def spoken(cell: Cell) -> list[str]:
    """Lines of a cell that are for people to read."""
    every = cell.kind != "code" or any(sign in cell.source for sign in QUOTES)
    return [line for line in cell.source.split("\n") if every or line.lstrip().startswith(SPOKEN)]


def mentions_a_question(text: str) -> bool:
    """Whether a word for a question stands in a text, as in "Zur ersten Frage"."""
    return any(len(word) > LONGEST_ALONE and word in NOUNS for word in re.findall(f"{LETTER}+", text.casefold()))
