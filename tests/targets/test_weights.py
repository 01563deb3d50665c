"""Weights of images are checked."""

import numpy as np
import pandas as pd
import pytest

from sklearn_tl.targets import check_weights


def test_weights_become_one_number_per_image():
    assert check_weights(None, 3).tolist() == [1, 1, 1]
    assert check_weights(2, 3).tolist() == [2, 2, 2]
    assert check_weights([0, 1, 2], 3).tolist() == [0, 1, 2]
    assert check_weights(pd.Series([0, 1, 2], index=[5, 6, 7]), 3).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1, 2], r"shape \(2,\).*one weight for each of the 3 images"),
        (np.ones((3, 1)), r"shape \(3, 1\)"),
        ([1, -2, -3], r"sample_weight\[1\] is -2, but a weight must be 0 or a positive"),
        ([1, np.nan, 1], r"sample_weight\[1\] is nan"),
        ([1, 1, np.inf], r"sample_weight\[2\] is inf"),
        ([0, 0, 0], "All 3 weights in sample_weight are zero"),
        (["a", "b", "c"], "sample_weight must be numbers"),
    ],
)
def test_weights_that_cannot_be_used_are_refused(weight, message):
    with pytest.raises(ValueError, match=message):
        check_weights(weight, 3)
