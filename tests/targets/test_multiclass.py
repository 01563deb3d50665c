"""Labels are checked and encoded, and a part of them is held out."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import DataConversionWarning

from sklearn_tl.targets import Multiclass, read_labels


@pytest.mark.parametrize(
    "labels",
    [
        ["b", "a", "b", "c"],
        np.array([7, -1, 7, 9]),
        [True, False, True, True],
        pd.Series(["b", "a", "b", "c"], index=[9, 8, 7, 6], dtype="category"),
        np.array(["b", "a", "b", "c"], dtype=object),
    ],
)
def test_labels_of_any_type_are_encoded_as_their_position_among_the_sorted_classes(labels):
    task, codes = read_labels(labels, 4)
    assert list(task.classes) == sorted(set(labels))
    np.testing.assert_array_equal(task.classes[codes], np.asarray(labels))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed, but the target y is None. Pass one label per image"),
        (list("abcab"), "inconsistent numbers of samples: X has 6 images and y has 5 labels"),
        ([0.0, 1.0, np.nan, 1, 0, 0], r"y\[2\] is nan, which is not a label"),
        ([0.0, np.inf, 1.0, 1, 0, 0], r"y\[1\] is inf, which is not a label"),
        (["a", None, "b", "a", "b", "b"], r"y\[1\] is None, which is not a label"),
        (pd.Series([*"abcab", pd.NA], dtype=object), r"y\[5\] is <NA>, which is not a label"),
        (["same"] * 6, r"at least two classes, but all 6 labels are 'same' \(one class\)"),
        ([0, 0, 1, 0, 0, "1"], r"y\[5\] is '1' and y\[0\] is 0, but labels must be of one type"),
        (["a", "b", 1, 2.0, "a", "b"], r"y\[0\] is 'a' and y\[2\] is 1, .*str\(label\) for label"),
        (np.array(["a", 1, "b", "b", 2, 2], dtype=object), r"y\[0\] is 'a' and y\[1\] is 1"),
        (["a", "b", np.nan, "a", "b", "b"], r"y\[2\] is nan, which is not a label"),
        (np.linspace(0, 1, 6), "Unknown label type"),
        (np.zeros((6, 2, 2)), "array with dim 3"),
    ],
)
def test_labels_that_cannot_be_used_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        read_labels(y, 6)


def test_a_column_of_labels_is_one_label_per_image():
    with pytest.warns(DataConversionWarning, match="column-vector"):
        task, codes = read_labels(np.array([["b"], ["a"], ["b"]]), 3)
    assert (task.classes.tolist(), codes.tolist()) == (["a", "b"], [1, 0, 1])


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({"a": -1}, "class_weight has -1 for 'a', but a weight must be 0 or a positive number"),
        ({"b": np.nan}, "class_weight has nan for 'b'"),
        ({"a": "2"}, "class_weight has '2' for 'a'"),
        ({"a": 0, "b": 0}, "leaves fewer than two classes with a positive weight"),
        ({"ab": 3}, "key 'ab', but y has no such label. Did you mean .* The classes are 'a', 'b'"),
        ({"a": 3, "ab": 1}, "class_weight has the key 'ab', but y has no such label"),
    ],
)
def test_weights_of_classes_are_checked(class_weight, message):
    task = Multiclass(np.array(["a", "b", "c"]))
    codes = np.array([0, 1, 2])
    assert task.class_weights({"a": 0, "b": 3}, codes, np.ones(3)).tolist() == [0, 3, 1]
    with pytest.raises(ValueError, match=message):
        task.class_weights(class_weight, codes, np.ones(3))


def test_a_key_of_another_type_is_not_its_own_correction():
    task = Multiclass(np.array([0, 1]))
    with pytest.raises(
        ValueError, match=r"key '0', but y has no such label\. The classes are 0, 1"
    ):
        task.class_weights({"0": 2}, np.array([0, 1]), np.ones(2))


def test_a_weight_of_a_class_that_a_fold_lacks_is_warned_of():
    task = Multiclass(np.array(["a", "b"]))
    with pytest.warns(UserWarning, match="the key 'rose', but y has no such label. The classes"):
        weights = task.class_weights({"a": 1, "b": 2, "rose": 9}, np.array([0, 1]), np.ones(2))
    assert weights.tolist() == [1, 2]


def test_the_part_held_out_is_stratified_and_follows_the_seed():
    codes = np.repeat([0, 1, 2], [20, 10, 10])
    task = Multiclass(np.array(["a", "b", "c"]))
    train, valid = task.hold_out(codes, 0.2, 3)
    np.testing.assert_array_equal(np.sort(np.concatenate([train, valid])), np.arange(40))
    np.testing.assert_array_equal(np.bincount(codes[train]), [16, 8, 8])
    np.testing.assert_array_equal(valid, task.hold_out(codes, 0.2, 3)[1])
    assert set(valid) != set(task.hold_out(codes, 0.2, 4)[1])


@pytest.mark.parametrize(
    ("counts", "fraction", "message"),
    [
        ([8, 1], 0.2, "Class 'b' has one image, but early_stopping=True needs at least two"),
        ([8, 8], 0.05, r"of 16 images is 1, .* each of the 2 classes. .* from 0.13 to 0.87"),
        ([8, 8], 0.95, r"of 16 images is 16, .* each of the 2 classes"),
        ([12, 2], 0.8, "every image of class 'b' would be held out"),
    ],
)
def test_a_part_that_cannot_be_held_out_is_refused_with_advice(counts, fraction, message):
    codes = np.repeat(np.arange(len(counts)), counts)
    with pytest.raises(ValueError, match=message):
        Multiclass(np.array(["a", "b"])).hold_out(codes, fraction, 0)
