"""The inline player: a page of its own, small, described, and made of the frames it was given."""

import base64
import io
import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from course_utils import figures, plotting
from course_utils.plotting import player

TS = torch.linspace(0, 1, 5)


def encoded_frames(html: str) -> list[str]:
    """The frames as the script of the page has them."""
    frames = json.loads(re.search(r"\{frames, pause\} = (\{.*?\});", html).group(1))["frames"]
    return [frame.removeprefix("data:image/png;base64,") for frame in frames]


def frames_of(html: str) -> list[np.ndarray]:
    encoded = encoded_frames(html)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(e))).convert("RGB")).astype(int) for e in encoded]


def test_player_holds_its_frames_and_needs_nothing_from_outside():
    html = plotting.player_html([b"first", b"last"], alt='A "line" < a curve', width=300)
    assert encoded_frames(html) == [base64.b64encode(frame).decode() for frame in (b"first", b"last")]
    assert f'src="data:image/png;base64,{base64.b64encode(b"last").decode()}"' in html
    assert 'alt="A &quot;line&quot; &lt; a curve"' in html and "http" not in html
    assert all(part in html for part in ('<button type="button">Play', 'aria-label="Frame"', "prefers-reduced-motion"))


WORDS = sorted({"FRAMES", "PAUSE", "SETTINGS"} | set(re.findall(r"\w{4,}", player.SCRIPT)))


@pytest.mark.parametrize("word", WORDS)
def test_no_word_of_the_script_is_replaced_within_a_picture_or_a_text(word):
    written = (word + "A" * (-len(word) % 4)).replace("_", "A")
    html = plotting.player_html([base64.b64decode(written), b"last"], alt=word, width=10, fps=15)
    assert encoded_frames(html)[0] == written
    assert f'alt="{word}"' in html and html.count('"pause": 67') == 1


@pytest.mark.parametrize(("frames", "alt"), [([], "nothing"), ([b"x"], " ")])
def test_player_wants_frames_and_a_text(frames, alt):
    with pytest.raises(ValueError, match="expected frames and a text"):
        plotting.player_html(frames, alt=alt, width=10)


def test_a_player_too_large_is_refused():
    with pytest.raises(ValueError, match="at most 1.5 MB in all, got 1.6 MB"):
        plotting.player_html([b"x" * 600_000] * 2, alt="much", width=10)


def test_points_move_from_frame_to_frame():
    cloud = 0.3 * torch.randn(300, 2, generator=torch.Generator().manual_seed(0))
    xs = torch.stack([cloud + v for v in (-3.0, 0.0, 3.0)])
    animation = figures.lab2.moving_points(xs, torch.tensor([0.0, 0.5, 1.0]), color="#ff0000")
    centres = []
    for frame in frames_of(animation.html(alt="A cloud moves.")):
        red = (frame[..., 0] > 200) & (frame[..., 1:].max(2) < 80)
        centres.append([where.mean() for where in red.nonzero()])
    rows, columns = zip(*centres, strict=True)
    assert rows[0] > rows[1] > rows[2] and columns[0] < columns[1] < columns[2]
    assert (rows[0] + rows[2]) / 2 == pytest.approx(rows[1], abs=1)


def test_a_grid_that_stands_still_gives_equal_frames_but_for_the_time():
    lines = torch.rand(4, 3, 2)
    animation = figures.lab1.warping_grid(lines.expand(5, 4, 3, 2), TS)
    first, *others = frames_of(animation.html(alt="Nothing moves."))
    changes = [np.abs(first - other).mean(2) for other in others]  # a palette of 32 colours a frame: nearly equal
    assert max(change[45:].max() for change in changes) < 80 < changes[-1][:30].max()


def test_images_appear():
    image = torch.tensor([[1.0, -1.0]]).repeat(2, 1)
    frames = torch.stack([t * image for t in TS])[:, None, None]
    greys = [np.unique(frame[5:-5].reshape(-1, 3)[:, 0]) for frame in frames_of(
        figures.lab4.appearing_images(frames, zoom=20).html(alt="Two stripes appear."))]  # fmt: skip
    assert greys[0].min() > 100 and greys[-1].min() < 10
