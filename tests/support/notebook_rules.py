"""What every notebook of the course must keep to. A rule takes notebooks and yields its complaints."""

import re
import symtable
from collections import Counter
from html.parser import HTMLParser
from statistics import median

import nbformat

from course_grading.release import student_version

HEADING = re.compile(r"### Exercise (\d+\.\d+) · (\S.*) · (?:★☆☆|★★☆|★★★) · \d+ min")
REGION = re.compile(r"[^\n]*BEGIN SOLUTION[^\n]*\n(.*?)\n[^\n]*END SOLUTION", re.S)
RANDOM_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?=.*\d)[0-9a-f]{8}")
MACHINE_PATH = re.compile(r"(?<![\w.<])/(?:tmp|root|work|home|Users)\b|\b[A-Z]:\\Users")
SHOWN = {
    "text/plain",
    "text/html",
    "text/markdown",
    "image/png",
    "image/svg+xml",
    "application/vnd.jupyter.widget-view+json",
}
ONE_EDITOR = re.compile(r"^\s*[%!]\s*\w.*|^\s*(?:import|from) (?:google\.colab|ipylab|jupyterlab|notebook)\b.*", re.M)
LAST_CELL = """# Before you hand in: save (Ctrl + S), then run this cell. It runs every check on inputs drawn anew,
# says what is missing, and writes the copy to hand in.
checks.{lab}.hand_in()"""
NEXT_CELL = re.compile(r"\b(?:next cell|cell (?:below|after))\b")
CELL_BEFORE = re.compile(r"\bcell (?:above|before)\b")
LINK = re.compile(r"\]\((?!\w+:|#)([^)\s#]+)")


# Pieces of a notebook


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def markdown_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "markdown"]


def lines(cell):
    return sum(bool(line.strip()) for line in cell.source.splitlines())


def output_texts(cell):
    """Text of the outputs, without encoded images."""
    for output in cell.outputs:
        data = {kind: value for kind, value in output.get("data", {}).items() if not kind.startswith("image/")}
        for text in [output.get("text", ""), *output.get("traceback", []), *data.values()]:
            yield re.sub(r"data:[\w/+]+;base64,[\w+/=]+", "", str(text))


def descriptions(html):
    """The `alt` of every `<img>`, empty if it has none."""
    alts = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: alts.append(dict(attrs).get("alt") or "") if tag == "img" else None
    parser.feed(html)
    return alts


def widget_texts(notebook):
    bundles = notebook.metadata.get("widgets", {}).values()
    return [str(model["state"].get("value", "")) for bundle in bundles for model in bundle["state"].values()]


# Rules for the student notebook


def same_as_generated(lab_text, solution_path):
    if lab_text != student_version(solution_path):
        yield "differs from what its solution generates: run release"


def nothing_given_away(lab, solution):
    answers = {cell.id: REGION.findall(cell.source) for cell in solution.cells}
    for cell in lab.cells:
        if re.search(r"(BEGIN|END) (SOLUTION|HIDDEN TESTS|MARK SCHEME)", cell.source):
            yield f"{cell.id}: marks of a solution or of hidden tests"
        if any(answer.strip() in cell.source for answer in answers.get(cell.id, [])):
            yield f"{cell.id}: holds its answer"
        if cell.get("outputs") or cell.get("execution_count") is not None:
            yield f"{cell.id}: holds an output or an execution count"
    if "widgets" in lab.metadata:
        yield "holds saved widgets"


def folded(cell):
    return bool(cell.metadata.get("jupyter", {}).get("source_hidden"))


def nothing_needed_is_folded(lab):
    """A folded cell defines no name, is no exercise and no check, and no text sends the student into it."""
    for cell in filter(folded, lab.cells):
        names = symtable.symtable(cell.source, cell.id, "exec").get_symbols()
        yield from (f"{cell.id}: folded, and defines {name.get_name()}" for name in names if name.is_assigned())
        if "nbgrader" in cell.metadata or "checks." in cell.source:
            yield f"{cell.id}: folded, and part of an exercise"
    for i, cell in enumerate(lab.cells):
        for said, others in ((NEXT_CELL, lab.cells[i + 1 :]), (CELL_BEFORE, lab.cells[:i][::-1])):
            spoken_of = next((other for other in others if other.cell_type == "code"), None)
            if cell.cell_type == "markdown" and said.search(cell.source) and spoken_of and folded(spoken_of):
                yield f"{cell.id}: speaks of the folded cell {spoken_of.id}"


# Rules for the solution


def executed_top_to_bottom(notebook):
    for cell in code_cells(notebook):
        if any(output.output_type == "error" for output in cell.outputs):
            yield f"{cell.id}: holds an error"
    counts = [cell.execution_count for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"not executed once from top to bottom: execution counts {counts}"


def short_cells(notebook):
    sizes = {cell.id: lines(cell) for cell in code_cells(notebook)}
    yield from (f"{name}: {size} lines of code, at most 25" for name, size in sizes.items() if size > 25)
    if sizes and median(sizes.values()) > 10:
        yield f"median of {median(sizes.values())} lines a code cell, at most 10"


def figures_described(notebook):
    for cell in code_cells(notebook):
        for data in (output.get("data", {}) for output in cell.outputs):
            alts = descriptions(data.get("text/html", ""))
            if any(kind.startswith("image/") for kind in data) and not alts:
                yield f"{cell.id}: bare image, expected HTML <img alt=...>"
            if not all(alt.strip() for alt in alts):
                yield f"{cell.id}: image without alt text"
    for cell in markdown_cells(notebook):
        alts = re.findall(r"!\[(.*?)\]", cell.source) + descriptions(cell.source)
        if not all(alt.strip() for alt in alts):
            yield f"{cell.id}: image without alt text"
    if not all(alt.strip() for text in widget_texts(notebook) for alt in descriptions(text)):
        yield "a widget shows an image without alt text"


def headings_formed(notebook):
    for cell in markdown_cells(notebook):
        for line in re.findall(r"^#+ *Exercise.*", cell.source, re.M):
            if not HEADING.fullmatch(line):
                yield f"{cell.id}: expected '### Exercise N.M · name · ★☆☆ · N min', found {line!r}"


def exercises_complete(notebook, lab_name, exercises):
    """Under the one heading of each exercise: its answer cell or cells, then its locked check cell.

    A check is given an answer by its name, which what else a lab has, such as `bug_hunt(1)`, is not.
    """
    numbers, titles, sections = [], {}, {}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for number, title in HEADING.findall(cell.source):
                numbers.append(number)
                titles[number], sections[number] = title, []
        elif numbers:
            sections[numbers[-1]] += ["answer"] if "BEGIN SOLUTION" in cell.source else []
            locked = "" if cell.metadata.get("nbgrader", {}).get("locked") else "unlocked "
            checks = re.findall(rf"checks\.{lab_name}\.(\w+)\([a-z_]", cell.source)
            sections[numbers[-1]] += [locked + name for name in checks if name != "hand_in"]
    expected = {exercise.number: name for name, exercise in exercises.items()}
    yield from (f"heading of {n} occurs {k} times" for n, k in Counter(numbers).items() if k > 1)
    yield from (f"heading of unknown exercise {n}" for n in sections if n not in expected)
    for number, name in expected.items():
        found = sections.get(number, ["no heading"])
        if titles.get(number, exercises[name].title) != exercises[name].title:
            yield f"{number}: expected the title {exercises[name].title!r}, found {titles[number]!r}"
        if found != ["answer"] * max(1, len(found) - 1) + [name]:
            yield f"{number}: expected heading, answer cell, check cell checks.{lab_name}.{name}(...), found {found}"


def handed_in_at_the_end(notebook, lab_name):
    """The last cell is the same in all labs."""
    last = notebook.cells[-1]
    if (last.id, last.source) != ("hand-in", LAST_CELL.format(lab=lab_name)):
        yield f"{last.id}: expected a last cell `hand-in` with checks.{lab_name}.hand_in(), as in the other labs"


def says_time_and_needs(notebook):
    """The first cell has the paragraphs that the start page shows."""
    for head in ("Time", "What you should know"):
        if not re.search(rf"^\*\*{head}\.\*\* \S", notebook.cells[0].source, re.M):
            yield f"{notebook.cells[0].id}: expected a paragraph that begins with **{head}.**"


def ids_by_author(notebook):
    ids = [cell.id for cell in notebook.cells]
    yield from (f"id {name} occurs {count} times" for name, count in Counter(ids).items() if count > 1)
    yield from (f"id {name}: a-z, 0-9 and - only" for name in ids if not re.fullmatch(r"[a-z0-9-]+", name))
    yield from (f"id {name} is random: choose one" for name in ids if RANDOM_ID.fullmatch(name))


def no_machine_paths(notebook):
    for cell in notebook.cells:
        texts = [cell.source, *(output_texts(cell) if cell.cell_type == "code" else [])]
        yield from (f"{cell.id}: path of one machine, {path}" for text in texts for path in MACHINE_PATH.findall(text))


def of_any_editor(notebook):
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        yield "expected the kernel python3"
    for cell in code_cells(notebook):
        yield from (f"{cell.id}: not for every editor: {line.strip()!r}" for line in ONE_EDITOR.findall(cell.source))
        kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
        yield from (f"{cell.id}: not every editor shows {kind}" for kind in sorted(kinds - SHOWN))


def formulas_closed(notebook):
    for cell in markdown_cells(notebook):
        if re.search(r"[\x00-\x09\x0b-\x1f]", cell.source):
            yield f"{cell.id}: tab or control character (a backslash lost?)"
        text = re.sub(r"```.*?```|`[^`\n]*`|\\\$", "", cell.source, flags=re.S)
        displayed = re.findall(r"\$\$(.*?)\$\$", text, re.S)
        inline = re.sub(r"\$\$.*?\$\$", "", text, flags=re.S)
        if any(paragraph.count("$") % 2 for paragraph in re.split(r"\n\s*\n", inline)):
            yield f"{cell.id}: unbalanced $"
        for formula in displayed + re.findall(r"\$([^$]*)\$", inline):
            if formula.replace(r"\{", "").count("{") != formula.replace(r"\}", "").count("}"):
                yield f"{cell.id}: unbalanced braces in {formula!r}"


def links_resolve(notebook, folder):
    for cell in markdown_cells(notebook):
        for link in LINK.findall(re.sub(r"```.*?```|`[^`\n]*`|\$[^$]*\$", "", cell.source, flags=re.S)):
            if not link.startswith("attachment:") and not (folder / link).exists():
                yield f"{cell.id}: no file {link}"


def of_few_bytes(notebook):
    """At most 1.2 MB, no frames of a player, no bar and no widget: those are drawn anew by who runs the notebook."""
    size = len(nbformat.writes(notebook).encode())
    if size > 1_200_000:
        yield f"{size / 1e6:.1f} MB, at most 1.2: run `saving.execute`"
    for cell in code_cells(notebook):
        for output in cell.outputs:
            data = output.get("data", {})
            if re.search(r"course-player|<script", str(data.get("text/html", ""))):
                yield f"{cell.id}: holds the frames of a player, expected a still"
            if any(kind.startswith("application/vnd.jupyter.widget") for kind in data):
                yield f"{cell.id}: holds a live widget"
            if output.get("name") == "stderr":
                yield f"{cell.id}: holds a bar or a warning: {output.text[:40]!r}"


def suggestions_answered(notebook):
    """Each thing more to try has what was found folded beneath it."""
    for cell in markdown_cells(notebook):
        tried, answered = len(re.findall(r"^- ", cell.source, re.M)), cell.source.count("<details>")
        if re.search(r"^#* ?\**More to try", cell.source, re.M) and tried != answered:
            yield f"{cell.id}: {tried} things to try, {answered} folded answers"


def trial_run_said(notebook):
    """Where COURSE_BUDGET=small shortens a lab, its first code cell says that the text's numbers are of another run."""
    first, *rest = code_cells(notebook)
    if any("training.budget(" in cell.source for cell in rest) and "training.announce_budget()" not in first.source:
        yield f"{first.id}: expected training.announce_budget(), as later cells call training.budget"


SOLUTION_RULES = [
    executed_top_to_bottom,
    short_cells,
    figures_described,
    headings_formed,
    ids_by_author,
    no_machine_paths,
    of_any_editor,
    formulas_closed,
    of_few_bytes,
    suggestions_answered,
    trial_run_said,
    says_time_and_needs,
]
