import numpy as np
import pandas as pd
import pytest

from sklearn_tl.cli.folds import Folds, check_folds


def make_folds(y, n_folds, seed, task="classification", groups=None):
    """Return folds, and print what is said about them."""
    folds = Folds(n_folds, seed, task)
    check_folds(y, folds, groups)
    return list(folds.split(None, y, groups))


def positions(splits):
    return sorted(np.concatenate([test for _, test in splits]).tolist())


def test_labels_are_spread_by_the_rarest_and_rare_ones_are_named(capsys):
    y = np.zeros((40, 3), dtype=int)
    y[:10, 0] = y[5:30, 1] = y[38:, 2] = 1
    splits = make_folds(pd.DataFrame(y, columns=["a", "b", "c"]), 5, 0, "multilabel")
    assert positions(splits) == list(range(40))
    assert [y[test, 0].sum() for _, test in splits] == [2] * 5
    assert capsys.readouterr().out.endswith("since they have fewer images: c\n")


def test_numbers_are_drawn_at_random_and_the_seed_decides(capsys):
    y = np.linspace(0, 1, 13)
    splits, again, other = (make_folds(y, 5, seed, "regression") for seed in (0, 0, 1))
    assert positions(splits) == list(range(13))
    assert [test.tolist() for _, test in splits] == [test.tolist() for _, test in again]
    assert [test.tolist() for _, test in splits] != [test.tolist() for _, test in other]
    assert len(make_folds(y[:3], 5, 0, "regression")) == 3
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("task", ["classification", "multilabel", "regression"])
def test_no_group_is_in_both_parts_of_a_fold(task, capsys):
    groups = np.repeat(np.arange(8), 5)
    y = {
        "classification": np.tile(["a", "b"], 20),
        "multilabel": np.tile([[0, 1], [1, 1]], (20, 1)),
        "regression": np.arange(40.0),
    }[task]
    splits = make_folds(y, 4, 0, task, groups)
    assert len(splits) == 4
    assert positions(splits) == list(range(40))
    assert not any(set(groups[train]) & set(groups[test]) for train, test in splits)
    assert len(make_folds(y, 5, 0, task, groups // 3)) == 3  # since there are three groups
    assert capsys.readouterr().out == ""
    with pytest.raises(ValueError, match="All images are in one group. Folds need two groups"):
        make_folds(y, 5, 0, task, np.full(40, 7))


def test_a_class_that_no_fold_could_be_trained_on_is_an_error():
    y, groups = np.repeat(["a", "b", "c"], 10), np.repeat(np.arange(6), 5)
    groups[y == "c"] = 5
    with pytest.raises(ValueError, match="class c are in one group, so no fold can be trained"):
        make_folds(y, 3, 0, groups=groups)


def test_classes_with_fewer_groups_than_folds_are_named(capsys):
    y, groups = np.repeat(["a", "b"], 20), np.repeat(np.arange(8), 5)
    groups[y == "b"] = np.repeat([10, 11], 10)
    make_folds(y, 4, 0, groups=groups)
    assert capsys.readouterr().out.endswith("4 folds, since they have fewer groups: b\n")
