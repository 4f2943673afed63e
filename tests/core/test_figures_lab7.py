"""Figures of Lab 7: what is drawn is what was given, and bad input is refused."""

import pytest
import torch

from course_utils import figures
from course_utils.plotting.theme import DATA, MODEL


def test_paths_are_steps_and_laws_are_lines(unchecked):
    ts, law = torch.tensor([0.0, 1.0, 2.0]), torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.2, 0.8]])
    paths = [(torch.tensor([0.0, 0.7]), torch.tensor([0, 1]))]
    left, right = figures.lab7.chain_paths(paths, ts, law).axes
    assert left.lines[0].get_xdata().tolist() == [0.0, pytest.approx(0.7), 2.0]
    assert left.lines[0].get_ydata().tolist() == [0, 1, 1]
    assert [line.get_ydata().tolist() for line in right.lines] == [law[:, 0].tolist(), law[:, 1].tolist()]
    with pytest.raises(ValueError, match="expected a law of shape"):
        figures.lab7.chain_paths(paths, ts, law[:2])


def test_several_paths_do_not_hide_each_other():
    paths = [(torch.tensor([0.0]), torch.tensor([1]))] * 3
    left, _ = figures.lab7.chain_paths(paths, torch.tensor([0.0, 1.0]), torch.full((2, 2), 0.5)).axes
    heights = [line.get_ydata()[0] for line in left.lines]
    assert len(set(heights)) == 3 and heights[1] == 1 and all(abs(height - 1) < 0.3 for height in heights)


def test_words_have_the_colour_and_the_sign_of_their_kind():
    columns = {"first": ["HANSON", "XQZ"], "second": ["MASSON"]}
    (ax,) = figures.lab7.word_columns(columns, {"HANSON": "new", "MASSON": "copy"}).axes
    drawn = {text.get_text(): (text.get_position(), text.get_color()) for text in ax.texts}
    assert drawn["HANSON*"] == ((0, 0), DATA) and drawn["XQZ"] == ((0, 1), "black")
    assert drawn["MASSON="] == ((1, 0), MODEL) and {"first", "second"} <= drawn.keys()
    with pytest.raises(ValueError, match="at least one column"):
        figures.lab7.word_columns({})


def test_laws_of_letters_stand_under_the_word(unchecked):
    law = torch.tensor([[0.25, 0.75, 0.0], [0.0, 0.0, 1.0]])
    (ax,) = figures.lab7.letter_laws({"_C": law}, "ABC").axes
    assert torch.allclose(torch.tensor(ax.images[0].get_array()) ** 2, law.T)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["_", "C"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["A", "B", "C"]
    with pytest.raises(ValueError, match=r"the law of _CC of shape \(3, 3\)"):
        figures.lab7.letter_laws({"_CC": law}, "ABC")


def test_a_board_has_its_first_letter_to_the_right():
    law = torch.tensor([[0.1, 0.2], [0.3, 0.4]])
    (ax,) = figures.lab7.board_laws({"t = 0": law}).axes
    picture = ax.images[0]
    assert torch.allclose(torch.tensor(picture.get_array()), law.T) and picture.origin == "lower"
    assert picture.get_clim() == (0, 0.5)


def test_judged_names_in_floors():
    (ax,) = figures.lab7.judged({"net": (0.2, 0.03), "cold": (0.3, 0.12)}, floor=0.1).axes
    points = [line.get_xydata().tolist() for line in ax.lines[:2]]
    assert points == [[[2.0, 3.0]], [[pytest.approx(3.0), 12.0]]]
    assert [text.get_text() for text in ax.texts] == ["net", "cold", "real names"]
    assert ax.get_ylim()[1] > 12 and ax.get_xlim()[1] > 3


def test_bounds_over_exact_values(unchecked):
    exact, bound = torch.tensor([20.0, 25.0]), torch.tensor([20.5, 25.25])
    (ax,) = figures.lab7.likelihoods(exact, bound, names=["LEE", "SMITH"]).axes
    assert ax.lines[1].get_xydata().tolist() == [[20, 0.5], [25, 0.25]]
    assert [text.get_text() for text in ax.texts] == ["LEE", "SMITH"]
    close = torch.tensor([0.5, 0.49, 0.25])
    (ax,) = figures.lab7.likelihoods(torch.full((3,), 20.0), 20 + close, names=["LEE", "LEA", "SMITH"]).axes
    assert [text.get_text() for text in ax.texts] == ["LEE", "SMITH"]
    with pytest.raises(ValueError, match="the bound of shape"):
        figures.lab7.likelihoods(exact, bound[:1])
    with pytest.raises(ValueError, match="2 names, one a word, got 1"):
        figures.lab7.likelihoods(exact, bound, names=["LEE"])
