"""What Lab 7's benchmarks make by themselves: n-grams that are laws of words, and pixels as letters."""

import itertools
import math

import pytest
import torch

from benchmarks import binary_digits, name_knobs, names
from benchmarks.ngrams import IndependentLetters, WittenBell
from course_utils import data, words

NAMES = ["ABBA", "ABA", "BA", "ABBA", "CAB"]


@pytest.mark.parametrize("n", [1, 2, 4])
def test_an_n_gram_is_a_law_of_words(n):
    model = WittenBell(NAMES, n, length=2)
    everything = [""] + ["".join(word) for k in (1, 2) for word in itertools.product(data.LETTERS[1:], repeat=k)]
    assert sum(math.exp(model.word_log_prob(word)) for word in everything) == pytest.approx(1, abs=1e-9)
    for context in ("", "A", "AB", "^^A", "ZZZ"):
        assert sum(model.law(context[-n + 1 :] if n > 1 else "").values()) == pytest.approx(1)


def test_witten_bell_by_hand():
    """After B came A three times, B twice and the end once; anything came as often as it did in all the names."""
    model = WittenBell(NAMES, 2, length=10)
    signs = "".join(NAMES) + "·" * len(NAMES)
    even = (signs.count("A") + len(set(signs)) / 27) / (len(signs) + len(set(signs)))
    followers = [word[i + 1] for word in (name + "·" for name in NAMES) for i in range(len(word) - 1) if word[i] == "B"]
    wanted = (followers.count("A") + len(set(followers)) * even) / (len(followers) + len(set(followers)))
    assert model.law("B")["A"] == pytest.approx(wanted)


def test_an_n_gram_draws_from_its_law():
    model, n = WittenBell(NAMES, 3, length=4), 4000
    drawn = data.decode(model.sample(n, torch.Generator().manual_seed(0)))
    for word in ("ABBA", "ABA", "BA", "CAB"):
        p = math.exp(model.word_log_prob(word))
        assert abs(drawn.count(word) / n - p) < 5 * (p * (1 - p) / n) ** 0.5


def test_independent_letters_are_a_law_of_words():
    z = torch.tensor([[0, 1, 2], [2, 1, 1], [0, 0, 0]])
    model = IndependentLetters(z, 3)
    everything = words.all_words(3, 3)
    p = model.log_prob(everything).exp()
    assert p.sum().item() == pytest.approx(1)
    assert model.log_prob(z[:1]).exp().item() == pytest.approx(2.5 / 4.5 * 2.5 / 4.5 * 1.5 / 4.5)
    share = torch.bincount(words.word_number(model.sample(9000, torch.Generator().manual_seed(0)), 3), minlength=27)
    assert ((share / 9000 - p).abs() < 5 * (p / 9000).sqrt()).all()


def test_steps_of_equal_counts_reveal_every_letter_once(monkeypatch):
    monkeypatch.setattr(name_knobs, "N", 50)
    shown = []

    class Model:
        letters, length = names.LETTERS, names.LENGTH

        def __call__(self, x, t):
            shown.append((x != names.PATH.mask).sum(1).unique().tolist())
            return torch.zeros(*x.shape, self.letters)

    x = name_knobs.in_equal_counts(Model(), 5)
    assert shown == [[0], [2], [4], [6], [8]] and x.max() < names.LETTERS


def test_pixels_are_letters_and_come_back():
    images = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    x = binary_digits.as_words(images)
    assert torch.equal(binary_digits.as_images(x), torch.where(images > 0, 1.0, -1.0))
    ink = torch.full((784,), 0.25)
    model = binary_digits.PixelModel(ink)
    torch.nn.init.zeros_(model.net.outward[0].weight)
    torch.nn.init.zeros_(model.net.outward[0].bias)
    torch.testing.assert_close(model(x).softmax(-1)[..., 1], torch.full((3, 784), 0.25))
