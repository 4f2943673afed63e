"""Names of the census: the lists are the known ones, the split is told apart, words become numbers and come back."""

import gzip
import hashlib
import random

import pytest
import torch

from course_utils import data
from course_utils.data import census

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def text(name: str) -> list[str]:
    """One of the lists, sorted, read without the package's reader."""
    line = gzip.open(census.NAMES, "rt", encoding="ascii").read().splitlines()[["family", "women", "men"].index(name)]
    words, word = [], ""
    for sign in line + "a":
        if sign.islower():
            words.append(word[::-1])
            word = word[: len(word) - "abcdefghijklmnop".index(sign)]
        else:
            word += sign
    return sorted(words[1:])


@pytest.mark.parametrize(
    ("name", "count", "some"),
    [
        ("family", 86_161, {"SMITH", "GARCIA", "NGUYEN", "SCHWARTZ", "LEE"}),
        ("women", 4_275, {"MARY", "GUADALUPE", "JO"}),
        ("men", 1_219, {"JOHN", "GUADALUPE", "CHRISTOPHER"}),
    ],
)
def test_the_lists_are_those_of_the_census(name, count, some):
    words = text(name)
    assert len(words) == len(set(words)) == count and some <= set(words)
    assert hashlib.sha256("\n".join(words).encode()).hexdigest() == census.SHA_256[name]


def test_the_file_is_small_and_its_card_tells_the_licence():
    assert census.NAMES.stat().st_size <= 160_000
    card = " ".join(census.NAMES.with_suffix(".md").read_text("utf-8").split())
    assert "public domain" in card and "1990 census" in card and "86,161 family names" in card


def test_the_split_is_a_permutation_of_all_names_by_the_seed():
    names = data.names()
    assert names.train.shape == (60_312, 10) and names.held_out.shape == (25_849, 10)
    assert names.train.dtype == torch.int64
    order = torch.randperm(86_161, generator=torch.Generator().manual_seed(0))
    family = text("family")
    wanted = [family[i] for i in order.tolist()]
    assert data.decode(names.train) + data.decode(names.held_out) == wanted


def test_another_seed_holds_other_names_out_and_the_same_seed_the_same():
    first, again, other = data.names(), data.names(0), data.names(1)
    first.train.zero_()  # what a caller does with its names is its own affair
    assert again.train.any() and torch.equal(data.names().held_out, again.held_out)
    shared = set(data.decode(other.held_out)) & set(data.decode(again.held_out))
    expected = 25_849**2 / 86_161
    assert abs(len(shared) - expected) < 5 * (expected * 0.7 * 0.7) ** 0.5  # hypergeometric


def test_first_names_are_those_of_one_list_only():
    names, women, men = data.names(), set(text("women")), set(text("men"))
    for tensor, own, other in ((names.women, women, men), (names.men, men, women)):
        words = data.decode(tensor)
        assert sorted(words) == sorted(word for word in own - other if 3 <= len(word) <= 10)
        assert words != sorted(words)


@pytest.mark.parametrize("words", [[], ["A"], ["BA", "A"], ["ANNA", "HANNA", "SUSANNA", "OTTO"], ["SMITH", "SMYTH"]])
def test_front_coding_is_undone(words):
    assert sorted(census.from_front_coded(census.front_coded(words))) == sorted(words)


def test_front_coding_of_random_words_is_undone():
    draw = random.Random(0)
    words = {"".join(draw.choices("AB", k=draw.randint(1, 12))) for _ in range(300)}
    coded = census.front_coded(words)
    assert set(census.from_front_coded(coded)) == words and len(coded) < sum(map(len, words))


def packed(lists) -> bytes:
    return gzip.compress("\n".join(census.front_coded(words) for words in lists).encode())


@pytest.mark.parametrize("damage", ["one name", "a list", "half", "no gzip", "no letters", "away"])
def test_a_damaged_file_is_refused(tmp_path, damage):
    lists = [text(name) for name in census.SHA_256]
    whole = census.NAMES.read_bytes()
    content = {
        "one name": packed([["SMITHE" if word == "SMITH" else word for word in lists[0]], *lists[1:]]),
        "a list": packed(lists[:2]),
        "half": whole[: len(whole) // 2],
        "no gzip": b"SMITH\n",
        "no letters": gzip.compress(bytes([200, 201])),
        "away": None,
    }[damage]
    path = tmp_path / "names.gz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match="expected"):
        census._read(path)
    path.write_bytes(packed(lists))
    assert [sorted(part) for part in census._read(path)] == lists


def test_letters_are_numbers_and_come_back():
    assert data.encode([ALPHABET], 26).tolist() == [list(range(1, 27))]
    assert data.encode(["AB"]).tolist() == [[1, 2] + [0] * 8]
    words = ["SMITH", "_A_SON", "O·_T", "", "A", "Z" * 10, "·A", "__________"]
    x = data.encode(words)
    assert x.shape == (8, 10) and x.dtype == torch.int64
    assert data.decode(x) == words
    assert data.encode([]).shape == (0, 10) and data.decode(data.encode([])) == []
    assert (x[1] == data.MASK).tolist() == [True, False, True] + [False] * 7
    assert (data.MASK, data.BLANK, len(data.LETTERS)) == (27, 0, 27)


@pytest.mark.parametrize("word", ["smith", "MÜLLER", "O'NEIL", "DE LA", "ABCDEFGHIJK", "A1", "ŁUKASZ", "A\n"])
def test_what_has_no_numbers_is_refused(word):
    with pytest.raises(ValueError, match="expected"):
        data.encode(["SMITH", word])


def test_a_single_word_is_no_list():
    with pytest.raises(ValueError, match=r"such as \['SMITH'\]"):
        data.encode("SMITH")


@pytest.mark.parametrize(
    "x",
    [
        torch.tensor([[28]]),
        torch.tensor([[-1]]),
        torch.tensor([[1.0]]),
        torch.tensor([[True]]),
        torch.tensor([1, 2]),
        torch.zeros(1, 2, 3, dtype=torch.int64),
    ],
)
def test_what_stands_for_no_word_is_refused(x):
    with pytest.raises(ValueError, match="expected"):
        data.decode(x)
