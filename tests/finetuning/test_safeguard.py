"""A training that goes wrong without infinities is noticed."""

import pickle
import warnings

import numpy as np
import pytest
import torch
from helpers.estimators import make, make_regressor
from helpers.pictures import study

from sklearn_tl.finetuning.safeguard import few_images


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


def test_images_of_little_weight_count_little():
    X, y = study(2, 60)
    wrong = np.arange(60) % 5 < 2
    weight = np.where(wrong, 0.02, 1.0)
    labels = np.where(wrong, 1 - y, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = make("all", max_epochs=20, head_C=1e-3, lr=1e-2, weight_averaging=1.0)
        model.fit(X, labels, sample_weight=weight)
    assert model.score(X, y) > 0.9


def test_few_images_are_drawn_by_weight():
    class Images(list):
        augment = "standard"

    images, weights = Images(range(100)), np.repeat([0.01, 1, 3], [50, 40, 10])
    drawn = np.bincount(list(few_images(images, weights)), minlength=100)
    assert drawn.sum() == 64
    assert drawn[:50].sum() <= 1
    assert abs(drawn[90:].sum() - 64 * 30 / 70.5) <= 3
    assert len(set(few_images(images))) == 64


def test_a_training_that_only_learns_little_is_left_alone():
    X, _ = study(3, 60)
    noise = np.random.default_rng(0).integers(0, 3, 60)
    for lr in (1e-12, 1e-3):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            make("all", lr=lr, head_C=1e-4).fit(X, noise)


def weights_of(model):
    return {name: t.clone() for name, t in model.net_.module_.state_dict().items()}


def test_weights_are_averaged_with_those_before_the_training():
    X, y = study(n=20)
    head = make(unfreeze="all", lr=1e-12).fit(X, y)  # as before the training
    trained, half = (
        make(unfreeze="all", max_epochs=2, weight_averaging=w).fit(X, y) for w in (1.0, 0.5)
    )
    start, end, average = map(weights_of, (head, trained, half))
    for name in (n for n in average if average[n].is_floating_point()):
        torch.testing.assert_close(
            average[name], (start[name] + end[name]) / 2, rtol=1e-4, atol=1e-6
        )
    assert any(not torch.equal(start[name], end[name]) for name in end)
    restored = pickle.loads(pickle.dumps(half))
    np.testing.assert_array_equal(restored.predict_proba(X), half.predict_proba(X))


def test_the_average_is_not_kept_if_held_out_images_speak_against_it():
    X, y = study(n=40)
    options = {"unfreeze": 1, "head_C": 1e-3, "lr": 0.01, "early_stopping": True, "max_epochs": 9}
    trained, half = (make(weight_averaging=w, **options).fit(X, y) for w in (1.0, 0.5))
    for name, tensor in weights_of(half).items():
        torch.testing.assert_close(tensor, weights_of(trained)[name])
