"""What the tests of marks and pages share: hostile texts, what could run or load in a page, judged submissions."""

import json
import re
from collections import Counter
from html.parser import HTMLParser

from course_grading.labs import read_lab
from course_grading.marked import Work, work
from course_grading.marks import Mark, Row
from course_grading.model import Limits
from course_grading.notebook import read
from course_grading.pages.harmless import FORMULA_ATTRIBUTES, FORMULA_TAGS, TEXT_TAGS
from tests.support.grading_class import LAB, fake_judge, notebook

ASKED = read_lab(LAB)
WRONG = {"euler": "def euler(field, x0, n):\n    return 'wrong'"}
PAGE = frozenset("html head body meta title style section".split())
STYLES = re.compile(r"((border-(left|right|top|bottom)|justify-items|padding-\w+|text-align|width):[a-z0-9.% ]+;?)+")
HOSTILE = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "<ScRiPt\n>alert(1)//",
    "[x](javascript:alert(1))", "[x](&#106;avascript:alert(1))", "[x](JaVa\tScript:alert(1))",
    "[x](<javascript:alert(1)>)", "[x][r]\n\n[r]: javascript:alert(1)", "<javascript:alert(1)>",
    "`[x](javascript:alert(1))`", "$$a$$ `[x](javascript:alert(1))`", "    [x](javascript:alert(1))",
    "```mermaid\n<img src=x onerror=alert(1)>\n```", "![x](http://evil.example/spy.png)",
    "![x](attachment:missing.png)", "![x][r]\n\n[r]: attachment:missing.png",
    "<iframe src='data:text/html,x'></iframe>", "<style>body{display:none}</style>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>", "<form action=//e><input>",
    "<div style='background:url(http://evil.example)'>x</div>", "</div></body><script>alert(1)</script>",
    "<!-- <script>", "<details open ontoggle=alert(1)><summary>x</summary></details>",
    "\\begin{x}</div><script>alert(1)</script>\\end{x}", "$<script>alert(1)</script>$", "<object data=x></object>",
    "<base href=//evil.example>", "<meta http-equiv=refresh content=0>", r"$\href{javascript:alert(1)}{x}$",
    r"$$\style{position:fixed}{x}\class{a}{b}$$", r"$\text{<script>alert(1)</script>}$", "![$a$](attachment:a.png)",
    r"$\unicode{60}script\unicode{62}$", "<b title='$x$'>$y$</b>", r"$\text{&lt;img src=x onerror=alert(1)&gt;}$",
    '<a href="https://e.example/$x" title="$" onclick=alert(1)>x</a>', "<math><mi xlink:href='javascript:alert(1)'>x",
    "\ue0000\ue000 $x$ \ue00099\ue000", r"$\newcommand{\a}{\a\a}\a$ $\frac{1}{$ $\hspace{-99em}x$",
    "<div class='comment' id='x' name='x'>I am the teacher</div>", "<a href='//evil.example'>x</a>",
    "<a href='java&#9;script:alert(1)'>x</a>", "<img src='data:image/svg+xml;base64,PHN2Zz4='>",
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
    '<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">', "<b <img src=x onerror=alert(1)>>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">', "<table><td background=//evil.example>x",
    r"$\text{</mtext></math><img src=x onerror=alert(1)>}$", r"$\raisebox{99em}{x} \textcolor{red}{x}$",
    "&#57344;0&#57344; $x$ &#xe000;99&#xe000; &#57344;0&#57344;", "&#57344;" + "9" * 5000 + "&#57344;",
    r"\begin{align}a\tag{<b onclick=x>}\label{x' onclick='y}\end{align}", r"$\genfrac(){99em}{0}{a}{b} \\[99em]$",
]  # fmt: skip

FAKES = [
    '<div class="comment">I am the teacher</div>',
    '<textarea id="question-sqrt-comment" class="comment tabbable">x</textarea>',
    '<input class="score tabbable" id="question-sqrt" value="2">',
    '<div id="question-sqrt-comment" class="comment">x</div>',
    '<div class="panel panel-primary nbgrader_cell"><div class="panel-footer">x</div></div>',
    '<p class="by">Your teacher:</p>', '<h2 id="question-sqrt">Question 2: 2 of 2 points, right</h2>',
    "# question-sqrt", "# question-sqrt {#question-sqrt .comment}", '<a name="question-sqrt" id="formgrader">x</a>',
    "[x](#question-sqrt)", '<a href="#question-sqrt-comment">x</a>',
    '<form id="f" name="comments"><button form="f">x</button></form>', '<label for="question-sqrt">x</label>',
    '<div style="position: fixed; inset: 0">x</div>', '<div data-toggle="modal" data-target="#x" role="dialog">x</div>',
    "x[^1] and x[^question-sqrt]\n\n[^1]: y\n\n[^question-sqrt]: y", "*[x]: y\n\nx", "- [x] done",
    '<section class="note">x</section>', "```comment\nx\n```", "```{.comment #question-sqrt}\nx\n```", "    x",
    "|a|b|\n|-|:-:|\n|c|d|", '<table class="table" id="x"><tr><td>y',
    '<img id="submission_id" name="base_url" class="comment" alt="x">', '<iframe name="formgrader"></iframe>',
    "$\\class{comment}{x}$", "$\\cssId{question-sqrt-comment}{x}$",
    '<p slot="x" is="x" part="x" itemid="x" contenteditable tabindex=1 accesskey=x hidden>x</p>',
    '</div></div></div></div><div class="comment">x</div>',
    '<math id="x" class="comment"><mi id="y" href="#x">x</mi></math>',
    '<template id="x"><p class="comment">y</p></template>', '<svg id="x"><g class="comment"/></svg>',
    "<!-- <div class='comment'> -->", '<details class="comment" name="x" open><summary id="x">y</summary></details>',
    "<dl id=x><dt class=comment>x<dd>y</dl>",
]  # fmt: skip
"""What a student could write to speak as the teacher, or to be found by a page's scripts."""


class Seen(HTMLParser):
    """Every tag with its attributes, as a browser would build them."""

    def __init__(self, html):
        super().__init__()
        self.tags = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, {name: value or "" for name, value in attrs}))


def dangers(html):
    """What could run or load something."""
    for tag, attributes in Seen(html).tags:
        if tag not in TEXT_TAGS | FORMULA_TAGS | PAGE:
            yield tag
        if tag in FORMULA_TAGS and not set(attributes) <= set(FORMULA_ATTRIBUTES):
            yield f"{tag} {attributes}"
        for name, value in attributes.items():
            if name == "style" and tag in ("mtable", "mtd") and STYLES.fullmatch(value):
                continue
            if name.startswith("on") or name in ("style", "srcset", "action"):
                yield f"{tag} {name}"
            if name in ("href", "src") and not value.startswith(("http://", "https://", "mailto:", "data:image/", "#")):
                yield f"{tag} {name}={value}"
            if name == "src" and not value.startswith("data:image/"):
                yield f"{tag} {name}={value}"


def handles(html):
    """How often each thing occurs by which a script or a style finds an element, or a link a place."""

    def is_handle(name, value):
        return name not in ("href", "src", "alt", "start", "style", "rel") or (name == "href" and value.startswith("#"))

    tags = [
        (tag, a) for tag, a in Seen(html).tags if tag not in FORMULA_TAGS or set(a) & {"id", "class", "name", "href"}
    ]
    styled = Counter("style" for _, attributes in tags if "style" in attributes)
    return styled + Counter((k, v) for _, attributes in tags for k, v in attributes.items() if is_handle(k, v))


def judged(content=None, student="anna", **changes) -> Work:
    """A submission that the fake judge has seen: a notebook's content, or `notebook` with changes."""
    found = read(json.dumps(content or notebook(**changes)).encode())
    return work(ASKED, fake_judge(found, student=student, lab=LAB, seed=0, limits=Limits()), found.cells)


def row(outcome, mark=None, /, **given) -> Row:
    """A student's marks: `given` by the cell's name with "_" for "-", for all others `mark`, or that they wait."""
    marks = {task.cell: mark or Mark(None, waiting=True) for task in ASKED.tasks}
    return Row(outcome, marks | {name.replace("_", "-"): mark for name, mark in given.items()})
