"""`FineTuneClassifier` as its users meet it."""

import pickle
import random
import subprocess
import sys
from functools import partial

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from helpers.networks import NormNet, TinyNet
from helpers.pictures import save_all, study
from PIL import Image
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, recall_score
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    cross_validate,
    learning_curve,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from skorch.callbacks import Callback, EarlyStopping, EpochScoring, LRScheduler, Unfreezer
from torch import nn
from torchvision.transforms import v2

from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier, clear_cache
from sklearn_tl._utils import labels
from sklearn_tl.backbones import load_backbone
from sklearn_tl.cache.store import MEMORY
from sklearn_tl.embedding import frozen_pass as embedding
from sklearn_tl.finetuning import augmentation, training
from sklearn_tl.finetuning import surgery as tuning
from sklearn_tl.images import sequence as images_module

DEPTHS = (None, 1, 2, "stage1", "all")


def make(unfreeze=1, **parameters):
    defaults = {"backbone": NormNet, "image_size": 16, "head_C": 100, "random_state": 0, "lr": 1e-3}
    return FineTuneClassifier(**{"unfreeze": unfreeze, **defaults, **parameters})


# --- the recipe ----------------------------------------------------------------------------------


def test_unfreeze_none_is_logistic_regression_on_embeddings():
    X, y = study(3, 30)
    linear = make_pipeline(
        ConvFeatureExtractor(NormNet, image_size=16), LogisticRegression(C=10, max_iter=1000)
    )
    expected = linear.fit(X, y).predict_proba(X)
    np.testing.assert_allclose(
        make(None, head_C=10).fit(X, y).predict_proba(X), expected, atol=1e-5
    )


def test_unfreeze_none_for_two_classes():
    X, y = study(2, 20)
    linear = make_pipeline(ConvFeatureExtractor(NormNet, image_size=16), LogisticRegression())
    expected = linear.fit(X, y).decision_function(X)
    np.testing.assert_allclose(
        make(None, head_C=1).fit(X, y).decision_function(X), expected, atol=1e-5
    )


@pytest.mark.parametrize(
    ("unfreeze", "names"),
    [
        (1, ["stage2"]),
        (2, ["stage1", "stage2"]),
        (3, ["stem", "pool", "stage1", "stage2"]),  # pool has no weights and does not count
        ("pool", ["pool", "stage1", "stage2"]),
        ("all", ["stem", "pool", "stage1", "stage2"]),
    ],
)
def test_layers_to_tune(unfreeze, names):
    assert tuning.layers_to_tune(load_backbone(NormNet), unfreeze) == names


@pytest.mark.parametrize("augment", [None, "standard"])
@pytest.mark.parametrize("unfreeze", DEPTHS)
def test_frozen_is_frozen_and_the_rest_learns(unfreeze, augment):
    X, y = study(3, 24)
    callbacks = [Unfreezer("*"), ToggleTraining()]
    backbone = load_backbone(NormNet)
    before = {k: v.clone() for k, v in backbone.module.state_dict().items()}
    classifier = make(unfreeze, augment=augment, callbacks=callbacks).fit(X, y)
    after = tuning.tuned_backbone(backbone, classifier._tensors).module.state_dict()
    tuned = () if unfreeze is None else tuning.layers_to_tune(backbone, unfreeze)
    for name, tensor in before.items():
        assert torch.equal(backbone.module.state_dict()[name], tensor)  # the shared one
        is_statistic = "running" in name or "num_batches" in name
        is_tuned = name.split(".")[0] in tuned and not is_statistic
        assert torch.equal(after[name], tensor) == (not is_tuned), name


class ToggleTraining(Callback):
    """What skorch itself does when it scores in the middle of a training."""

    def on_batch_begin(self, net, training, **kwargs):
        net.module_.eval()
        net.module_.train()


def test_head_of_a_factory():
    def mlp(n_features, n_classes):
        return nn.Sequential(
            nn.Linear(n_features, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, n_classes)
        )

    X, y = study(3, 30)
    for unfreeze in (None, 1):
        classifier = make(unfreeze, head=mlp).fit(X, y)
        assert classifier.score(X, y) > 0.9
        assert len(classifier.history_) == (500 if unfreeze is None else 5)
        norm = classifier.net_.module_.head[1]
        assert norm.num_batches_tracked > 0  # the head's own BatchNorm is no pretrained one


def test_batchnorm_in_the_head_and_one_image_too_many():
    X, y = study(3, 33)
    classifier = make(1, head=lambda f, c: nn.Sequential(nn.BatchNorm1d(f), nn.Linear(f, c)))
    assert len(classifier.fit(X, y).history_) == 5


def test_wrong_head():
    X, y = study(3, 12)
    with pytest.raises(ValueError, match=r"logits for 3 classes are \(2, 3\)"):
        make(head=lambda n_features, n_classes: nn.Linear(n_features, 7)).fit(X, y)
    with pytest.raises(TypeError, match="returned str"):
        make(head=lambda n_features, n_classes: "mlp").fit(X, y)


def test_learning_rates():
    X, y = study(3, 40)
    classifier = make("all", lr=0.01, layer_decay=0.5, batch_size=8, max_epochs=4).fit(X, y)
    groups = classifier.net_.optimizer_.param_groups
    assert [group["initial_lr"] for group in groups] == [0.01, 0.005, 0.0025, 0.00125]
    rates = classifier.history_[:, "lr"]
    assert max(rates) < 0.01
    assert rates == sorted(rates, reverse=True)
    assert classifier.history_[-1, "lr_lowest"] == pytest.approx(rates[-1] / 8)
    factor = training.warmup_cosine(100)
    assert [factor(0), factor(9), factor(10), factor(55)] == pytest.approx([0.1, 1, 1, 0.5])
    assert factor(99) < 0.001


# --- a classifier of scikit-learn ----------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        ["rose", "tulip", "iris"],
        np.array(["b", "a", "c"], dtype=object),
        [7, -3, 12],
        [2.0, 5.0, 1.0],
        pd.Series(["x", "y", "z"]),
    ],
)
def test_labels(names):
    X, codes = study(3, 30)
    y = [list(names)[code] for code in codes]
    y = pd.Series(y, index=range(100, 130)) if isinstance(names, pd.Series) else np.asarray(y)
    classifier = make().fit(X, y)
    np.testing.assert_array_equal(classifier.classes_, np.unique(names))
    predicted = classifier.predict(X)
    assert predicted.dtype == classifier.classes_.dtype
    assert (predicted == y).mean() == classifier.score(X, y) > 0.9
    probabilities = classifier.predict_proba(X)
    assert probabilities.shape == (30, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    logits = classifier.decision_function(X)
    np.testing.assert_array_equal(classifier.classes_[logits.argmax(axis=1)], predicted)


def test_two_classes():
    X, y = study(2, 20)
    classifier = make().fit(X, y == 1)
    assert classifier.classes_.tolist() == [False, True]
    decision = classifier.decision_function(X)
    assert decision.shape == (20,)
    np.testing.assert_array_equal(classifier.predict(X), decision > 0)
    np.testing.assert_allclose(classifier.predict_proba(X)[:, 1], 1 / (1 + np.exp(-decision)))


def test_class_weight():
    rng = np.random.default_rng(0)
    y = np.array([0] * 76 + [1] * 4)
    X = np.clip(rng.normal(120 + 12 * y[:, None, None], 15, (80, 16, 16)), 0, 255).astype(np.uint8)
    recalls = {}
    for class_weight in (None, "balanced", {0: 1, 1: 19}):
        classifier = make(class_weight=class_weight, lr=1e-3).fit(X, y)
        recalls[str(class_weight)] = recall_score(y, classifier.predict(X))
    assert recalls["None"] < recalls["balanced"] == recalls["{0: 1, 1: 19}"]


def test_clone_parameters_and_repr():
    classifier = make(callbacks=[EarlyStopping()], net_params={"optimizer": torch.optim.SGD})
    copy = clone(classifier).set_params(unfreeze="all", lr=0.5)
    assert (copy.unfreeze, copy.lr, classifier.lr) == ("all", 0.5, 1e-3)
    assert copy.net_params == {"optimizer": torch.optim.SGD}
    assert "FineTuneClassifier" in classifier._repr_html_()
    tags = classifier.__sklearn_tags__()
    assert tags.estimator_type == "classifier"
    assert tags.target_tags.required
    assert not tags.input_tags.two_d_array


def test_n_features_in():
    X = np.random.default_rng(0).uniform(size=(12, 20))
    classifier = make(image_shape="strip").fit(X, np.arange(12) % 2)
    assert classifier.n_features_in_ == 20
    with pytest.raises(ValueError, match="19 features"):
        classifier.predict(X[:, :19])
    images, y = study(2, 12)
    assert not hasattr(make().fit(images, y), "n_features_in_")


def test_not_fitted(make_images):
    classifier = make()
    for method in ("predict", "predict_proba", "decision_function", "transform"):
        with pytest.raises(NotFittedError):
            getattr(classifier, method)(make_images())
    assert not hasattr(classifier, "net_")


# --- skorch --------------------------------------------------------------------------------------


def test_history():
    X, y = study(3, 40)
    classifier = make(early_stopping=True, validation_fraction=0.2).fit(X, y)
    assert classifier.history_ is classifier.net_.history
    wanted = {"train_loss", "valid_loss", "train_acc", "valid_acc", "lr", "lr_lowest", "dur"}
    for row in classifier.history_:
        assert wanted <= set(row)
    assert not make(None).fit(X, y).history_


def test_callbacks_and_net_params_reach_skorch():
    X, y = study(3, 40)
    stop = EarlyStopping(monitor="train_loss", patience=2, threshold=10)
    callbacks = [
        ("f1", EpochScoring("f1_macro", name="f1", on_train=True, lower_is_better=False)),
        LRScheduler("StepLR", step_size=1, gamma=0.1),
        stop,
    ]
    classifier = make(
        callbacks=callbacks,
        max_epochs=20,
        net_params={
            "optimizer": torch.optim.SGD,
            "optimizer__momentum": 0.5,
            "criterion": nn.MultiMarginLoss,
            "callbacks__f1__name": "macro",
            "iterator_train__shuffle": False,
        },
    ).fit(X, y)
    history = classifier.history_
    assert len(history) == 3  # the first epoch is always better than nothing
    assert all("macro" in row for row in history)
    assert history[:, "lr"] == pytest.approx([1e-3, 1e-4, 1e-5])
    assert isinstance(classifier.net_.optimizer_, torch.optim.SGD)
    assert classifier.net_.optimizer_.param_groups[0]["momentum"] == 0.5
    assert isinstance(classifier.net_.criterion_, nn.MultiMarginLoss)
    assert stop.misses_ == 0  # the user's own is as it was


def test_net_params_of_our_own():
    X, y = study(2, 12)
    with pytest.raises(ValueError, match=r"net_params=\{'lr'.*set lr of FineTuneClassifier"):
        make(net_params={"lr": 1}).fit(X, y)
    with pytest.raises(ValueError, match="backbone and the head"):
        make(net_params={"module": nn.Linear}).fit(X, y)


def test_verbose(capsys):
    X, y = study(2, 12)
    make(early_stopping=True, validation_fraction=0.3).fit(X, y)
    assert capsys.readouterr() == ("", "")
    make(verbose=1, max_epochs=3).fit(X, y)
    out, err = capsys.readouterr()
    assert out == ""
    assert "3/3" in err
    assert "train_loss=" in err
    make(verbose=2).fit(X, y)
    out, err = capsys.readouterr()
    assert "train_loss" in out
    assert "fine-tuning" not in err


# --- early stopping ------------------------------------------------------------------------------


@pytest.fixture
def held_out(monkeypatch):
    """Return a list to which the indices of the images held out by each fit are appended."""
    parts = []
    hold_out = labels.hold_out

    def spy(*args):
        result = hold_out(*args)
        parts.append(result[1])
        return result

    monkeypatch.setattr(labels, "hold_out", spy)
    return parts


@pytest.mark.parametrize("unfreeze", [1, "all"])
def test_early_stopping_keeps_the_best_epoch(unfreeze, held_out, monkeypatch):
    def no_files(*args, **kwargs):
        raise AssertionError("weights went through a file")

    monkeypatch.setattr(torch, "save", no_files)
    X, y = noisy_study()
    classifier = make(unfreeze, **OVERFITTING).fit(X, y)
    losses = classifier.history_[:, "valid_loss"]
    assert len(losses) < OVERFITTING["max_epochs"]
    assert len(losses) - 1 - int(np.argmin(losses)) == OVERFITTING["n_iter_no_change"]
    probabilities = classifier.predict_proba(X[held_out[0]])
    assert log_loss(y[held_out[0]], probabilities) == pytest.approx(min(losses), rel=1e-4)


OVERFITTING = {
    "head_C": 0.1,
    "lr": 0.02,
    "max_epochs": 40,
    "early_stopping": True,
    "validation_fraction": 0.3,
    "n_iter_no_change": 4,
}


def noisy_study():
    X, y = study(3, 60)
    return X, np.where(np.arange(60) % 7 == 0, (y + 1) % 3, y)


def test_what_is_held_out_is_stratified_seeded_and_never_fitted(held_out, monkeypatch):
    X, y = study(3, 60)
    fitted = []
    linear_head = tuning.linear_head

    def spy(rows, codes, **kwargs):
        fitted.append(rows)
        return linear_head(rows, codes, **kwargs)

    monkeypatch.setattr(tuning, "linear_head", spy)
    for seed in (0, 0, 1):
        make(early_stopping=True, validation_fraction=0.2, random_state=seed).fit(X, y)
    assert np.bincount(y[held_out[0]]).tolist() == [4, 4, 4]
    np.testing.assert_array_equal(held_out[0], held_out[1])
    assert set(held_out[0]) != set(held_out[2])
    rows = ConvFeatureExtractor(NormNet, image_size=16).fit_transform(X)
    kept = np.setdiff1d(np.arange(60), held_out[0])
    np.testing.assert_allclose(np.sort(fitted[0], axis=0), np.sort(rows[kept], axis=0), atol=1e-5)


def test_held_out_images_do_not_matter_but_for_when_to_stop(held_out):
    X, y = study(3, 60)
    fit = make(early_stopping=True, n_iter_no_change=50).fit
    first = fit(X, y).history_
    X[held_out[0]] = 255 - X[held_out[0]]
    second = fit(X, y).history_
    assert first[:, "train_loss"] == second[:, "train_loss"]
    assert first[:, "valid_loss"] != second[:, "valid_loss"]


def test_early_stopping_needs_images():
    X, y = study(3, 30)
    with pytest.raises(ValueError, match="Class 7 has one image.*early_stopping=False"):
        make(early_stopping=True).fit(X, np.where(np.arange(30) == 4, 7, y))
    with pytest.raises(ValueError, match="0.05 of 30 images is 2.*from 0.1 to 0.9"):
        make(early_stopping=True, validation_fraction=0.05).fit(X, y)
    make(None, early_stopping=True).fit(X, np.where(np.arange(30) == 4, 7, y))  # holds out nothing


# --- augmentation --------------------------------------------------------------------------------


def test_the_frozen_part_sees_each_image_once(network_images):
    X, y = study(3, 30)
    classifier = make(1, max_epochs=4).fit(X, y)
    assert sum(network_images) == 30
    classifier.fit(X, y)
    classifier.predict(X)
    clone(classifier).set_params(lr=1e-3).fit(X[:20], y[:20])
    assert sum(network_images) == 30
    make(None).fit(X, y)  # other rows
    make("all").fit(X, y)  # for its head the rows of the line before
    assert sum(network_images) == 60


def test_augmentation_is_for_training_alone():
    seen = []

    def augment(image):
        seen.append(image)
        return image

    X, y = study(3, 30)
    classifier = make(1, augment=augment, max_epochs=3).fit(X, y)
    assert len(seen) == 3 * 30
    # Scaled, as for a prediction, but not yet cropped: 24 x 30 pixels for an input of 16 x 16.
    assert {(type(image), image.size) for image in seen} == {(Image.Image, (22, 18))}
    classifier.predict(X)
    assert len(seen) == 3 * 30
    # One that changes nothing trains as without, but for the way there, which is not folded.
    plain = make(1, max_epochs=3).fit(X, y)
    np.testing.assert_allclose(classifier.predict_proba(X), plain.predict_proba(X), atol=1e-3)


@pytest.mark.parametrize(
    "augment",
    [
        "standard",
        v2.RandomHorizontalFlip(),
        v2.Compose([v2.PILToTensor(), v2.RandomErasing(), v2.ToDtype(torch.float32, scale=True)]),
        v2.RandomResizedCrop(16, antialias=True),
        v2.RandomCrop(9),  # smaller than the input
        lambda image: image.rotate(10).convert("L"),
    ],
)
def test_augmentations(augment):
    X, y = study(3, 30)
    first, again = (make(1, augment=augment).fit(X, y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = make(1, augment=augment, random_state=1).fit(X, y).predict_proba(X)
    assert not np.array_equal(first, other)


def test_augmentation_of_deep_images():
    X, y = study(3, 30)
    seen = []

    def augment(image):
        seen.append(image)
        return image.mul_(0.5)

    before = (X / 400).astype(np.float32)  # no levels of 8 bits
    images = before.copy()
    make(1, augment=augment, max_epochs=1).fit(images, y)
    assert {(type(image), image.dtype) for image in seen} == {(torch.Tensor, torch.float32)}
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize(
    ("augment", "error", "message"),
    [
        (lambda image: np.asarray(image), TypeError, r"applied to X\[\d+\], returned ndarray"),
        (v2.Compose([v2.PILToTensor(), lambda x: x[0]]), ValueError, r"shape \(18, 22\)"),
        (
            v2.Compose(
                [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5], [0.1])]
            ),
            ValueError,
            "Leave Normalize out",
        ),
    ],
)
def test_wrong_augmentations(augment, error, message):
    X, y = study(3, 30)
    with pytest.raises(error, match=message):
        make(1, augment=augment).fit(X, y)


def test_error_inside_an_augmentation_says_where():
    X, y = study(3, 30)
    with pytest.raises(ZeroDivisionError) as info:
        make(1, augment=lambda image: 1 / 0, batch_size=30).fit(X, y)
    assert "a PIL image" in info.value.__notes__[0]


def test_files_are_read_once_for_all_epochs(tmp_path, monkeypatch):
    X, y = study(3, 30)
    paths = save_all(X, tmp_path)
    classifier = make("all", max_epochs=3, cache=None)
    expected = classifier.fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(classifier.fit(paths, y).predict_proba(paths), expected)
    decoded = []
    decode = images_module._ImageFile.decode

    def counting(self, at_least):
        decoded.append(at_least)
        return decode(self, at_least)

    monkeypatch.setattr(images_module._ImageFile, "decode", counting)
    classifier.fit(paths, y)
    assert len(decoded) == 60  # once for the head's rows, once for the training


def test_more_images_than_are_kept(monkeypatch):
    X, y = study(3, 30)
    expected = make("all").fit(X, y).predict_proba(X)
    monkeypatch.setattr(augmentation, "KEEP_BYTES", 4000)
    np.testing.assert_array_equal(make("all").fit(X, y).predict_proba(X), expected)


@pytest.mark.parametrize("cache", ["memory", "file"])
def test_large_activations_lie_in_a_file(cache, tmp_path, monkeypatch, network_images):
    """And leave the memory cache to what fits there."""
    cache = tmp_path / "cache" if cache == "file" else cache
    X, y = study(3, 30)
    X[7] = X[3]
    wanted = make().fit(X, y).predict_proba(X)
    clear_cache()
    made, in_file = [], embedding._in_file

    def counting(shape):
        made.append(shape)
        return in_file(shape)

    monkeypatch.setattr(embedding, "_in_file", counting)
    monkeypatch.setattr(embedding, "LARGE", 10_000)
    network_images.clear()
    np.testing.assert_array_equal(make(cache=cache).fit(X, y).predict_proba(X), wanted)
    assert made == [(30, 640)] * 2  # to train on, and to predict
    assert len(MEMORY) == 0
    assert sum(network_images) == (29 if cache != "memory" else 58)


# --- studies -------------------------------------------------------------------------------------


def test_grid_search(network_images):
    X, y = study(3, 30)
    grid = {"unfreeze": [None, 1, 2, "all"], "lr": [1e-2, 1e-4]}
    search = GridSearchCV(make(max_epochs=2), grid, cv=3, error_score="raise").fit(X, y)
    assert search.score(X, y) > 0.9
    # The embeddings (for None and "all"), the maps before stage2, those before stage1 being as
    # large as the image; and the fine-tuned "all" and 2, on the part that they predict.
    fits = 2 * 2 * 30
    assert sum(network_images) <= 30 * 2 + fits + 30


def test_other_searches_and_curves():
    X, y = study(3, 36)
    search = RandomizedSearchCV(
        make(max_epochs=2), {"lr": [1e-3, 1e-2], "layer_decay": [0.5, 1]}, n_iter=2, cv=2
    ).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    _, _, scores = learning_curve(make(max_epochs=2), X, y, train_sizes=[12, 24], cv=3)
    assert np.isfinite(scores).all()
    scores = cross_validate(make(max_epochs=2), X, y, cv=3, n_jobs=2, scoring="neg_log_loss")
    assert np.isfinite(scores["test_score"]).all()
    calibrated = CalibratedClassifierCV(make(max_epochs=2), cv=2).fit(X, y)
    assert calibrated.predict_proba(X).shape == (36, 3)


def test_pipeline_and_voting(tmp_path):
    X, y = study(3, 30)
    inverted = Pipeline([("invert", FunctionTransformer(invert)), ("tune", make(max_epochs=2))])
    assert inverted.fit(X, y).score(X, y) > 0.9
    linear = make_pipeline(ConvFeatureExtractor(NormNet, image_size=16), LogisticRegression())
    voting = VotingClassifier([("linear", linear), ("tuned", make())], voting="soft")
    paths = save_all(X, tmp_path)
    assert voting.fit(paths, y).score(paths, y) > 0.9


def invert(X):
    return 255 - X


@pytest.mark.parametrize("unfreeze", [1, "all"])
def test_the_same_bits_over_paths_arrays_and_jobs(unfreeze, tmp_path):
    X, y = study(3, 30)
    paths = np.array([str(path) for path in save_all(X, tmp_path)])
    classifier = make(unfreeze, early_stopping=True, validation_fraction=0.3)
    kwargs = {"method": "predict_proba", "cv": 3}
    expected = cross_val_predict(classifier, X, y, **kwargs)
    for form, n_jobs in [(paths, 1), (paths, 2), (X, 2)]:
        got = cross_val_predict(classifier, form, y, n_jobs=n_jobs, **kwargs)
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("unfreeze", [1, "all"])
def test_the_same_bits_whatever_the_cache_holds(unfreeze):
    """On a real network, where training magnifies what the last bits of a row say."""
    X, y = study(2, 12)
    classifier = FineTuneClassifier(unfreeze=unfreeze, image_size=64, max_epochs=2, random_state=0)
    expected = classifier.fit(X, y).predict_proba(X)
    clear_cache()
    classifier.fit(X[:5], y[:5])  # so that the others come in other batches
    np.testing.assert_array_equal(classifier.fit(X, y).predict_proba(X), expected)
    kwargs = {"method": "predict_proba", "cv": 2}
    folds = []
    for n_jobs in (1, 2):
        clear_cache()
        folds.append(cross_val_predict(classifier, X, y, n_jobs=n_jobs, **kwargs))
    np.testing.assert_array_equal(*folds)


def test_nothing_leaks_from_fit_to_fit():
    X, y = study(3, 40)
    for unfreeze in DEPTHS:
        classifier = make(unfreeze, augment="standard")
        expected = classifier.fit(X, y).predict_proba(X)
        classifier.fit(X[:12], y[:12][::-1])
        make("all", lr=0.1).fit(X[::-1], y)
        for again in (classifier, clone(classifier)):
            np.testing.assert_array_equal(again.fit(X, y).predict_proba(X), expected)


def test_the_process_is_left_as_it_was():
    X, y = study(3, 30)
    n_threads = torch.get_num_threads()
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    random.seed(1)
    expected = torch.rand(3), np.random.rand(3), random.random()  # noqa: NPY002
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    random.seed(1)
    make(augment="standard").fit(X, y)
    with pytest.raises(ValueError, match="diverged"):
        make(lr=1e30).fit(X, y)
    got = torch.rand(3), np.random.rand(3), random.random()  # noqa: NPY002
    for a, b in zip(expected, got, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    assert torch.get_num_threads() == n_threads


# --- persistence ---------------------------------------------------------------------------------

IN_A_FRESH_PROCESS = """
import sys
import joblib
import numpy as np
for data in joblib.load(sys.argv[1]):
    model = data["model"]
    assert np.array_equal(model.predict_proba(data["X"]), data["expected"])
    assert np.array_equal(model.transform(data["X"]), data["rows"])
    assert len(model.net_.history) == len(model.history_) == data["epochs"]
    again = model.fit(data["X"], data["y"])
    assert np.array_equal(again.predict_proba(data["X"]), data["expected"])
"""


def test_pickles(tmp_path):
    """A fresh process predicts the same bits, and fits them, too."""
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (24, 64, 64, 3), dtype=np.uint8), np.arange(24) % 12
    backbone = load_backbone("efficientnet_lite0").module
    size = {name: n_bytes(module) for name, module in backbone.named_children()}
    network, last, head = n_bytes(backbone) - size["classifier"], size["conv_head"], 12 * 1281 * 4
    limits = {None: 200e3, 1: 1.1 * (last + head), "all": 1.02 * (network + head)}
    dumped = []
    for unfreeze, limit in limits.items():
        model = FineTuneClassifier(
            unfreeze=unfreeze,
            image_size=64,
            max_epochs=1,
            random_state=0,
            early_stopping=True,
            validation_fraction=0.5,
        ).fit(X, y)
        model.predict(X)
        dumped.append(
            {
                "model": model,
                "X": X,
                "y": y,
                "expected": model.predict_proba(X),
                "rows": model.transform(X),
                "epochs": len(model.history_),
            }
        )
        joblib.dump(model, tmp_path / "model.joblib")
        assert (tmp_path / "model.joblib").stat().st_size < limit
    joblib.dump(dumped, tmp_path / "all.joblib")
    command = [sys.executable, "-W", "error", "-c", IN_A_FRESH_PROCESS, tmp_path / "all.joblib"]
    subprocess.run(command, check=True)


def n_bytes(module):
    return sum(p.nbytes for p in (*module.parameters(), *module.buffers()))


def test_set_params_after_fit_waits_for_the_next_fit(tmp_path):
    X, y = study(3, 30)
    classifier = make(1).fit(X, y)
    expected = classifier.predict_proba(X)
    classifier.set_params(unfreeze="all", head=TinyNet, lr=1, image_size=20)
    np.testing.assert_array_equal(classifier.predict_proba(X), expected)
    joblib.dump(classifier, tmp_path / "model.joblib")
    loaded = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(loaded.predict_proba(X), expected)


# --- fine-tuned embeddings -----------------------------------------------------------------------


@pytest.mark.parametrize("unfreeze", DEPTHS)
def test_transform(unfreeze):
    X, y = study(3, 30)
    classifier = make(unfreeze).fit(X, y)
    rows = classifier.transform(X)
    assert rows.shape == (30, 8)
    assert rows.dtype == np.float32
    frozen = ConvFeatureExtractor(NormNet, image_size=16).fit_transform(X)
    assert np.allclose(rows, frozen, atol=1e-5) == (unfreeze is None)
    head = classifier.net_.module_.head
    logits = rows @ head.weight.detach().numpy().T + head.bias.detach().numpy()
    np.testing.assert_allclose(logits, classifier.decision_function(X), atol=1e-4)
    pipeline = make_pipeline(make(unfreeze), LogisticRegression(C=100, max_iter=5000))
    assert pipeline.fit(X, y).score(X, y) > 0.9
    assert list(classifier.get_feature_names_out())[:1] == ["finetuneclassifier0"]
    assert classifier.set_output(transform="pandas").transform(X).shape == (30, 8)
    np.testing.assert_allclose(logits, classifier.decision_function(X), atol=1e-4)


# --- what goes wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize("unfreeze", [1, "all"])
def test_divergence(unfreeze):
    X, y = study(3, 30)
    classifier = make(unfreeze).fit(X, y).set_params(lr=1e30)
    with pytest.raises(ValueError, match=r"diverged.*non-finite.*epoch \d.*smaller lr than 1e\+30"):
        classifier.fit(X, y)
    with pytest.raises(NotFittedError):
        classifier.predict(X)


def test_divergence_in_the_only_step():
    X, y = study(3, 30)
    for unfreeze in (1, "all"):
        with pytest.raises(ValueError, match="diverged.*non-finite.*smaller lr"):
            make(unfreeze, lr=1e30, max_epochs=1, batch_size=64).fit(X, y)


def test_a_fit_leaves_nothing_of_the_one_before_and_little_of_its_own():
    X, y = study(3, 60)
    classifier = make("all", early_stopping=True, validation_fraction=0.2).fit(X, y)
    assert classifier.net_.train_split is None
    assert all(p.grad is None for p in classifier.net_.module_.parameters())
    pickle.dumps(classifier.net_)
    size = len(pickle.dumps(make("all")))
    with pytest.raises(ValueError, match="one class"):
        classifier.fit(X, np.zeros(60))
    assert len(pickle.dumps(classifier)) < size + 500


def test_held_out_part_too_large():
    X, _ = study(3, 100)
    y = np.array([0] * 70 + [1] * 28 + [2] * 2)
    with pytest.raises(ValueError, match="every image of class 2 would be held out"):
        make(early_stopping=True, validation_fraction=0.9).fit(X, y)


def test_head_that_changed_since(tmp_path):
    X, y = study(3, 30)
    classifier = make(head=one_layer).fit(X, y)
    state = torch.get_rng_state()
    loaded = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(loaded.predict_proba(X), classifier.predict_proba(X))
    assert torch.equal(torch.get_rng_state(), state)
    loaded = pickle.loads(pickle.dumps(classifier))
    loaded._head = lambda n_features, n_classes: nn.Sequential(
        nn.Flatten(), nn.Linear(n_features, n_classes)
    )
    with pytest.raises(ValueError, match="another than when this was fitted.*head.0.weight"):
        loaded.predict(X)


def one_layer(n_features, n_classes):
    return nn.Sequential(nn.Linear(n_features, n_classes))


class CtrlC(Callback):
    """Interrupts the training in the middle of an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_batch_end(self, net, training, **kwargs):
        if training and len(net.history) == self.epoch:
            raise KeyboardInterrupt


def test_ctrl_c():
    X, y = study(3, 30)
    classifier = make().fit(X, y).set_params(callbacks=[CtrlC(3)])
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(X, y)
    with pytest.raises(NotFittedError):
        classifier.predict(X)
    for head in ("linear", lambda n_features, n_classes: nn.Linear(n_features, n_classes)):
        classifier.set_params(head=head, early_stopping=True, validation_fraction=0.2)
        with pytest.warns(UserWarning, match="interrupted after 2 epochs.*best"):
            classifier.fit(X, y)
        assert len(classifier.history_) == 2
        assert classifier.score(X, y) > 0.9
    with pytest.raises(KeyboardInterrupt):  # there is no best epoch yet
        classifier.set_params(callbacks=[CtrlC(1)]).fit(X, y)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"unfreeze": "stage9"}, ValueError, "no layer 'stage9'. Did you mean 'stage2' or"),
        ({"unfreeze": 4}, ValueError, "unfreeze=4, but NormNet has 3 layers with weights: stem, "),
        ({"head": nn.Linear(8, 3)}, TypeError, "head is a Linear"),
        ({"unfreeze": True}, TypeError, "unfreeze=True should be"),
        ({"unfreeze": 0}, ValueError, "'unfreeze' parameter"),
        ({"lr": 0}, ValueError, "'lr' parameter"),
        ({"layer_decay": 1.5}, ValueError, "'layer_decay' parameter"),
        ({"augment": "flip"}, ValueError, "'augment' parameter"),
        ({"head": "mlp"}, ValueError, "'head' parameter"),
        ({"class_weight": "even"}, ValueError, "'class_weight' parameter"),
        ({"backbone": "efficientnet"}, ValueError, "Did you mean"),
        ({"device": "gpu"}, ValueError, "device='gpu' cannot be used"),
        ({"image_size": (0, 3)}, ValueError, "positive"),
    ],
)
def test_wrong_parameters(parameters, error, message):
    X, y = study(3, 12)
    with pytest.raises(error, match=message):
        make(**parameters).fit(X, y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y"),
        (list("abcabcabcab"), "X holds 12 images and y 11 labels"),
        ([0.0, 1.0, np.nan] * 4, r"y\[2\] is nan"),
        (["a", None, "b"] * 4, r"y\[1\] is None"),
        (pd.Series(["a", "b", pd.NA] * 4, dtype=object), r"y\[2\] is <NA>"),
        (["same"] * 12, "All 12 labels are of one class, same"),
        (np.linspace(0, 1, 12), "Unknown label type"),
        (np.zeros((12, 2)), "1d array"),
    ],
)
def test_wrong_labels(y, message):
    X, _ = study(3, 12)
    with pytest.raises(ValueError, match=message):
        make().fit(X, y)


def test_wrong_images(tmp_path):
    X, y = study(2, 4)
    paths = save_all(X, tmp_path)
    (tmp_path / "broken.png").write_bytes(paths[0].read_bytes()[:60])
    for unfreeze in (None, 1, "all"):
        classifier = make(unfreeze).fit(paths, y)
        for call in (partial(clone(classifier).fit, y=y), classifier.predict):
            with pytest.raises(FileNotFoundError, match=r"X\[3\].*nowhere.png"):
                call([*paths[:3], tmp_path / "nowhere.png"])
            with pytest.raises(ValueError, match=r"X\[2\].*broken.png"):
                call([*paths[:2], tmp_path / "broken.png", paths[3]])
            with pytest.raises(ValueError, match="from -1.*value_range"):
                call(X / 255.0 - 1)
            with pytest.raises(TypeError, match="single path"):
                call(str(paths[0]))
            with pytest.raises(ValueError, match="no image"):
                call([])


def test_native_size():
    X, y = study(2, 12)
    classifier = make(1, image_size="native").fit(X, y)
    assert classifier.predict([X[0], X[1][:20]]).shape == (2,)
    mixed = [*X[:11], X[11][:20]]
    assert make(None, image_size="native").fit(mixed, y).score(mixed, y) > 0.5
    with pytest.raises(ValueError, match='image_size="native".*one size'):
        make(1, image_size="native").fit(mixed, y)


def test_network_that_works_in_place():
    X, y = study(3, 30)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=8),
        nn.ReLU(inplace=True),
        nn.Conv2d(8, 8, 1),
        nn.Flatten(),
        nn.Linear(32, 5),
    )
    classifier = make("1", backbone=network)  # the boundary is in front of the ReLU
    expected = classifier.fit(X, y).predict_proba(X)
    assert classifier._boundary[0] == (("0", "flatten"),)
    network[1] = nn.ReLU()
    np.testing.assert_array_equal(make("1", backbone=network).fit(X, y).predict_proba(X), expected)


def test_network_that_ends_in_a_softmax():
    X, y = study(2, 12)
    network = nn.Sequential(NormNet().stem, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))
    network.append(nn.Softmax(dim=1))
    assert make(None, backbone=network).fit(X, y).score(X, y) == 1
    with pytest.raises(ValueError, match="Sequential cannot be trained.*softmax"):
        make("all", backbone=network).fit(X, y)


# --- other networks ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("backbone", "unfreeze", "boundary"),
    [
        ("efficientnet_lite0", 2, "blocks.5"),
        ("resnet18", "layer4", "layer3"),
        ("mobilenet_v3_small", 3, "features.9"),
        ("densenet121", "features.denseblock4", "features.transition3"),
        ("squeezenet1_1", 1, "features.11"),
        ("convnext_tiny", 1, "features.6"),
        ("regnet_y_400mf", 1, "trunk_output.block3"),
        ("shufflenet_v2_x0_5", 1, "stage4"),
        ("timm/mobilenetv3_small_050", "blocks.5", "blocks.4"),
        ("timm/convnext_atto", 1, "stages.2"),
        ("vit_b_16", 1, None),  # its tokens are no chain of layers
        ("swin_t", 2, "features.6"),
        ("swin_t", "all", None),
    ],
)
def test_networks_are_cut_where_they_are_frozen(backbone, unfreeze, boundary):
    backbone = load_backbone(backbone, None)
    tuned = tuning.layers_to_tune(backbone, unfreeze)
    found = tuning.find_boundary(backbone, tuned, (224, 224) if boundary is None else (96, 96))
    assert (found and found[0][0][0]) == boundary
    if boundary is None:
        network = tuning.cut_network(backbone, tuned, keep_frozen=True)
        image = torch.rand(1, 3, 224, 224)
        assert tuning.agrees(network, image, backbone, image)


def test_tokens_and_positions_learn_as_the_first_layer():
    backbone = load_backbone("timm/vit_tiny_patch16_224", None)
    tail = tuning.Tail(tuning.cut_network(backbone, backbone.layers, keep_frozen=True), None)
    rates = dict(tuning.learning_rate_groups(tail, backbone.layers, 1.0, 0.5))
    first = rates["network.patch_embed.*"]["lr"]
    assert first == min(rate["lr"] for rate in rates.values()) < 1e-4
    assert rates["network.cls_token"]["lr"] == rates["network.pos_embed"]["lr"] == first


def test_dropout_is_for_trained_layers():
    class Dropping(NormNet):
        def __init__(self):
            super().__init__()
            self.stage1.append(nn.Dropout(0.9))
            self.stage2.append(nn.Dropout(0.9))

    X, y = study(3, 12)
    backbone = load_backbone(Dropping)
    network = tuning.cut_network(backbone, ["stage2"], keep_frozen=True)
    tail = tuning.Tail(network, nn.Identity()).train()
    dropping = [name for name, module in tail.named_modules() if module.training and "." in name]
    assert dropping == ["network.stage2.3", "network.classifier.0"]
    assert make(1, backbone=Dropping, augment="standard").fit(X, y).score(X, y) > 0.5


def test_early_stopping_of_skorch_without_validation_says_what_to_set():
    X, y = study(3, 30)
    with pytest.raises(KeyError) as info:
        make(callbacks=[EarlyStopping()]).fit(X, y)
    assert "early_stopping=True" in info.value.__notes__[0]


def test_no_compiled_module():
    X, y = study(3, 30)
    with pytest.raises(ValueError, match="compiling renames the parameters"):
        make(net_params={"compile": True}).fit(X, y)


@pytest.mark.parametrize(("unfreeze", "n_rare"), [(None, 4), (1, 4), (1, 2)])
def test_balanced_weights_give_a_rare_class_its_chance(unfreeze, n_rare):
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
        assert sorted(training.ByWeight(np.full(7, 3.0))) == list(range(7))
        sampler = training.ByWeight(np.array([0.5, 0.5, 2.0, 1.0]))
        epochs = [list(sampler) for _ in range(200)]
    assert {len(epoch) for epoch in epochs} == {4}
    counts = np.array([np.bincount(epoch, minlength=4) for epoch in epochs])
    assert (counts[:, 2] == 2).all()
    assert (counts[:, 3] == 1).all()
    np.testing.assert_allclose(counts.mean(0), [0.5, 0.5, 2, 1], atol=0.15)


def test_class_weights_beside_a_criterion_of_the_users():
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
