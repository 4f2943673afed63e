"""Imported once by the server from which `bounded` forks: what libraries make ready at their first use is there then.

Without it each fork would do that anew, which takes longer than to draw an answer.
"""

import gc

from nbformat.v4 import new_code_cell

from course_grading import drawing
from course_grading.pages import text
from course_grading.sandbox.guest.memory import in_large_pages

__all__ = ["drawing"]

text.markdown("# a\n\n- **b** `c`, [d](https://e.org) <b>f</b> $g$\n\n| h |\n|---|\n| i |\n\n```\nj\n```")
text.code("@a\ndef f(x: int = 1) -> str:\n    '''b'''\n    return f'{x}' + \"c\"  # d")
new_code_cell("k")
gc.freeze()
in_large_pages()
