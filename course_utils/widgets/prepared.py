"""An explorer for a page without a kernel: its pictures are drawn beforehand, over a grid of its controls' values."""

import base64
import html
import io
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from PIL import Image

__all__ = ["LARGEST", "PREPARE", "Control", "beforehand", "grid", "prepared_html", "thinned"]

PREPARE = "COURSE_PREPARED"
"""Environment variable that is set where notebooks run for a page without a kernel."""

LARGEST = 950_000
"""Bytes of the pictures of one explorer."""

SIZES = (1.0, 0.75, 0.5)
"""Of pictures, over their own: smaller ones are taken where even the coarsest grid has too many bytes."""

MOST = 400
"""Pictures of one explorer."""

STRIP = 12
"""Pictures of a strip, which is loaded and unpacked in one piece."""

QUALITY = 62
"""Of a strip, as WebP."""


@runtime_checkable
class Control(Protocol):
    """What a slider, a choice and a word have in common; `slides` is whether it is shown as a slider."""

    @property
    def slides(self) -> bool: ...
    @property
    def label(self) -> str: ...
    @property
    def value(self) -> Any: ...
    def values(self, n: int) -> Sequence[Any]: ...
    def say(self, value: Any) -> str: ...


def beforehand() -> bool:
    """Whether explorers are to draw their pictures beforehand."""
    return bool(os.environ.get(PREPARE))


def thinned(count: int, n: int, kept: int) -> list[int]:
    """At most n places of so many, in order and evenly: the first, the last, and one moved to the place to keep.

    Args:
        count: Places there are.
        n: Places wanted, at least 2; of two, one is the place to keep, and the other the end far from it.
        kept: The place to keep.
    """
    if count <= n:
        return list(range(count))
    if n == 2:
        return sorted([kept, count - 1 if 2 * kept < count else 0])
    places = [round(k * (count - 1) / (n - 1)) for k in range(n)]
    if kept not in places:
        places[min(range(1, n - 1), key=lambda k: abs(places[k] - kept))] = kept
    return places


def grid(controls: Mapping[str, Control], most: int) -> dict[str, Sequence[Any]]:
    """Values of each control, so that all combinations are at most so many.

    Args:
        controls: From name to slider, choice or word.
        most: Combinations; more where words to choose from, and the ends of numbers, are more.
    """
    numbers = dict.fromkeys(controls, 2)
    growing = list(controls)
    while growing:
        name = min(growing, key=numbers.__getitem__)
        finer = {other: controls[other].values(n + (other == name)) for other, n in numbers.items()}
        enough = len(finer[name]) < numbers[name] + 1  # words, or numbers of which all are there
        if enough or math.prod(map(len, finer.values())) > most:
            growing.remove(name)
        else:
            numbers[name] += 1
    return {name: control.values(numbers[name]) for name, control in controls.items()}


def prepared_html(
    controls: Mapping[str, Control],
    picture: Callable[[dict[str, Any]], Image.Image],
    *,
    alt: str,
    largest: int = LARGEST,
    places: Callable[[Mapping[str, Sequence]], dict] | None = None,
) -> str:
    """Controls and pictures of an explorer as HTML, for a page whose script shows the picture of the values chosen.

    Args:
        controls: From name to slider, choice or word.
        picture: From values to what is seen.
        alt: What the picture shows; the values are added.
        largest: Bytes of all pictures together, which the grid and the size of the pictures are chosen for.
        places: From values to where a part of the picture is dragged to, as `Grip.places` tells.

    Raises:
        ValueError: If the coarsest grid of small pictures has more.
    """
    values, strips = _as_fine_as_fits(controls, picture, largest)
    width, height = _drawn(picture, values, 0).size
    said = {name: [controls[name].say(v) for v in given] for name, given in values.items()}
    start = {name: _place(given, controls[name].value) for name, given in values.items()}
    about = {
        "alt": alt,
        "labels": [control.label for control in controls.values()],
        "values": list(said.values()),
        "pictures": math.prod(map(len, said.values())),
        "strip": STRIP,
        "strips": [f"data:image/webp;base64,{base64.b64encode(strip).decode()}" for strip in strips],
        "grip": places(values) if places else None,
    }
    now = ", ".join(f"{controls[name].label} {said[name][start[name]]}" for name in controls)
    rows = "".join(_row(controls[name], said[name], start[name]) for name in controls)
    return (
        f'<figure class="course-explorer" data-about="{html.escape(json.dumps(about, ensure_ascii=False))}">{rows}'
        f'<div class="frame" style="max-width:{width}px">'
        f'<div class="picture" role="img" aria-label="{html.escape(f"{alt} Now: {now}.")}" '
        f'style="max-width:{width}px;aspect-ratio:{width}/{height}"></div></div></figure>'
    )


def _as_fine_as_fits(
    controls: Mapping[str, Control], picture: Callable, largest: int
) -> tuple[dict[str, Sequence], list[bytes]]:
    """The finest grid of which the pictures have so few bytes, and their strips."""
    for size in SIZES:
        most = min(MOST, _guess(controls, picture, size, largest))
        coarsest = False
        while not coarsest:
            values = grid(controls, most)
            count = math.prod(map(len, values.values()))
            strips = _strips([_drawn(picture, values, place, size) for place in range(count)])
            total = sum(map(len, strips))
            if total <= largest:
                return values, strips
            coarsest = count > most
            most = min(most, count) * 4 // 5
    raise ValueError(f"expected at most {largest / 1e6:g} MB of pictures, got {total / 1e6:.1f} MB")


def _guess(controls: Mapping[str, Control], picture: Callable, size: float, largest: int) -> int:
    """How many pictures have so many bytes, by those of a strip; rather a few less."""
    values = grid(controls, MOST)
    places = thinned(math.prod(map(len, values.values())), STRIP, 0)
    return round(0.9 * largest * len(places) / len(_strip([_drawn(picture, values, k, size) for k in places])))


def _drawn(picture: Callable, values: Mapping[str, Sequence], place: int, size: float = 1.0) -> Image.Image:
    """The picture at a place of a grid, where neighbours in the last control are next to each other; of that size."""
    chosen: dict[str, Any] = {}
    for name in reversed(list(values)):
        place, k = divmod(place, len(values[name]))
        chosen[name] = values[name][k]
    drawn = picture(chosen)
    return drawn if size == 1 else drawn.resize((round(size * drawn.width), round(size * drawn.height)))


def _strips(pictures: Sequence[Image.Image]) -> list[bytes]:
    return [_strip(pictures[k : k + STRIP]) for k in range(0, len(pictures), STRIP)]


def _strip(pictures: Sequence[Image.Image]) -> bytes:
    width, height = pictures[0].size
    strip = Image.new("RGB", (width, height * len(pictures)))
    for k, one in enumerate(pictures):
        strip.paste(one, (0, k * height))
    file = io.BytesIO()
    strip.save(file, "WEBP", quality=QUALITY, method=4)
    return file.getvalue()


def _place(values: Sequence, first: Any) -> int:
    """Where the value of the beginning is among numbers, or among any things."""
    if isinstance(first, int | float):
        return min(range(len(values)), key=lambda k: abs(values[k] - first))
    return next(k for k, value in enumerate(values) if value is first or value == first)


def _row(control: Control, said: Sequence[str], start: int) -> str:
    """A slider over the places of numbers; of anything else, buttons of which one is pressed; one value is said."""
    label = html.escape(control.label)
    if len(said) == 1:
        return f'<div class="control"><span>{label}</span><output>{html.escape(said[0])}</output></div>'
    if not control.slides:
        pressed = ("false", "true")
        buttons = (
            f'<button type="button" value="{k}" aria-pressed="{pressed[k == start]}">{html.escape(one)}</button>'
            for k, one in enumerate(said)
        )
        return f'<div class="control" role="group" aria-label="{label}"><span>{label}</span>{"".join(buttons)}</div>'
    now = html.escape(said[start])
    return (
        f'<label class="control"><span>{label}</span><input type="range" min="0" max="{len(said) - 1}" '
        f'value="{start}" aria-valuetext="{now}"><output>{now}</output></label>'
    )
