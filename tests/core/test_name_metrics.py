"""What made names are like, against strings and counters."""

import math
from collections import Counter

import pytest
import torch

from course_utils import data, metrics


def windows(words: list[str], n: int, length: int = 10) -> Counter:
    """n signs in a row, with one blank more before and after; no rows of blanks."""
    found = Counter()
    for word in words:
        padded = "·" + word.ljust(length, "·") + "·"
        found.update(padded[i : i + n] for i in range(len(padded) - n + 1))
    return Counter({key: count for key, count in found.items() if set(key) != {"·"}})


def distance(a: list[str], b: list[str], n: int) -> float:
    p, q = windows(a, n), windows(b, n)
    return sum(abs(p[key] / p.total() - q[key] / q.total()) for key in p | q) / 2


NAMES = data.names()
TRAIN, HELD_OUT = data.decode(NAMES.train[:300]), data.decode(NAMES.held_out[:300])


@pytest.mark.parametrize("n", [1, 2, 3, 5, 12])
def test_distances_of_letters_in_a_row(n):
    found = metrics.ngram_distance(NAMES.train[:300], NAMES.held_out[:200], n)
    assert found == pytest.approx(distance(TRAIN, HELD_OUT[:200], n), abs=1e-12)
    assert found == pytest.approx(metrics.ngram_distance(NAMES.held_out[:200], NAMES.train[:300], n))
    assert metrics.ngram_distance(NAMES.train[:300], NAMES.train[:300].flip(0), n) == pytest.approx(0, abs=1e-12)


def test_the_ends_of_words_count():
    assert metrics.ngram_distance(data.encode(["AB"]), data.encode(["BA"]), 1) == 0
    assert metrics.ngram_distance(data.encode(["AB"]), data.encode(["BA"]), 2) == pytest.approx(1)
    assert metrics.ngram_distance(data.encode(["AB", "AB"]), data.encode(["AB", "AC"]), 2) == pytest.approx(1 / 3)


def test_letters_beyond_the_alphabet_of_one_list():
    a, b = torch.tensor([[1, 1]]), torch.tensor([[40, 1]])
    assert metrics.ngram_distance(a, b, 1) == pytest.approx(0.5)
    a, b = torch.tensor([[2**62, 1]]), torch.tensor([[0, 1]])
    assert metrics.ngram_distance(a, b, 2) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("a", "b", "n"),
    [
        ([[0, 0]], [[1, 0]], 1),
        ([[1, 0]], [[1, 0]], 0),
        ([[1, 0]], [[1, 0]], 5),
        ([[1.0, 0.0]], [[1, 0]], 1),
        ([[-1, 0]], [[1, 0]], 1),
        ([1, 0], [[1, 0]], 1),
    ],
)
def test_distances_refuse_what_does_not_fit(a, b, n):
    with pytest.raises(ValueError, match="expected"):
        metrics.ngram_distance(torch.tensor(a), torch.tensor(b), n)


def test_the_report_is_counted():
    made = ["SMITH", "SMITH", TRAIN[0], HELD_OUT[0], HELD_OUT[1], HELD_OUT[1], "XQ", "A·B"]
    x = data.encode(made)
    train = data.encode([*TRAIN, "SMITH"])
    report = metrics.name_report(x, train, NAMES.held_out[:300])
    assert (report.new_and_real, report.copies, report.distinct, report.blanks_inside) == (3 / 8, 3 / 8, 6 / 8, 1 / 8)
    assert report.length == sum(len(word) - word.count("·") for word in made) / 8
    assert report.pairs == pytest.approx(distance(made, HELD_OUT[:8], 2))
    assert report.triples == pytest.approx(distance(made, HELD_OUT[:8], 3))
    assert report.copies_a_new_one == 1
    assert metrics.name_report(data.encode(["XQ"]), train, NAMES.held_out).copies_a_new_one == math.inf


def test_a_blank_inside_is_one_before_a_letter():
    words = data.encode(["", "A", "A·", "·A", "A·B", "A··B·", "ABCDEFGHIJ"])
    assert metrics.blanks_inside(words) == 3 / 7
    assert metrics.mean_length(words) == 17 / 7


def test_real_names_beside_themselves():
    names = NAMES.train[:500]
    assert metrics.share_among(names, NAMES.train) == 1 and metrics.share_among(names, NAMES.held_out) == 0
    assert metrics.distinct(names) == 1 and metrics.distinct(names.repeat(4, 1)) == 0.25
    assert metrics.blanks_inside(names) == 0


@pytest.mark.parametrize("measure", [metrics.distinct, metrics.mean_length, metrics.blanks_inside])
@pytest.mark.parametrize("x", [torch.zeros(0, 3, dtype=torch.int64), torch.zeros(2, 3), torch.tensor([[-1]])])
def test_what_are_no_words_is_refused(measure, x):
    with pytest.raises(ValueError, match="expected"):
        measure(x)
    with pytest.raises(ValueError, match="expected"):
        metrics.share_among(x, torch.tensor([[1]]))


def test_the_report_compares_equal_numbers():
    with pytest.raises(ValueError, match="at least as many names held out as made, got 3 and 4"):
        metrics.name_report(NAMES.train[:4], NAMES.train, NAMES.held_out[:3])
