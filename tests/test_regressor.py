"""`FineTuneRegressor`: predictions in the units of y, on the recipes of the classifier."""

import pickle

import numpy as np
import pandas as pd
import pytest
from helpers.estimators import DEPTHS, make_regressor
from helpers.networks import NormNet
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from torch import nn

from sklearn_tl import ConvFeatureExtractor, FineTuneRegressor, load, save
from sklearn_tl.finetuning import ridge_head
from sklearn_tl.finetuning.heads import ALPHAS


def brightness(n=60, seed=0):
    """Return images, and how bright they are in a unit of its own."""
    rng = np.random.default_rng(seed)
    light = rng.uniform(20, 200, n)
    X = rng.normal(light[:, None, None, None], 10, (n, 16, 16, 3)).clip(0, 255).astype(np.uint8)
    return X, 1e6 + 1000 * light


@pytest.mark.parametrize("unfreeze", DEPTHS)
@pytest.mark.parametrize("several", [False, True])
def test_numbers_are_predicted_in_their_own_units(unfreeze, several):
    (X, y), (X_test, y_test) = brightness(), brightness(20, seed=1)
    if several:
        y, y_test = np.column_stack([y, -y / 1e6]), np.column_stack([y_test, -y_test / 1e6])
    regressor = make_regressor(unfreeze).fit(X, y)
    predicted = regressor.predict(X_test)
    assert predicted.shape == y_test.shape
    assert predicted.dtype == np.float64
    assert r2_score(y_test, predicted) == regressor.score(X_test, y_test) > 0.95
    again = clone(regressor).fit(X, y)
    np.testing.assert_array_equal(again.predict(X_test), predicted)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(again)).predict(X_test), predicted)


def test_a_linear_head_alone_is_a_ridge_regression():
    X, y = brightness()
    rows = ConvFeatureExtractor(NormNet, image_size=16).fit_transform(X)
    scaled = (y - y.mean()) / y.std()
    ridge = Ridge(alpha=0.7).fit(rows.astype(float), scaled)
    regressor = make_regressor(None, head_alpha=0.7).fit(X, y)
    expected = ridge.predict(rows) * y.std() + y.mean()
    np.testing.assert_allclose(regressor.predict(X), expected, rtol=1e-6)


def test_the_strength_of_the_ridge_is_chosen_by_leaving_each_image_out():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(30, 6)).astype(np.float32)
    targets = np.column_stack([rows[:, 0] + rng.normal(0, 0.01, 30), rng.normal(size=30)])
    errors = np.zeros((len(ALPHAS), 2))
    for a, alpha in enumerate(ALPHAS):
        for i in range(30):
            rest = np.arange(30) != i
            ridge = Ridge(alpha=alpha).fit(rows[rest], targets[rest])
            errors[a] += (ridge.predict(rows[[i]])[0] - targets[i]) ** 2
    best = ALPHAS[errors.argmin(axis=0)]
    assert best[0] < best[1]  # one alpha per target
    head = ridge_head(rows, targets, np.ones(30), None)
    for j in range(2):
        expected = Ridge(alpha=best[j]).fit(rows, targets[:, j])
        np.testing.assert_allclose(head.weight[j].detach(), expected.coef_, rtol=1e-4, atol=1e-6)


def test_copies_of_an_image_are_left_out_together():
    rng = np.random.default_rng(0)
    rows, targets = rng.normal(size=(20, 15)).astype(np.float32), rng.normal(size=(20, 1))
    head = ridge_head(rows, targets, np.ones(20), None)
    order = rng.permutation(np.repeat(np.arange(20), 3))
    copied = ridge_head(rows[order], targets[order], np.ones(60), None)
    weighted = ridge_head(rows, targets, np.full(20, 3.0), None)
    np.testing.assert_allclose(copied.weight.detach(), weighted.weight.detach(), rtol=1e-5)
    # There is nothing to learn, so the strongest penalty is chosen. Copies do not hide that.
    assert head.weight.abs().max() < copied.weight.abs().max() < 0.001


@pytest.mark.parametrize("loss", ["squared_error", "huber"])
def test_the_loss_is_that_of_standardised_targets(loss):
    X, y = brightness()
    regressor = make_regressor(1, loss=loss, early_stopping=True, validation_fraction=0.2)
    regressor.fit(X, y)
    criterion = {"squared_error": nn.MSELoss, "huber": nn.HuberLoss}[loss]
    assert type(regressor.net_.criterion_) is criterion
    last = regressor.history_[-1]
    assert {"train_loss", "train_r2", "valid_loss", "valid_r2", "lr", "lr_lowest"} <= set(last)
    assert last["valid_loss"] < 0.2
    assert last["valid_r2"] > 0.9
    regressor.set_params(loss="squared_error")  # waits for the next fit
    regressor = pickle.loads(pickle.dumps(regressor))
    assert type(regressor.net_.criterion_) is criterion


def test_a_loss_of_torch_replaces_the_loss():
    X, y = brightness()
    regressor = make_regressor(1, net_params={"criterion": nn.L1Loss}).fit(X, y)
    assert type(regressor.net_.criterion_) is nn.L1Loss


def test_held_out_images_are_not_seen_by_the_scale_of_the_targets():
    X, y = brightness()
    regressor = make_regressor(1, early_stopping=True, validation_fraction=0.5).fit(X, y)
    assert regressor._task.mean[0] != pytest.approx(y.mean(), rel=1e-9)


def test_a_head_of_ones_own_is_trained():
    X, y = brightness()

    def head(n_features, n_targets):
        return nn.Sequential(nn.Linear(n_features, 8), nn.ReLU(), nn.Linear(8, n_targets))

    for unfreeze in (None, 1):
        regressor = make_regressor(unfreeze, head=head, lr=3e-3).fit(X, y)
        assert regressor.score(X, y) > 0.8
    assert "train_r2" in regressor.head_history_[-1]


def test_the_embeddings_of_the_tuned_network_are_returned():
    X, y = brightness()
    regressor = make_regressor(1).fit(X, y)
    rows = regressor.transform(X)
    head = regressor.net_.module_.head
    outputs = rows @ head.weight.detach().numpy()[0] + head.bias.item()
    predicted = outputs * regressor._task.scale + regressor._task.mean
    np.testing.assert_allclose(predicted, regressor.predict(X), rtol=1e-5)


@pytest.mark.parametrize("unfreeze", [None, 1, "all"])
@pytest.mark.filterwarnings("ignore:The training went wrong")  # with large steps, on random weights
def test_a_saved_file_predicts_the_same_bits(unfreeze, tmp_path):
    X, y = brightness()
    y = pd.DataFrame({"light": y, "dark": -y})
    model = FineTuneRegressor(unfreeze=unfreeze, image_size=32, max_epochs=1, random_state=0)
    model.fit(X[:12], y[:12])
    save(model, tmp_path / "model.sktl")
    loaded = load(tmp_path / "model.sktl")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert loaded.target_names_.tolist() == ["light", "dark"]


def test_images_of_weight_zero_are_not_even_read():
    X, y = brightness(30)
    X, weight = list(X), np.ones(30)
    X[7], weight[7] = "no such file.jpg", 0
    y[7] = 0
    left_out = make_regressor(1).fit([x for i, x in enumerate(X) if i != 7], np.delete(y, 7))
    weighted = make_regressor(1).fit(X, y, sample_weight=weight)
    some = X[:5]
    np.testing.assert_array_equal(weighted.predict(some), left_out.predict(some))


def test_weights_are_how_often_images_are_drawn_and_count_in_validation():
    X, y = brightness(60)
    y = np.where(np.arange(60) % 2, y, y + 50_000)  # every second one is 50 units too high
    for unfreeze in (None, 1):
        errors = []
        for weight in (np.where(np.arange(60) % 2, 1, 30), np.where(np.arange(60) % 2, 30, 1)):
            model = make_regressor(unfreeze).fit(X, y, sample_weight=weight)
            errors.append((model.predict(X) - y)[1::2].mean())
        assert errors[0] > 30_000
        assert abs(errors[1]) < 10_000
    stopped = make_regressor(1, early_stopping=True, validation_fraction=0.5, lr=1e-9, max_epochs=1)
    plain = stopped.fit(X, y).history_[-1, "valid_loss"]
    weight = np.where(np.arange(60) % 2, 1.0, 3.0)
    weighted = clone(stopped).fit(X, y, sample_weight=weight)
    _, valid = weighted._task.hold_out(y[:, None], 0.5, seeds_of(0)[0])
    residuals = (weighted.predict(X[valid]) - y[valid]) / weighted._task.scale
    expected = np.average(residuals**2, weights=weight[valid])
    assert weighted.history_[-1, "valid_loss"] == pytest.approx(expected, rel=1e-3)
    assert weighted.history_[-1, "valid_loss"] != pytest.approx(plain, rel=1e-3)


def seeds_of(seed):
    return np.random.RandomState(seed).randint(2**31 - 1, size=2)


@pytest.mark.parametrize(
    ("y", "weight", "message"),
    [
        (np.full(12, 3.0), None, "All 12 values of y are 3, so there is nothing to predict"),
        (["a"] * 12, None, r"y\[0\] is 'a', which is not a number"),
        (np.r_[np.arange(11.0), np.nan], None, r"y\[11\] is nan"),
        (np.arange(11), None, "X has 12 images and y has 11 targets"),
        (np.arange(12), -np.ones(12), r"sample_weight\[0\] is -1"),
        (np.arange(12), np.zeros(12), "All 12 weights in sample_weight are zero"),
        (np.arange(12), np.eye(12)[0], "n_samples = 1"),
        (None, None, "requires y to be passed"),
    ],
)
def test_errors_name_wrong_targets_and_weights(y, weight, message):
    X, _ = brightness(12)
    with pytest.raises(ValueError, match=message):
        make_regressor().fit(X, y, sample_weight=weight)


def test_a_training_that_diverges_is_an_error():
    X, y = brightness()
    with pytest.raises(ValueError, match="The training diverged"):
        make_regressor("all", lr=1e20).fit(X, y)
