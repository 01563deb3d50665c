"""Class weights decide how often images are drawn."""

import numpy as np
import pytest
import torch
from helpers.estimators import make
from helpers.pictures import study
from sklearn.metrics import recall_score
from torch import nn

from sklearn_tl.finetuning.sampling import DrawByWeight


def test_class_weights_raise_the_recall_of_a_rare_class():
    rng = np.random.default_rng(0)
    y = np.array([0] * 76 + [1] * 4)
    X = np.clip(rng.normal(120 + 12 * y[:, None, None], 15, (80, 16, 16)), 0, 255).astype(np.uint8)
    recalls = {}
    for class_weight in (None, "balanced", {0: 1, 1: 19}):
        classifier = make(class_weight=class_weight, lr=1e-3).fit(X, y)
        recalls[str(class_weight)] = recall_score(y, classifier.predict(X))
    assert recalls["None"] < recalls["balanced"] == recalls["{0: 1, 1: 19}"]


@pytest.mark.parametrize(("unfreeze", "n_rare"), [(None, 4), (1, 4), (1, 2)])
def test_balanced_weights_find_a_very_rare_class(unfreeze, n_rare):
    def images(counts, seed):
        rng = np.random.default_rng(seed)
        y = np.repeat(np.arange(len(counts)), counts)
        X = rng.integers(0, 120, (len(y), 24, 24, 3)) + rng.normal(0, 25, (len(y), 1, 1, 3))
        X[np.arange(len(y)), ..., y] += 70
        return X.clip(0, 255).astype(np.uint8), y

    X, y = images((400, 400, n_rare), 0)  # one to a hundred, or two hundred
    X_test, y_test = images((50, 50, 50), 1)
    recall = {}
    for class_weight in (None, "balanced"):
        classifier = make(unfreeze, image_size=24, class_weight=class_weight, head_C="auto")
        predicted = classifier.set_params(max_epochs=3).fit(X, y).predict(X_test)
        recall[class_weight] = recall_score(y_test, predicted, average=None)
    assert recall[None][2] < 0.4
    assert recall["balanced"][2] > 0.6
    assert recall["balanced"].min() > 0.6


def test_images_are_drawn_as_often_as_their_weights_say():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        assert sorted(DrawByWeight(np.full(7, 3.0))) == list(range(7))
        sampler = DrawByWeight(np.array([0.5, 0.5, 2.0, 1.0]))
        epochs = [list(sampler) for _ in range(200)]
    assert {len(epoch) for epoch in epochs} == {4}
    counts = np.array([np.bincount(epoch, minlength=4) for epoch in epochs])
    assert (counts[:, 2] == 2).all()
    assert (counts[:, 3] == 1).all()
    np.testing.assert_allclose(counts.mean(0), [0.5, 0.5, 2, 1], atol=0.15)


def test_class_weights_work_with_the_users_criterion():
    X, y = study(3, 40)
    losses = []
    for net_params in (None, {"criterion__label_smoothing": 0.5}):
        classifier = make(class_weight="balanced", net_params=net_params, early_stopping=True)
        losses.append(classifier.fit(X, y).history_[0, ("train_loss", "valid_loss")])
    assert losses[1][0] > losses[0][0] + 0.1
    assert losses[1][1] > losses[0][1] + 0.1
    criterion = {"criterion": nn.MultiMarginLoss}
    classifier = make(class_weight="balanced", net_params=criterion).fit(X, y)
    assert classifier.net_.criterion_.weight is None  # not weighed twice
