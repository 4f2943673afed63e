"""What a student reads: points, what the judge said, what the teacher wrote, and the student's own answers."""

import html
from collections.abc import Mapping, Sequence

from course_grading.clean import POLICY, code, markdown, plain, styles
from course_grading.marked import NOTHING, WORDS, find
from course_grading.marks import Mark
from course_grading.model import Answer, Lab, Outcome, Task
from course_grading.notebook import Cell

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 52rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.2rem; margin-top: 2rem; }
table { border-collapse: collapse; } th, td { text-align: left; padding: .25rem .8rem .25rem 0; vertical-align: top;
  border-bottom: 1px solid #ddd; } td.number, th.number { text-align: right; }
pre { background: #f6f6f6; padding: .6rem; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
section { border-top: 1px solid #ddd; } .answer { overflow-wrap: anywhere; } .answer img, img { max-width: 100%; }
.note { border-left: .3rem solid #0173b2; padding: .2rem .8rem; background: #eef5fa; white-space: pre-line; }
.comment { border-left: .3rem solid #029e73; padding: .2rem .8rem; background: #edf7f3; }
.total { font-size: 1.2rem; }
"""


def page(title: str, body: str, style: str = STYLE) -> str:
    """A whole page of HTML that loads nothing and runs nothing."""
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{quoted(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def quoted(text: object) -> str:
    """Text in which no character means anything to HTML."""
    return html.escape(plain(str(text)))


def points(value: float | None) -> str:
    """Points, or a dash while somebody has to mark."""
    return "–" if value is None else f"{value:g}"


def feedback(lab: Lab, outcome: Outcome, marks: Mapping[str, Mark], cells: Sequence[Cell]) -> str:
    """The feedback page of one student.

    Args:
        lab: The lab.
        outcome: What the judge found.
        marks: Marks by cell, a person's included.
        cells: Cells of the submission.
    """
    answers = {answer.exercise: answer for answer in outcome.answers}
    total = sum(marks[task.cell].points or 0 for task in lab.tasks)
    rows = [_row(task, answers.get(task.exercise), marks[task.cell]) for task in lab.tasks]
    parts = [
        f"<h1>{quoted(outcome.lab)}</h1>\n<p>{quoted(outcome.student)}</p>",
        f'<p class="total"><strong>{total:g} of {lab.points:g} points</strong>{_waiting(lab, marks)}</p>',
        f'<p class="note">Nothing could be graded: {quoted(outcome.reason)}</p>' if outcome.reason else "",
        '<table>\n<tr><th>task</th><th class="number">points</th><th>result</th></tr>',
        *rows,
        "</table>",
        *(_section(task, lab, answers.get(task.exercise), marks[task.cell], cells) for task in lab.tasks),
    ]
    return page(f"{outcome.lab}: feedback for {outcome.student}", "\n".join(parts), STYLE + styles())


def _waiting(lab: Lab, marks: Mapping[str, Mark]) -> str:
    count = sum(marks[task.cell].waiting for task in lab.tasks)
    return f", and {count} answer{'s' * (count > 1)} still to be marked by hand" if count else ""


def _result(answer: Answer | None, mark: Mark) -> str:
    if mark.waiting:
        return "to be marked by hand"
    said = WORDS[answer.status] if answer else "" if mark.by_hand else "no answer"
    return ", ".join(filter(None, [said, "marked by hand" if mark.by_hand else ""]))


def _row(task: Task, answer: Answer | None, mark: Mark) -> str:
    of = f"{points(mark.points)} of {task.points:g}"
    return f'<tr><td>{quoted(task.label)}</td><td class="number">{of}</td><td>{_result(answer, mark)}</td></tr>'


def _section(task: Task, lab: Lab, answer: Answer | None, mark: Mark, cells: Sequence[Cell]) -> str:
    cell = find(task, lab, cells, answer)
    shown = f"<p>{NOTHING}</p>"
    if cell is not None:
        shown = code(cell.source) if cell.kind == "code" else markdown(cell.source, cell.attachments)
    said = f'<p class="note">{quoted(answer.message)}</p>' if answer and answer.message else ""
    comment = f'<div class="comment">{markdown(mark.comment)}</div>' if mark.comment else ""
    heading = f"{quoted(task.label)}: {points(mark.points)} of {task.points:g} points, {_result(answer, mark)}"
    return f'<section>\n<h2>{heading}</h2>\n{said}{comment}\n<div class="answer">{shown}</div>\n</section>'
