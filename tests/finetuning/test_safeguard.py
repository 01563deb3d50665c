"""A training that goes wrong without infinities is noticed."""

import warnings

import numpy as np
import pytest
from helpers.estimators import make, make_regressor
from helpers.pictures import study


@pytest.mark.parametrize(
    ("unfreeze", "parameters"),
    [(1, {}), ("all", {}), ("all", {"augment": "standard"}), ("all", {"early_stopping": True})],
)
def test_the_start_is_restored_with_a_warning(unfreeze, parameters):
    X, y = study(3, 60)
    common = {**parameters, "validation_fraction": 0.2}
    message = r"went wrong.* have 1\.1\. .*Try lr=1 in place of 10\."
    with pytest.warns(UserWarning, match=message) as got:
        model = make(unfreeze, lr=10, **common).fit(X, y)
    assert got[0].filename == __file__
    start = make(unfreeze, lr=1e-12, max_epochs=1, **common).fit(X, y)
    np.testing.assert_allclose(model.decision_function(X), start.decision_function(X), rtol=1e-4)
    assert model.score(X, y) > 0.9


def test_regressors_and_several_labels_have_it_too():
    X, y = study(3, 60)
    labels = np.column_stack([y == 0, y == 1]).astype(int)
    for model, targets in ((make_regressor("all", lr=10), y), (make("all", lr=10), labels)):
        with pytest.warns(UserWarning, match="went wrong"):
            model.fit(X, targets)


def test_a_training_that_only_learns_little_is_left_alone():
    X, _ = study(3, 60)
    noise = np.random.default_rng(0).integers(0, 3, 60)
    for lr in (1e-12, 1e-3):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            make("all", lr=lr, head_C=1e-4).fit(X, noise)
