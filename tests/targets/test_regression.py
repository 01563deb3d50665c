"""Numbers are checked, standardised, and returned in their own units."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from sklearn_tl.targets import read_numbers

ONES = np.ones(4)
DAYS = ["2024-05-01", "2024-05-02", "2024-05-03", "2024-05-07"]


@pytest.mark.parametrize(
    ("y", "is_flat", "names"),
    [
        ([1, 2, 3, 4], True, None),
        (np.array([1.0, 2, 3, 4], dtype=object), True, None),
        (pd.Series([1, 2, 3, 4], name="age", index=[4, 3, 2, 1]), True, None),
        ([[1], [2], [3], [4]], False, None),
        ([[1, 10], [2, 11], [3, 12], [4, 10]], False, None),
        (pd.DataFrame({"age": [1, 2, 3, 4], "mass": [2.5, 1, 1, 1]}), False, ["age", "mass"]),
        (pd.array([1, 2, 3, 4], dtype="Int64"), True, None),
    ],
)
def test_numbers_come_back_in_their_own_form(y, is_flat, names):
    task, targets = read_numbers(y, 4)
    task = task.fitted(targets, ONES)
    encoded = task.encode(targets)
    np.testing.assert_allclose(encoded.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(encoded.std(axis=0), 1, rtol=1e-6)
    back = task.predictions(encoded)
    np.testing.assert_allclose(back, np.asarray(y, dtype=float), rtol=1e-6)
    assert back.ndim == (1 if is_flat else 2)
    assert (None if task.names is None else task.names.tolist()) == names


def test_the_mean_and_the_scale_are_weighted():
    _, targets = read_numbers([0, 0, 3, 9], 4)
    weighted = read_numbers([0, 3, 9], 3)[0].fitted(targets[1:], np.array([2.0, 1, 1]))
    repeated = read_numbers([0, 0, 3, 9], 4)[0].fitted(targets, ONES)
    np.testing.assert_allclose(weighted.mean, repeated.mean)
    np.testing.assert_allclose(weighted.scale, repeated.scale)


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e12 + 0.1, 0.0])
def test_a_target_that_is_constant_in_training_does_not_decide_when_to_stop(value):
    y = np.column_stack([np.arange(30.0), np.full(30, value)])
    y[29, 1] = 3 * value + 1.5
    task, targets = read_numbers(y, 30)
    task = task.fitted(targets[:29], np.random.default_rng(0).random(29) + 0.1)
    encoded = task.encode(targets)
    assert encoded[:, 1].tolist() == [0] * 30
    assert np.ptp(encoded[:, 0]) > 1
    assert task.predictions(encoded + 1)[:, 1].tolist() == [value] * 30


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0, 1e160, 2e160, 0], "y are from 0 to 2e.160, whose squared errors .* divided by 1e160"),
        ([-1.7e308, 1.7e308, 0, 1], "divided by 1e308"),
        ([[0, 0], [1, 1e-170], [1, 0], [2, 0]], "in column 1 are from 0 to 1e-170.* by 1e-171"),
        (None, "A regressor requires y to be passed, but the target y is None"),
        ([1, 2, 3], "X has 4 images and y has 3 targets. Pass one number per image"),
        ([1, np.nan, 2, 3], r"y\[1\] is nan, which is not a finite number"),
        ([1, 2, np.inf, np.nan], r"y\[2\] is inf, .* 1 more value is not"),
        ([1, None, 2, 3], r"y\[1\] is None, which is not a finite number"),
        ([[1, 2], [2, 3], [3, np.nan], [4, 4]], r"y\[2\] is nan in column 1"),
        (
            pd.DataFrame({"age": [1, 2, 3, 4], "mass": [1, 2, -np.inf, 4]}),
            r"y\[2\] is -inf in column 'mass'",
        ),
        (["a", "b", "c", "d"], r"y\[0\] is 'a', which is not a number.*use FineTuneClassifier"),
        (["1", "2", "3", "4"], r"y\[0\] is '1'.*For numbers in text: np.asarray"),
        ([5, 5, 5, 5], "All 4 values of y are 5, so there is nothing to predict"),
        ([[1, 7], [2, 7], [3, 7], [4, 7]], "All 4 values of y in column 1 are 7"),
        (np.zeros((4, 2, 2)), r"Found y of shape \(4, 2, 2\)"),
        ([1, 1, 1 + 2j, 1], r"y\[0\] is \(1\+0j\), which is a complex number.*np.abs"),
        (["12", "POA", "3", "-"], r"y\[1\] is 'POA', which is not a number. 1 more value is not"),
        ([["red"], ["red", "round"], [], []], r"y\[0\] is \['red'\], a list of tags.*indicator"),
        ([{"red"}, {"round"}, {"red"}, {"a"}], r"y\[0\] is {'red'}, a set of tags"),
        ([[1, 2], [1], [1, 2], [3, 4]], "The rows of y have different lengths"),
        (np.array(DAYS, dtype="datetime64[D]"), r"y\[0\] is 2024-05-01.* a date or a time"),
        (pd.Series(pd.to_datetime(DAYS)), r"y\[0\] is 2024-05-01.* a date or a time"),
        (
            [date(2024, 5, day) for day in (1, 2, 3, 4)],
            r"a date or a time and .*timedelta64\(1, 'D",
        ),
    ],
)
def test_numbers_that_cannot_be_used_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        read_numbers(y, 4)


def test_one_image_is_too_few():
    with pytest.raises(ValueError, match="at least two images .* n_samples = 1"):
        read_numbers([1.0], 1)


def test_a_part_is_held_out_at_random():
    task, targets = read_numbers(np.arange(40), 40)
    train, valid = task.hold_out(targets, 0.25, 0)
    np.testing.assert_array_equal(np.sort(np.concatenate([train, valid])), np.arange(40))
    assert len(valid) == 10
    with pytest.raises(ValueError, match="of 40 images is 1, but both parts need"):
        task.hold_out(targets, 0.01, 0)
