"""How results are compared: tolerances, and the words for a difference."""

import torch

from course_utils.checks.comparing import agree, describe, difference, first_difference

V = torch.tensor([1.0, -20.0, 3.0], dtype=torch.float64)


def said(got, expected=V, **known):
    return difference({"result": got}, {"result": expected}, 1e-8, **known)


def test_the_tolerance_is_relative_to_the_largest_value():
    assert agree({"a": V + 1e-7}, {"a": V}, 1e-8) and not agree({"a": V + 3e-7}, {"a": V}, 1e-8)
    assert not agree({}, {"a": V}, 1e-8) and agree({"a": V, "more": V}, {"a": V}, 1e-8)


def test_single_precision_has_a_tolerance_of_its_own_if_there_is_one():
    single = V.float()
    assert agree({"a": single * (1 + 1e-5)}, {"a": single}, 1e-8, 1e-4)
    assert not agree({"a": single * (1 + 1e-5)}, {"a": single}, 1e-8)
    assert not agree({"a": V * (1 + 1e-5)}, {"a": V}, 1e-8, 1e-4)


def test_what_is_no_number_agrees_with_what_is_none():
    odd = torch.tensor([torch.inf, torch.nan, 1.0])
    assert agree({"a": odd}, {"a": odd.clone()}, 1e-8) and not agree({"a": -odd}, {"a": odd}, 1e-8)
    swapped = torch.tensor([torch.nan, -torch.inf, 1.0])
    assert agree({"a": swapped}, {"a": odd}, 1e-8) and not agree({"a": odd}, {"a": odd.nan_to_num()}, 1e-8)


def test_the_worst_entry_is_shown():
    wrong = V.clone()
    wrong[2] = 5
    assert said(wrong) == "The result at index (2,): expected 3, received 5."


def test_an_infinite_value_is_told_with_what_it_comes_from():
    assert said(V / 0).endswith("received inf. (The logarithm of 0 is infinite, and so is a number divided by 0.)")
    assert said(V * torch.nan).endswith(
        "received nan. (The root or logarithm of a negative number is nan, and so is 0 / 0.)"
    )


def test_values_that_look_the_same_are_told_apart():
    text = said(V * (1 + 2e-7))
    assert "expected -20, received -20.000004. These are nearly equal, the relative difference is 2.0e-07." in text
    assert "denominator" in text


def test_nothing_is_guessed_about_nearly_equal_values_whose_cause_is_known():
    text = said(V * (1 + 2e-7), explained=True)
    assert text.endswith("expected -20, received -20.000004.")


def test_a_wrong_type_is_told_with_what_it_comes_from():
    assert said(V.float()).endswith(
        "received float32. A conversion, such as .float(), .double() or dtype=..., gives another precision than the "
        "inputs have: leave it out, or make new tensors like the inputs, with x.new_zeros(...) or torch.zeros_like(x)."
    )
    assert "All numbers here are real" in said(V.to(torch.complex128))
    assert "letters and states are names" in said(V, V.long())
    assert "whole numbers" in said(V.long()) and "True and False" in said(V > 0)


def test_a_wrong_shape_comes_before_a_wrong_type():
    assert said(V.float()[:2]) == "The result: expected shape (3,), received (2,)."


def test_the_first_result_that_differs_is_named():
    assert first_difference({"a": V, "b": -V}, {"a": V, "b": V}, 1e-8) == "b"


def test_inputs_are_described_in_a_few_characters():
    assert describe(V) == "tensor of shape (3,)" and describe(V[0]) == "1" and describe(0.123456) == "0.1235"
    assert describe({"family": "schedule", "name": "linear"}) == "<linear schedule>" and describe("y") == "'y'"
    assert describe(torch.ones(4, 1, 5, 5), points_first=True) == "tensor of shape (4, 4), then (4, 1, 5, 5)"
