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
