"""The canvas: strokes become points and images; the model that learns a drawing learns it in its time."""

import math
from itertools import count
from types import SimpleNamespace

import pytest
import torch

from course_utils import data, metrics, widgets
from course_utils.classifier import digit_classifier
from course_utils.simulators import simulate
from course_utils.widgets import strokes as drawings
from course_utils.widgets import training


def test_places_along_strokes_go_by_length():
    strokes = [[[0.0, 0.0], [0.3, 0.0]], [[0.5, 0.5], [0.5, 0.6]]]
    found = drawings.along(strokes, torch.tensor([0.0, 0.375, 0.7, 0.875, 1.0]))
    exact = torch.tensor([[0, 0], [0.15, 0], [0.28, 0], [0.5, 0.55], [0.5, 0.6]])
    assert torch.allclose(found, exact, atol=1e-4)


def test_a_dot_is_a_drawing():
    assert torch.allclose(drawings.along([[[0.2, 0.7]]], torch.rand(5)), torch.tensor([0.2, 0.7]))


@pytest.mark.parametrize("strokes", [[], [[]]])
def test_nothing_drawn_is_said(strokes):
    with pytest.raises(ValueError, match="expected a drawing, got none"):
        drawings.along(strokes, torch.rand(3))


def test_scattered_points_lie_along_the_line_with_y_upwards():
    line, random = [[[0.5, 0.0], [0.5, 0.25]]], torch.Generator().manual_seed(0)
    points = drawings.scattered(line, 4000, width=0.05, generator=random)
    assert points[:, 0].mean().abs() < 5 * 0.05 / 4000**0.5
    assert points[:, 0].std().item() == pytest.approx(0.05, rel=5 / 8000**0.5)
    assert points[:, 1].mean().item() == pytest.approx(1.875, abs=5 * 1.25 / math.sqrt(12 * 4000))


@pytest.mark.parametrize("prepared", [drawings.shapes(), drawings.digits()], ids=["shapes", "digits"])
def test_prepared_drawings_are_within_the_canvas(prepared):
    for strokes in prepared.values():
        points = torch.tensor([point for stroke in strokes for point in stroke])
        assert (points >= 0).all() and (points <= 1).all() and (points.amax(0) - points.amin(0)).max() > 0.4


def test_images_are_centred_like_mnist():
    for image in (drawings.digit_image(strokes)[0] for strokes in drawings.digits().values()):
        ink, at = (image + 1) / 2, torch.arange(28.0)
        centre = torch.stack([(ink.sum(0) * at).sum(), (ink.sum(1) * at).sum()]) / ink.sum()
        assert torch.allclose(centre, torch.tensor(13.5), atol=0.6)
        rows, columns = (ink.amax(1) > 0.5).sum().item(), (ink.amax(0) > 0.5).sum().item()
        assert max(rows, columns) in (19, 20, 21)
        assert image.min() == -1 and image.max() == 1


def test_size_and_place_of_a_digit_do_not_matter():
    seven = drawings.digits()["7"]
    small = [[[0.1 + 0.3 * x, 0.05 + 0.3 * y] for x, y in stroke] for stroke in seven]
    assert torch.allclose(drawings.digit_image(seven), drawings.digit_image(small), atol=1e-3)


def test_the_classifier_reads_the_prepared_digits():
    images = torch.stack([drawings.digit_image(strokes) for strokes in drawings.digits().values()])
    with torch.no_grad():
        read = digit_classifier()(images).argmax(1)
    assert (read == torch.arange(10)).sum() >= 8


def test_digits_have_as_much_ink_as_mnist():
    real = ((data.mnist("test", source="offline").images + 1) / 2).mean()
    drawn = torch.stack([drawings.digit_image(strokes) for strokes in drawings.digits().values()])
    assert ((drawn + 1) / 2).mean().item() == pytest.approx(real.item(), rel=0.4)


def test_a_choice_puts_its_strokes_on_the_canvas():
    canvas = widgets.DigitCanvas("3")
    assert canvas.strokes == drawings.digits()["3"]
    canvas.choice = "8"
    assert canvas.strokes == drawings.digits()["8"] and canvas.image.shape == (1, 28, 28)
    canvas.choice, canvas.strokes = "", [[[0.5, 0.1], [0.5, 0.9]]]
    assert canvas.strokes == [[[0.5, 0.1], [0.5, 0.9]]]


def test_an_unknown_drawing_is_refused():
    with pytest.raises(ValueError, match="expected one of heart, .*, got 'hart'"):
        widgets.ShapeCanvas("hart")


def test_the_script_travels_with_the_widget():
    script = str(widgets.ShapeCanvas()._esm)
    assert "export default { render }" in script and "import " not in script and "http" not in script


def test_canvas_stands_as_a_picture_until_it_is_alive(monkeypatch):
    shown = []
    monkeypatch.setattr("course_utils.widgets.canvas.display", lambda what, **options: shown.append(what))
    canvas = widgets.ShapeCanvas("star")
    canvas._ipython_display_()
    assert f'<div id="{canvas.stands_in}"><img' in shown[0].data and "Drawn: star." in shown[0].data
    assert "application/vnd.jupyter.widget-view+json" in shown[1]


def test_a_drawing_is_learned_in_its_time(monkeypatch):
    shown, clock = [], count()
    monkeypatch.setattr(training, "display", shown.append)
    monkeypatch.setattr(training, "time", SimpleNamespace(perf_counter=lambda: next(clock) / 1000))
    points = widgets.ShapeCanvas("two rings").points(2000, generator=torch.Generator().manual_seed(1))
    model = widgets.training.learn_drawing(points, seconds=2.0)
    assert next(clock) < 2100
    x0 = torch.randn(500, 2, generator=torch.Generator().manual_seed(2))
    end = simulate(model, x0, torch.linspace(0, 1, 21)).end
    far = [metrics.nearest_neighbours(x, points)[0].mean() for x in (x0, end)]
    assert far[1] < 0.5 * far[0]
    assert 'alt="Left, the drawn points' in shown[-1].data


def test_times_are_positive():
    with pytest.raises(ValueError, match="positive times"):
        widgets.training.learn_drawing(torch.zeros(3, 2), seconds=0.0)
