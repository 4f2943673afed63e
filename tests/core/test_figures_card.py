"""A card shows the digits and, below them and inside the picture, what they are and how they are drawn again."""

import pytest
import torch

from course_utils import digits, figures

COMMAND = "python course.py generate --n 13 --guidance 1.2 --seed 0 --out card.png"
JUDGED = [{"w": 1.0, "accuracy": 0.9, "distance": 10.0}, {"w": 1.2, "accuracy": 0.955, "distance": 6.0}]
FOUND = {"n": 250, "floor": 4.0, "judgements": JUDGED}
CARD = {"plan": {"seed": 0}, "data": "a few digits", "steps": 2500, "seconds": 64.8, "found": FOUND}


@pytest.mark.parametrize("n", [1, 10, 13, 200])
@pytest.mark.parametrize("lines", [[], ["Short."], ["word " * 200, "é" * 300]])
def test_digits_stand_above_and_words_below(n, lines):
    images = torch.rand(n, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    fig = figures.card.digit_card(images, lines, COMMAND)
    fig.canvas.draw()
    [ax] = fig.axes
    shown = torch.tensor(ax.images[0].get_array())
    assert shown.shape == (30 * -(-n // 10) - 2, 298)
    torch.testing.assert_close(shown[:28, :28], images[0, 0], check_dtype=False)
    bottom = ax.get_window_extent().y0
    boxes = [text.get_window_extent() for text in fig.texts]
    assert all(0 <= box.y0 and box.y1 <= bottom and box.x1 <= fig.bbox.x1 for box in boxes)
    assert all(above.y0 >= below.y0 for above, below in zip(boxes, boxes[1:], strict=False))
    written = "".join(text.get_text() for text in fig.texts)
    assert written.replace(" ", "") == ("".join(lines) + COMMAND).replace(" ", "")


def test_pixels_are_not_stretched():
    ax = figures.card.digit_card(torch.zeros(20, 1, 28, 28), ["Words."], COMMAND).axes[0]
    box = ax.get_window_extent()
    assert box.width / box.height == pytest.approx(298 / 58, rel=0.01)


def test_a_dollar_is_no_formula():
    fig = figures.card.digit_card(torch.zeros(1, 1, 28, 28), ["costs $3 and $4"], COMMAND)
    assert fig.texts[0].get_parse_math() is False


@pytest.mark.parametrize(
    ("guidance", "found"), [(1.0, "2.5 floors"), (1.05, "2.5 floors"), (1.2, "1.5 floors"), (7.0, "1.5 floors")]
)
def test_the_figures_are_those_of_the_nearest_scale_that_was_judged_and_say_which(guidance, found):
    recipe, judged, drawn = digits.caption(CARD, guidance=guidance, stochastic=False, seed=3)
    assert recipe.startswith("Mixtures of Gaussians, exact, and a U-Net")
    assert "2,500 steps of 64 digits, 65 s: a few digits." in recipe
    assert judged.startswith(f"{found} from real digits")
    assert judged.endswith("(by the ODE, w = 1, n = 250)." if guidance < 1.1 else "(by the ODE, w = 1.2, n = 250).")
    assert drawn == f"Drawn in 8 midpoint steps, guidance scale w = {guidance:g}, seed 3."


def test_what_was_not_judged_is_not_praised():
    lines = digits.caption(CARD | {"found": None, "plan": {"latent": True}}, guidance=1.2, stochastic=True, seed=0)
    assert lines[1] == "Not judged yet." and "autoencoder" in lines[0] and "48 steps of the SDE" in lines[2]
