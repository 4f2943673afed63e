"""Stands for `course_utils.checks` and its modules where submissions run: they are judged elsewhere."""


class Judged:
    """Stands for every lab, and for every check in it."""

    def __getattr__(self, name: str) -> "Judged":
        return self

    def __call__(self, *arguments, **options) -> None:
        print("judged by the grader")


def __getattr__(name: str) -> Judged:
    if name.startswith("__"):
        raise AttributeError(name)
    return Judged()
