"""Notebooks that were made to cost a grader memory or time: by name, functions that give the bytes of each."""

import base64
import json
from collections.abc import Callable

from tests.support.grading_class import notebook

Bomb = Callable[[], bytes]
ANSWER = "question-sqrt"
SIZE = 20_000
"""Characters of a text that was made to be slow."""

PNG = b"\x89PNG\r\n\x1a\n"


def packed(**changes) -> bytes:
    """A submission with all answers, and parts in place of its own."""
    return json.dumps({**notebook(), **changes}).encode()


def words(text: str, **attachments: str) -> bytes:
    """A text as the answer to a question, with pictures by name."""
    made = notebook(words={ANSWER: text})
    [cell] = [cell for cell in made["cells"] if cell["id"] == ANSWER]
    cell["attachments"] = {f"{name}.png": {"image/png": data} for name, data in attachments.items()}
    return json.dumps(made).encode()


def png(size: int) -> str:
    """So many bytes that begin as a picture does."""
    return base64.b64encode(PNG + bytes(size)).decode()


def repeated(piece: str) -> Bomb:
    """A text that repeats a piece."""
    return lambda: words(piece * (SIZE // len(piece)))


def nested(start: str, end: str) -> Bomb:
    """A text in which a piece stands within itself."""
    depth = SIZE // (len(start) + len(end))
    return lambda: words(start * depth + "x" + end * depth)


def formula(start: str, end: str) -> Bomb:
    """Formulas in which a piece stands within itself."""
    depth = 1900 // (len(start) + len(end))
    return lambda: words(f"${start * depth}x{end * depth}$ " * (SIZE // 2000))


def staircase(start: str) -> Bomb:
    """Lines each of which stands deeper than the one before."""
    return lambda: words("\n".join(" " * depth + start for depth in range(190)))


def formatting(kinds: int, paragraphs: int) -> Bomb:
    """Tags that are never closed, all of which a parser opens again in each paragraph."""
    tags = "".join(f"<b a={i}>" for i in range(kinds))
    return lambda: words(tags + "<p>x" * paragraphs)


def code(source: str, count: int = 1) -> Bomb:
    """Cells of a student's own."""
    return lambda: json.dumps(notebook(extra=[("code", source)] * count)).encode()


def extra(text: Callable[[], str]) -> Bomb:
    """JSON in the place of something that no grader looks at."""
    return lambda: packed()[:-1] + f', "extra": {text()}}}'.encode()


def in_pictures() -> bytes:
    """Cells that each hold a picture."""
    cell = {"cell_type": "markdown", "source": "![x](attachment:a)", "attachments": {"a": {"image/png": png(15_000)}}}
    return packed(cells=[*notebook()["cells"], *[{**cell, "id": f"p{i}"} for i in range(700)]])


def aliases() -> bytes:
    """Names that stand for each other, each longer than the one before, and an answer that uses the first."""
    chain = [("code", f"a{i} = a{i + 1}.{'x' * 190_000}") for i in range(8)]
    used = ", ".join(f"a{i}.y{j}" for i in range(8) for j in range(25))
    answer = f"def euler(field, x0, n):\n    return {used}"
    return json.dumps(notebook({"euler": answer}, extra=chain)).encode()


def slow_cells() -> bytes:
    """Cells each of which ends before its own time is over."""
    return code("import time\ntime.sleep(3)", 40)()


PICTURES: dict[str, Bomb] = {
    "a picture named 250 times": lambda: words("![x](attachment:a.png) " * 250, a=png(2_900_000)),
    "a picture named 800 times": lambda: words("![x](attachment:a.png) " * 800, a=png(2_900_000)),
    "a picture in each of 700 cells": in_pictures,
    "a picture of 12 MB": lambda: words("![x](attachment:a.png)", a=png(12_000_000)),
}
TEXTS: dict[str, Bomb] = {
    "formatting opened anew": formatting(1500, 1700),
    "formatting opened anew, more": formatting(700, 3300),
    "an address named 2,900 times": lambda: words("[a]: http://e.org/" + "x" * 8000 + "\n\n" + "[a] " * 2900),
    "definitions": lambda: words("\n".join(f"[{i}]: /u" for i in range(1500)) + "[" * 3000 + "]" * 2900),
    "emphasis in emphasis": nested("***a ", " b***"),
    "emphasis": repeated("*a _b "),
    "stars": repeated("*"),
    "brackets": nested("[", "]"),
    "links": repeated("[a]("),
    "pictures in pictures": nested("![", "](u)"),
    "angles": repeated("<a "),
    "backticks": lambda: words(" ".join("`" * i for i in range(200))),
    "quotes": repeated("> "),
    "quotes, deeper and deeper": lambda: words("\n".join("> " * i for i in range(140))),
    "lists": staircase("- a"),
    "quoted lists": staircase("> 1. a"),
    "tags": nested("<details>", "</details>"),
    "tags in tables": repeated("<table><td>"),
    "comments": repeated("<!--"),
    "sections": repeated("<![CDATA["),
    "attributes": lambda: words("<b " + "a=b " * 4900),
    "a wide table": lambda: words("\n".join(["|a" * 3000, "|-" * 3000, "|a" * 3000])),
    "many tables": repeated("|a|\n|-|\n|b|\n\n"),
    "fences": repeated("~~~a\n"),
    "dollars": repeated("$"),
    "environments": repeated(r"\begin{a}"),
    "braces": formula("{", "}"),
    "fractions": formula(r"\frac{1}{", "}"),
    "powers": formula("x^{", "}"),
    "columns": formula(r"\begin{matrix}&&", r"\end{matrix}"),
    "primes": lambda: words(("$x" + "'" * 500 + "$ ") * 39),
}
JSONS: dict[str, Bomb] = {
    "deep": extra(lambda: "[" * 200_000 + "]" * 200_000),
    "a long number": extra(lambda: "9" * 5_000_000),
    "a large number": extra(lambda: "1e999999999"),
    "a million keys": extra(lambda: "{" + ",".join(f'"{i}":1' for i in range(1_200_000)) + "}"),
    "floats": extra(lambda: "[" + "1.5," * 4_000_000 + "1]"),
    "wide letters": extra(lambda: '"' + "x" * 19_000_000 + '😀"'),
    "cells": lambda: packed(cells=[{}] * 490_000),
    "lines": lambda: packed(cells=[{"cell_type": "code", "source": ["x\n"] * 2_000_000}]),
    "kinds of output": lambda: packed(cells=[{"outputs": [{"data": {f"a/{i}": "" for i in range(900_000)}}]}]),
    "19 MB of code": code("#" * 190_000, 100),
}
SOURCES: dict[str, Bomb] = {
    "parentheses": code("(" * 90_000 + ")" * 90_000),
    "signs": code("-" * 100_000 + "1", 4),
    "a sum": code("+".join("a" * 90_000)),
    "a long number in code": code("x = " + "9" * 190_000),
    "a power of powers": code("9**9**9"),
    "a long text": code("x = ('a' * 10**9) * 10**9"),
    "names": code(" = ".join(f"a{i}" for i in range(20_000)) + " = 1"),
    "null bytes and surrogates": code("x = 1\0 '\ud800'"),
    "strings in strings": code("f'{" * 100 + "x" + "}'" * 100),
    "lambdas": code("lambda: " * 20_000 + "1"),
    "backslashes": code("'" + "\\" * 19_999),
    "aliases": aliases,
}
BOMBS = PICTURES | TEXTS | JSONS | SOURCES
