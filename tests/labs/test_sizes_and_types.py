"""Right formulas pass whatever makes their tensors; no size passes for another; nothing slightly wrong passes."""

import pytest
import torch

from course_utils import checks
from course_utils.checks import CheckFailed
from course_utils.checks.calling import observe
from course_utils.checks.inputs import SINGLE
from course_utils.checks.observers import PointsAndImages
from course_utils.checks.results import RAISED, has_raised
from course_utils.shapes import expand_time

EXERCISES = [(lab, e) for lab in checks.LABS for e in checks.exercises(lab).values()]
each = pytest.mark.parametrize("lab, exercise", EXERCISES, ids=[e.name for _, e in EXERCISES])


def changed(exercise, change):
    """The right answer with a change to all floating tensors that it returns."""

    def apply(out):
        if isinstance(out, tuple | list):
            return [apply(each) for each in out]
        return change(out) if isinstance(out, torch.Tensor) and out.is_floating_point() else out

    return lambda *arguments: apply(exercise.oracle(*arguments))


def into_a_new_tensor(out):
    new = torch.zeros(out.shape)
    new[...] = out
    return new


@each
def test_a_right_answer_that_fills_a_tensor_of_its_own_is_right(lab, exercise, capsys):
    exercise.check(changed(exercise, into_a_new_tensor))
    assert "right ✓" in capsys.readouterr().out


FLOATS = [
    (lab, e)
    for lab, e in EXERCISES
    if e.draw(1)  # without inputs a number is asked for
    if e.name not in ("drop_labels", "train", "corrupt", "resample")  # labels, numbers, letters, indices
]


@pytest.mark.parametrize(("lab", "exercise"), FLOATS, ids=[e.name for _, e in FLOATS])
def test_a_conversion_to_another_precision_is_told_as_that(lab, exercise):
    with pytest.raises(CheckFailed, match=r"float32\. A conversion, such as \.float\(\), .*: leave it out"):
        exercise.check(changed(exercise, lambda out: out.float()))


@pytest.mark.parametrize("new", [lambda out: out, into_a_new_tensor])
@pytest.mark.parametrize("name", ["heun_step", "brownian_motion", "euler_maruyama_step", "langevin_drift"])
def test_what_differs_by_less_than_a_millionth_is_still_wrong(name, new):
    exercise = getattr(checks.lab1, name)
    exercise.check(changed(exercise, new))
    with pytest.raises(CheckFailed, match="nearly equal"):
        exercise.check(changed(exercise, lambda out: new(out * (1 + 5e-7))))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_default_precision_is_that_of_the_inputs_while_an_answer_runs(dtype):
    before, seen = torch.get_default_dtype(), []
    observe(lambda x: (seen.append(torch.get_default_dtype()), 2 * x)[1], {"x": torch.ones(3, dtype=dtype)})
    assert set(seen) == {dtype} and torch.get_default_dtype() == before


def test_cases_in_single_precision_run_in_single_precision():
    exercise = checks.lab2.sample_path
    assert exercise.draw(SINGLE + 6)["z"].dtype == torch.float32
    with pytest.raises(CheckFailed, match="expected dtype float32, received float64"):
        exercise.check(lambda schedule, z, t, noise: exercise.oracle(schedule, z, t, noise).double())


# sizes

CASE = {"z": torch.arange(64.0).reshape(4, 1, 4, 4), "t": torch.arange(4.0)}


def test_points_and_images_come_in_equal_and_in_unequal_sizes():
    seen = []
    values = PointsAndImages()(lambda z, t: (seen.append((tuple(z.shape), tuple(t.shape))), z)[1], CASE)
    assert seen == [((4, 4), (4,)), ((4, 1, 4, 4), (4,)), ((3, 4), (3,)), ((3, 1, 2, 4), (3,))]
    assert [tuple(value.shape) for value in values.values()] == [shape for shape, _ in seen]


def test_an_error_with_unequal_sizes_is_no_end():
    def answer(z, t):
        return t * z

    values = list(PointsAndImages()(answer, CASE).values())
    assert [has_raised(value) for value in values] == [False, False, True, True]
    assert not has_raised(torch.zeros(0, 2)) and has_raised(RAISED)
    assert "size of tensor" in observe(answer, CASE, PointsAndImages()).failure
    assert observe(lambda z, t: z, CASE, PointsAndImages()).failure == ""


def test_an_answer_that_is_right_for_equal_sizes_alone_is_told_its_error():
    def answer(schedule, z, t, noise):
        if len(set(z.shape) - {1}) > 1:
            raise ValueError("all sizes are one")
        return checks.lab2.sample_path.oracle(schedule, z, t, noise)

    words = r"did not come: your function raised an error\.\nYour function raised ValueError: all sizes are one in your"
    with pytest.raises(CheckFailed, match=words):
        checks.lab2.sample_path(answer)


def by_the_last_size(target):
    def loss(model, schedule, z, t, noise):
        at = expand_time(t, z)
        x = schedule.alpha(at) * z + schedule.beta(at) * noise
        return ((model(x, t) - target(schedule, at, noise)) ** 2).sum() / z.shape[-1]

    return loss


LOSSES = {
    "score_matching_loss": lambda schedule, at, noise: -noise / schedule.beta(at),
    "noise_prediction_loss": lambda schedule, at, noise: noise,
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_mean_over_an_axis_that_is_as_long_as_the_batch_is_wrong(name):
    with pytest.raises(CheckFailed, match="divided by the length of the last axis"):
        getattr(checks.lab3, name)(by_the_last_size(LOSSES[name]))


@pytest.mark.parametrize(("lab", "exercise"), EXERCISES, ids=[e.name for _, e in EXERCISES])
def test_no_axis_of_states_passes_for_the_batch_in_every_case(lab, exercise):
    """In some call of a check, the batch is no other axis' length."""
    if isinstance(exercise.sees, PointsAndImages) or isinstance(getattr(exercise.sees, "each", None), PointsAndImages):
        return  # these calls are tested above
    shapes = []
    for seed in range(1, 7):
        case = exercise.draw(seed)
        states = [value.shape for value in case.values() if isinstance(value, torch.Tensor) and value.ndim > 1]
        shapes += [all(n != shape[0] for n in shape[1:]) for shape in states[:1]]
    square = {"gaussian_frechet_distance", "rate_matrix", "jump", "conditioned"}  # covariances and matrices of rates
    assert not shapes or any(shapes) or exercise.name in square


def test_the_null_label_is_not_the_last_of_the_table():
    def answer(model, x, t, y, w, null):
        u, c = model(x, t, torch.full_like(y, -1)), model(x, t, y)
        return u + w * (c - u)

    with pytest.raises(CheckFailed):
        checks.lab4.guided_velocity(answer)


def test_a_loop_over_coordinates_that_ends_early_is_not_taken_for_two_coordinates():
    def answer(field, x, t):
        x = x.detach().requires_grad_()
        u = field(x, t)
        rows = [torch.autograd.grad(u[:, i].sum(), x, retain_graph=True)[0][:, i] for i in range(x.shape[1] - 1)]
        return sum(rows)

    with pytest.raises(CheckFailed, match="the last coordinate is missing"):
        checks.lab2.divergence(answer)
