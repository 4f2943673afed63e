"""The classifier that judges digits: trained, saved only if it is good, loaded."""

import math

import pytest
import torch

from course_utils import __main__ as command
from course_utils import classifier as classifying
from course_utils import data
from course_utils.classifier import digit_classifier, save_classifier, train_classifier
from course_utils.data import mnist
from course_utils.metrics import label_accuracy


def test_the_digit_classifier_knows_digits():
    """On real digits, which it has seen: at least 99%, 5 standard errors allowed. The asset states the test set's."""
    digits = mnist("test", source="offline")
    classifier = digit_classifier()
    least = 0.99 - 5 * math.sqrt(0.99 * 0.01 / len(digits))
    assert label_accuracy(classifier, digits.images, digits.labels) >= least
    assert not classifier.training
    assert classifying.CLASSIFIER.stat().st_size < 2 * 2**20


def test_the_digit_classifier_on_the_full_test_set():
    try:
        digits = mnist("test", source="full")
    except ConnectionError as error:
        pytest.skip(str(error))
    assert label_accuracy(digit_classifier(), digits.images, digits.labels) >= 0.99


def test_training_a_classifier(tmp_path):
    """A few hundred steps on a few hundred digits, judged on others; the seed decides everything."""
    train, test = mnist("train", source="offline"), mnist("test", source="offline")
    train_on = (train.images[:1000], train.labels[:1000])
    model = train_classifier(*train_on, steps=40, batch_size=32, progress=False)
    accuracy = label_accuracy(model, test.images, test.labels)
    assert accuracy > 0.7
    twin = train_classifier(*train_on, steps=40, batch_size=32, progress=False)
    assert torch.equal(model.head.weight, twin.head.weight)
    with pytest.raises(ValueError, match="at least 99%"):
        save_classifier(model, test.images, test.labels, tmp_path / "c.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_good_classifier_is_saved(tmp_path, monkeypatch):
    digits = mnist("test", source="offline")
    path = tmp_path / "c.safetensors"
    accuracy = save_classifier(digit_classifier(), digits.images, digits.labels, path)
    monkeypatch.setattr(classifying, "CLASSIFIER", path)
    again = label_accuracy(digit_classifier(), digits.images, digits.labels)
    assert again == accuracy


def test_the_command_refuses_a_classifier_that_is_not_fit_to_judge(monkeypatch, tmp_path, capsys):
    digits = data.mnist("test", "offline")
    monkeypatch.setattr(data, "mnist", lambda split, source: digits)
    assert command.main(["classifier", "--steps", "2", "--out", str(tmp_path / "c.safetensors")]) == 2
    assert "expected an accuracy of at least 99%" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "images, labels, options, words",
    [
        (5, [1, 2], {}, "one label an image and at least one, got 2 for 5"),
        (0, [], {}, "at least one, got 0 for 0"),
        (2, [1, 10], {}, "labels from 0 to 9, got 1 to 10"),
        (2, [-1, 3], {}, "labels from 0 to 9, got -1 to 3"),
        (2, [1, 2], {"batch_size": 0}, "batch_size of at least 1"),
        (2, [1, 2], {"steps": 0}, "steps of at least 1"),
    ],
)
def test_what_a_classifier_is_not_trained_on(images, labels, options, words):
    labels = torch.tensor(labels, dtype=torch.int64)
    with pytest.raises(ValueError, match=words):
        train_classifier(torch.zeros(images, 1, 28, 28), labels, progress=False, **options)
