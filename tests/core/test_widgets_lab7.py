"""Sliders of Lab 7: what they show, against what is computed by hand."""

import numpy as np
import pytest
import torch

from course_utils import chains, data, widgets
from course_utils.plotting.stage import shades
from course_utils.plotting.theme import DATA, MODEL
from course_utils.widgets import Word


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(explorer, **values):
    return explorer._draw(**values)


# The chain

Q = torch.tensor([[-2.0, 2.0], [1.0, -1.0]])
P0 = torch.tensor([1.0, 0.0])


def chain_explorer(paths: int = 20):
    exact_paths = chains.gillespie(Q, torch.zeros(paths, dtype=torch.int64), 2.0, seeded())
    return exact_paths, widgets.lab7.explore_chain(Q, P0, exact_paths)


@pytest.mark.parametrize("t", [0.0, 0.5, 2.0])
def test_the_exact_law_is_the_closed_form_of_two_states(t):
    """Relaxation at the rate 3 towards (1/3, 2/3)."""
    _, explorer = chain_explorer()
    states, law = drawn(explorer, k=4, t=t)["exact"]
    first = 1 / 3 + 2 / 3 * np.exp(-3 * t)
    assert list(states) == [0, 1]
    assert torch.allclose(law, torch.tensor([first, 1 - first], dtype=torch.float32), atol=1e-5)


def test_shares_are_counted_on_the_paths():
    paths, explorer = chain_explorer(20_000)
    for t in (0.0, 0.5, 2.0):
        found = drawn(explorer, k=4, t=t)["shares"]
        assert torch.allclose(found, torch.bincount(paths.at(t), minlength=2) / 20_000)
    law = drawn(explorer, k=4, t=0.5)["exact"][1]
    spread = (law * (1 - law) / 20_000).sqrt()
    assert ((drawn(explorer, k=4, t=0.5)["shares"] - law).abs() < 5 * spread).all()


def test_eulers_law_is_a_power_at_its_times_and_straight_between():
    _, explorer = chain_explorer()
    step = torch.eye(2) + Q / 4
    powers = [P0 @ torch.linalg.matrix_power(step, k) for k in range(9)]
    for k, expected in enumerate(powers):
        assert torch.allclose(drawn(explorer, k=4, t=k / 4)["steps"][1], expected, atol=1e-5)
    half = drawn(explorer, k=4, t=0.375)["steps"][1]
    assert torch.allclose(half, (powers[1] + powers[2]) / 2, atol=1e-5)
    lines = drawn(explorer, k=4, t=0.0)["euler"]
    assert torch.allclose(lines[0, :, 1], torch.stack(powers)[:, 0], atol=1e-5)


def test_eulers_law_below_zero_is_shown_as_it_is():
    fast = torch.tensor([[-4.0, 4.0], [1.0, -1.0]])
    paths = chains.gillespie(fast, torch.zeros(5, dtype=torch.int64), 2.0, seeded())
    found = drawn(widgets.lab7.explore_chain(fast, P0, paths), k=2, t=0.5)["steps"][1]
    assert found.tolist() == [-1.0, 2.0]


# Words on two paths


def test_words_begin_as_noise_and_end_as_themselves():
    z = data.encode(["SMITH", "LEE"])
    explorer = widgets.lab7.explore_words(z, generator=seeded())
    start, end = (drawn(explorer, t=t) for t in (0.0, 1.0))
    assert start["masks 0"].strip() == "" and start["masks, noise 0"] == "_" * 10
    assert end["masks 0"] == "SMITH·····" and end["random letters 1"] == "LEE·······"
    assert end["masks, noise 0"].strip() == end["random letters, noise 1"].strip() == ""


def test_letters_come_in_one_by_one_and_are_the_same_on_both_paths():
    z = data.encode(["MONTGOMERY"])
    explorer = widgets.lab7.explore_words(z, generator=seeded(3))
    seen = []
    for t in torch.linspace(0, 1, 51).tolist():
        found = drawn(explorer, t=t)
        own, noise = found["masks 0"], found["masks, noise 0"]
        assert found["random letters 0"] == own
        assert all((a == " ") != (b == " ") for a, b in zip(own, noise, strict=True))
        assert all(a in (" ", b) for a, b in zip(own, "MONTGOMERY", strict=True))
        seen.append({i for i, sign in enumerate(own) if sign != " "})
    assert all(before <= after for before, after in zip(seen, seen[1:], strict=False))


# The board


def board_laws():
    return {
        (kind, grid, n): torch.rand(3, 3, generator=seeded(n)).flatten().softmax(0).reshape(3, 3)
        for kind in ("a", "b") for grid in ("even", "fine") for n in (1, 2, 4)
    }  # fmt: skip


def test_the_board_shows_a_law_and_its_distance():
    laws, exact = board_laws(), torch.full((3, 3), 1 / 9)
    explorer = widgets.lab7.explore_board(laws, exact)
    found = drawn(explorer, path="b", grid="fine", n=2)
    law = laws["b", "fine", 2]
    distance = sum(max(0.0, p - 1 / 9) for p in law.flatten().tolist())
    assert found["now"][0] == [2] and found["now"][1][0] == pytest.approx(distance, abs=1e-6)
    assert found["words"] == f"total variation {distance:.4f}"
    assert (found["law"] == shades((law.T * 4.5).clamp(0, 1).sqrt(), "Oranges")).all()


def test_a_board_without_one_of_its_laws_is_refused():
    laws = board_laws()
    del laws["b", "fine", 4]
    with pytest.raises(ValueError, match=r"got none for \[\('b', 'fine', 4\)\]"):
        widgets.lab7.explore_board(laws, torch.full((3, 3), 1 / 9))


# A pattern


def spelling(name: str):
    """A model that is certain of the name, whatever it sees."""
    logits = torch.full((10, 27), -1e4)
    logits[torch.arange(10), data.encode([name])[0]] = 0.0
    return lambda x: logits.expand(len(x), -1, -1)


def signs(found) -> str:
    return "".join(found[f"letter {i}"] for i in range(10))


def test_a_pattern_is_filled_with_what_the_model_says():
    explorer = widgets.lab7.explore_pattern(spelling("HANSON"), {"HANSON": "new"}, draws=3)
    start = drawn(explorer, pattern="_an_on", which=1, t=0.0, again=0)
    end = drawn(explorer, pattern="_an_on", which=2, t=1.0, again=0)
    assert signs(start) == "_AN_ON····" and signs(end) == "HANSON····"
    assert start["name 0"] == {"text": "HANSON* <", "color": DATA}
    assert [end[f"name {k}"]["text"] for k in range(3)] == ["HANSON*", "HANSON* <", "HANSON*"]


def test_a_page_without_a_kernel_has_two_patterns():
    explorer = widgets.lab7.explore_pattern(spelling("HANSON"), {}, draws=2)
    assert explorer._specs["pattern"].values(2) == ["_A_SON", "___OWSKI"]


def test_a_gap_is_filled_at_a_uniform_time_whichever_it_is():
    """Of 400 names, how far the first and the last gap are at t = 0.3: each filled in three of ten."""
    explorer = widgets.lab7.explore_pattern(spelling("HANSON"), {}, draws=400)
    seen = [signs(drawn(explorer, pattern="_ANS__", which=k, t=0.3, again=0)) for k in range(1, 401)]
    for place, letter in ((0, "H"), (4, "O"), (5, "N")):
        share = sum(word[place] == letter for word in seen) / 400
        assert abs(share - 0.3) < 4 * (0.21 / 400) ** 0.5
    assert {word[:6].count("_") for word in seen} == {0, 1, 2, 3}


def test_letters_come_in_the_order_of_their_times_and_stay():
    explorer = widgets.lab7.explore_pattern(spelling("MONTGOMERY"), {}, draws=2)
    gaps = "__________"
    seen = [signs(drawn(explorer, pattern=gaps, which=1, t=k / 50, again=0)) for k in range(51)]
    counts = [word.count("_") for word in seen]
    assert counts == sorted(counts, reverse=True) and counts[0] == 10 and counts[-1] == 0
    other = signs(drawn(explorer, pattern=gaps, which=2, t=0.5, again=0))
    assert other != seen[25]  # another name has times of its own


def test_the_picture_is_the_law_of_masks_and_certain_elsewhere():
    torch.manual_seed(0)
    logits = torch.randn(10, 27)
    explorer = widgets.lab7.explore_pattern(lambda x: logits.expand(len(x), -1, -1), {}, draws=2)
    found = drawn(explorer, pattern="S_", which=1, t=0.0, again=0)["law"]
    law = torch.zeros(10, 27)
    law[0, 19], law[1] = 1, logits[1].softmax(0)
    law[2:, 0] = 1
    assert (found == shades(law.T.sqrt(), "Oranges")).all()
    again = drawn(explorer, pattern="S_", which=1, t=0.0, again=1)
    law[0] = logits[0].softmax(0)
    assert again["when"] == "$t = 0.00$, letter 1 masked"
    assert signs(again).startswith("__") and (again["law"] == shades(law.T.sqrt(), "Oranges")).all()


@pytest.mark.parametrize(
    ("pattern", "said"), [("MAC1", "got '1'"), ("ABCDEFGHIJK", "at most 10 letters"), ("O'HARA", "got")]
)
def test_a_pattern_that_is_none_is_told_in_the_picture(pattern, said):
    explorer = widgets.lab7.explore_pattern(spelling("HANSON"), {}, draws=2)
    explorer.controls["pattern"].value = pattern
    found = drawn(explorer, pattern=pattern, which=1, t=0.0, again=0)
    assert said in found["words"].replace("\n", " ") and signs(found) == ""
    explorer.controls["pattern"].value = "_A"
    assert drawn(explorer, pattern="_A", which=1, t=0.0, again=0)["words"] == ""


# Names


def test_names_of_a_way_and_a_temperature():
    samples = {
        (way, heat): ([f"{way}{heat}{k}" for k in range(5)], {"copies": f"{heat} %"})
        for way in ("A", "B") for heat in ("1", "2")
    }  # fmt: skip
    explorer = widgets.lab7.explore_names(samples, {"B20": "copy"}, rows=2, columns=2)
    found = drawn(explorer, way="B", heat="2")
    assert [found[f"name {k}"]["text"] for k in range(4)] == ["B20=", "B21", "B22", "B23"]
    assert found["name 0"]["color"] == MODEL and found["name 1"]["color"] == "black"
    assert found["facts"] == "copies\n  2 %"
    del samples["A", "2"]
    with pytest.raises(ValueError, match=r"got none for \[\('A', '2'\)\]"):
        widgets.lab7.explore_names(samples, {})


def test_fewer_names_than_places_leave_the_rest_empty():
    explorer = widgets.lab7.explore_names({("A", "1"): (["LEE"], {})}, {}, rows=2, columns=1)
    assert drawn(explorer, way="A", heat="1")["name 1"]["text"] == ""


# What is typed


def test_a_word_redraws_after_enter_and_is_said_in_the_alt_text():
    explorer = widgets.lab7.explore_pattern(spelling("HANSON"), {}, draws=2)
    box = explorer.controls["pattern"]
    assert not box.continuous_update and box.description == "pattern"
    before = explorer.picture.value
    box.value = "__"
    assert explorer.picture.value != before and "pattern __" in explorer.picture.value
    assert Word("pattern", "X").widgets()[0].value == "X"
