"""Heads that a user's function makes, and regressions on rows."""

import numpy as np
import pytest
import torch
from helpers.estimators import make
from helpers.pictures import study
from sklearn.linear_model import LogisticRegression
from torch import nn

from sklearn_tl._finetuner import HEAD_PATIENCE
from sklearn_tl.finetuning.heads import logistic_head, logistic_heads
from sklearn_tl.finetuning.training import CONVERGED


def test_a_factory_makes_the_head():
    def mlp(n_features, n_classes):
        return nn.Sequential(
            nn.Linear(n_features, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, n_classes)
        )

    X, y = study(3, 30)
    for unfreeze in (None, 1):
        classifier = make(unfreeze, head=mlp).fit(X, y)
        assert classifier.score(X, y) > 0.9
        n_epochs = len(classifier.history_)
        assert 50 < n_epochs < 500 if unfreeze is None else n_epochs == 5
        norm = classifier.net_.module_.head[1]
        assert norm.num_batches_tracked > 0  # the head's own BatchNorm is no pretrained one


def test_a_head_is_trained_in_one_thread_until_it_has_converged():
    n_threads = []

    class Head(nn.Linear):
        def forward(self, x):
            if self.training:
                n_threads.append(torch.get_num_threads())
            return super().forward(x)

    X, y = study(3, 60)
    classifier = make(None, head=Head).fit(X, y)
    assert set(n_threads) == {1}
    losses = classifier.history_[:, "train_loss"]
    patience = HEAD_PATIENCE // 2  # epochs of two steps
    assert len(losses) < 250
    assert min(losses[:-patience]) - min(losses[-patience:]) < CONVERGED
    assert max(losses[:-patience]) > 10 * CONVERGED
    np.testing.assert_array_equal(
        make(None, head=Head).fit(X, y).predict_proba(X), classifier.predict_proba(X)
    )


def test_a_single_last_image_does_not_reach_batchnorm():
    X, y = study(3, 33)
    classifier = make(1, head=lambda f, c: nn.Sequential(nn.BatchNorm1d(f), nn.Linear(f, c)))
    assert len(classifier.fit(X, y).history_) == 5


def test_errors_name_wrong_heads():
    X, y = study(3, 12)
    with pytest.raises(ValueError, match=r"3 outputs per image: \(2, 3\)"):
        make(head=lambda n_features, n_classes: nn.Linear(n_features, 7)).fit(X, y)
    with pytest.raises(TypeError, match="returned str"):
        make(head=lambda n_features, n_classes: "mlp").fit(X, y)


def test_a_head_is_the_regression_in_double_precision():
    random = np.random.default_rng(0)
    rows, codes = random.normal(size=(60, 40)).astype(np.float32), np.arange(60) % 3
    head = logistic_head(rows, codes, np.ones(60), C=1)
    exact = LogisticRegression(max_iter=1000).fit(rows.astype(np.float64), codes)
    np.testing.assert_array_equal(head.weight.detach(), exact.coef_.astype(np.float32))


@pytest.mark.parametrize("value", [0, 1])
def test_an_image_of_weight_2_counts_twice_also_if_all_labels_are_equal(value):
    rows = np.arange(6, dtype=np.float32).reshape(3, 2)
    targets = np.full((3, 1), value, dtype=np.float32)
    weighted = logistic_heads(rows, targets, np.full((3, 1), 2.0), C=1)
    twice = logistic_heads(rows.repeat(2, 0), targets.repeat(2, 0), np.ones((6, 1)), C=1)
    assert weighted.bias.item() == pytest.approx(twice.bias.item())
    assert weighted.bias.item() == pytest.approx((2 * value - 1) * np.log(13))
