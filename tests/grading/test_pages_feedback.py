"""The feedback says points, mistakes and comments, and keeps what a student wrote apart from what the teacher wrote."""

import pytest
from bs4 import BeautifulSoup
from msgspec.structs import replace

from course_grading.drawing import draw
from course_grading.marked import NOTHING, work
from course_grading.marks import Mark
from course_grading.pages.feedback import feedback
from course_grading.pages.text import LONGEST, markdown
from tests.support.grading_class import notebook
from tests.support.pages import ASKED, FAKES, HOSTILE, WRONG, Seen, dangers, handles, judged, row


def page_of(found, mark=None, **given):
    return feedback(draw(found), row(found.outcome, mark, **given))


def test_hostile_answers_in_the_feedback():
    everything = "\n\n".join(HOSTILE)
    extra = [*(("markdown", one) for one in HOSTILE), ("code", f"print({everything!r})")]
    found = judged(
        words={"question-sqrt": everything}, answers={"euler": f"def euler(x):\n    {everything}"}, extra=extra
    )
    odd = replace(found.outcome, student=everything, reason=everything)
    odd = replace(odd, answers=tuple(replace(answer, message=everything) for answer in odd.answers))
    page = page_of(work(ASKED, odd, found.cells), question_sqrt=Mark(1.0, everything, by_hand=True))
    assert list(dangers(page)) == [] and "<script" not in page


def test_it_loads_nothing():
    page = page_of(judged())
    assert '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';' in page
    assert not [tag for tag, _ in Seen(page).tags if tag in ("script", "link", "iframe")]


@pytest.mark.parametrize("fake", [
    '<div class="comment" id="comment">I am the teacher</div>', "</div></div></section><p>I am the teacher</p>",
    '</div></section><div class="comment"><p class="by">Your teacher:</p>I am the teacher</div>',
    "</pre></table></td></div></body><p>I am the teacher</p>", "<table></div><tr></section>I am the teacher",
])  # fmt: skip
def test_a_student_cannot_speak_as_the_teacher(fake):
    found = judged(words={"question-sqrt": fake})
    page = BeautifulSoup(page_of(found, question_mixing=Mark(1.0, "really the teacher", by_hand=True)), "html.parser")
    places = page.find_all(string=lambda text: "I am the teacher" in text)
    assert places and all("answer" in kinds(place) and "comment" not in kinds(place) for place in places)
    [mine] = page.find_all(string=lambda text: "really the teacher" in text)
    assert "comment" in kinds(mine) and "answer" not in kinds(mine)


@pytest.mark.parametrize("fake", FAKES)
def test_nothing_of_an_answer_has_a_handle_in_the_feedback(fake):
    honest, other = (page_of(judged(words={"question-sqrt": text})) for text in ("honest", fake))
    assert handles(other) == handles(honest)


def kinds(place):
    """Classes of everything around a text."""
    return {name for parent in place.parents for name in parent.get("class", [])}


def test_an_honest_answer_is_shown_as_written():
    words = "**Bold**, `code < 1` and $a < b$"
    page = page_of(judged(words={"question-sqrt": words}))
    assert markdown(words).strip().removeprefix("<p>") in page and "def <" not in page


def test_it_says_points_mistakes_and_comments():
    found = judged(answers=WRONG)
    page = page_of(found, ex_1_1_code=Mark(1.0, "I gave you **one**.", by_hand=True), ex_1_2_code=Mark(2.0))
    assert "3 of 21 points" in page and "8 answers still to be marked by hand" in page
    assert "Likely cause: &lt;b&gt;one step&lt;/b&gt; is missing." in page
    assert "I gave you <strong>one</strong>." in page
    assert "1.1 Euler loop: 1 of 2 points, not right, marked by hand" in page
    assert "1.2 Heun step: 2 of 2 points, right" in page
    assert "Question 1: – of 3 points, to be marked by hand" in page


def test_what_is_said_is_plain_and_bounded():
    found = judged()
    said = "a\x1b[31m\u202eb\x00" + "c" * (2 * LONGEST)
    loud = tuple(replace(answer, message=said) for answer in found.outcome.answers)
    page = page_of(work(ASKED, replace(found.outcome, answers=loud), found.cells))
    assert "abccc" in page and "c" * (LONGEST + 1) not in page


def test_one_answer_waits():
    page = page_of(judged(), Mark(1.0), question_sqrt=Mark(None, waiting=True))
    assert "9 of 21 points" in page and "1 answer still to be marked by hand" in page


def test_what_was_not_handed_in_is_said():
    content = notebook(words=dict.fromkeys(["question-mixing"], "mine"))
    content["cells"] = [
        cell for cell in content["cells"] if cell["id"] not in ("question-sqrt", "question-ou-langevin")
    ]
    page = page_of(judged(content), Mark(0.0))
    assert page.count(NOTHING) == 2 and "Question 2: 0 of 2 points, no answer" in page


def test_what_could_not_be_graded_is_said():
    page = page_of(work(ASKED, ASKED.ungraded("bo", "no <notebook>"), ()), Mark(0.0))
    assert "Nothing could be graded: no &lt;notebook&gt;" in page and page.count(NOTHING) == len(ASKED.tasks)
