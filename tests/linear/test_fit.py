"""The layers that count, and the penalty, are chosen by what is left out."""

import numpy as np
import pytest

from sklearn_tl.linear import DECAYS, Classes, Numbers, fit, fit_linear

N, LENGTHS = 120, [30, 30, 30]


def rows_of(layer, seed=0, noise=0.5):
    """Return classes, and rows in which only one layer of three knows them."""
    generator = np.random.default_rng(seed)
    codes = np.arange(N) % 4
    rows = generator.normal(size=(N, sum(LENGTHS)))
    rows[:, 30 * layer : 30 * layer + 4] += np.eye(4)[codes] / noise
    for start in (0, 30, 60):
        part = rows[:, start : start + 30]
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return rows.astype(np.float32), codes


def fitted(rows, codes, groups=None, **options):
    link = Classes(codes, 4, np.ones(len(codes)))
    return fit_linear(rows, LENGTHS, link, np.ones(len(codes)), groups, **options)


def accuracy(model, rows, codes):
    return ((rows @ model.coef + model.intercept).argmax(axis=1) == codes).mean()


@pytest.mark.parametrize(("layer", "decays"), [(2, (0.0, 0.4)), (0, (0.8, 1.0))])
def test_the_layers_that_know_most_are_chosen(layer, decays):
    model = fitted(*rows_of(layer))
    assert model.layer_decay in decays
    assert accuracy(model, *rows_of(layer, seed=1)) > 0.6  # 0.25 by chance


def test_a_layer_decay_of_zero_uses_the_last_layer_alone():
    model = fitted(*rows_of(2), decays=(0.0,))
    assert not model.coef[:60].any()
    assert model.coef[60:].any()


def test_the_model_is_a_ridge_regression_on_scaled_layers():
    rows, codes = rows_of(1)
    link = Classes(codes, 4, np.ones(N))
    (model,) = [fitted(rows, codes, decays=(0.5,), alphas=(0.1,))]
    scaled = rows * np.repeat(np.sqrt(np.array([0.25, 0.5, 1]) / 1.75), 30)
    centred = scaled - scaled.mean(axis=0)
    inverse = np.linalg.inv(centred.T @ centred + 0.1 * np.eye(90))
    scores = centred @ inverse @ centred.T @ link.targets
    outputs = rows @ model.coef + model.intercept - link.base
    slope = (outputs * scores).sum() / (scores**2).sum()
    np.testing.assert_allclose(outputs, slope * scores, atol=1e-5)


def test_copies_and_groups_are_left_out_together():
    rows, codes = rows_of(2, noise=4)  # hardly any information: copies would give the class away
    copied = np.concatenate([rows, rows])
    twice = np.concatenate([codes, codes])
    assert fitted(copied, twice).loss == pytest.approx(fitted(rows, codes).loss, rel=0.05)
    near = copied + 1e-3 * np.random.default_rng(0).normal(size=copied.shape).astype(np.float32)
    together = fitted(near, twice, groups=np.tile(np.arange(N), 2))
    assert fitted(near, twice).loss < 0.5 * together.loss
    one_group = fitted(rows, codes, groups=np.zeros(N, dtype=int))
    assert one_group.loss == fitted(rows, codes).loss


def test_each_number_has_its_own_penalty():
    generator = np.random.default_rng(0)
    rows, _ = rows_of(0)
    clear = rows[:, 60] - rows[:, 60].mean()
    targets = np.column_stack([clear / clear.std(), generator.normal(size=N)])
    model = fit_linear(rows, LENGTHS, Numbers(targets, np.ones(N)), np.ones(N), None)
    assert model.alpha[0] < 0.1 < 1 < model.alpha[1]


def test_the_decay_of_many_images_is_chosen_on_some(monkeypatch):
    rows, codes = rows_of(0)
    sizes = []

    class Counted(fit.RidgePath):
        def __init__(self, rows, *args):
            sizes.append(len(rows))
            super().__init__(rows, *args)

    monkeypatch.setattr(fit, "RidgePath", Counted)
    monkeypatch.setattr(fit, "MOST_CHOSEN_ON", 50)
    model = fitted(rows, codes)
    assert sizes == [50] * len(DECAYS) + [N]
    assert accuracy(model, rows, codes) > 0.9


@pytest.mark.filterwarnings("ignore:Only 0 of 2 images can be predicted")
@pytest.mark.parametrize("n", [2, 4, 16, 17])
def test_images_that_are_all_equal_are_left_out_one_by_one(n):
    rows, codes = np.ones((n, 90), dtype=np.float32), np.arange(n) % 2
    link = Classes(codes, 2, np.ones(n))
    model = fit_linear(rows, LENGTHS, link, np.ones(n), None)
    assert np.isfinite(rows @ model.coef + model.intercept).all()


def test_some_images_of_one_group_are_left_out_one_by_one(monkeypatch):
    monkeypatch.setattr(fit, "MOST_CHOSEN_ON", 50)
    rows, codes = rows_of(0)
    groups = np.zeros(N, dtype=int)
    rest = np.setdiff1d(np.arange(N), np.random.default_rng(0).permutation(N)[:50])
    of_each_class = [rest[codes[rest] == code][0] for code in range(4)]
    groups[of_each_class] = 1  # they are not among the images that the decay is chosen on
    assert fitted(rows, codes, groups).layer_decay > 0


@pytest.mark.parametrize("groups", [None, np.repeat(np.arange(4), 2)])
def test_a_choice_without_any_information_is_not_made(groups):
    rows, codes = rows_of(2)
    if groups is None:
        rows, codes = rows[:4], codes[:4]  # one image per class
    else:
        rows, codes = rows[[0, 4, 1, 5, 2, 6, 3, 7]], groups  # one group per class
    with pytest.warns(UserWarning, match="Only 0 of .*layer_decay=0 and alpha=0.3 .*guess"):
        model = fitted(rows, codes, groups)
    assert model.layer_decay == 0
    assert accuracy(model, rows, codes) == 1
    with pytest.warns(UserWarning, match="layer_decay=0.5 and alpha=2 are used"):
        assert fitted(rows, codes, groups, decays=(0.5,), alphas=(2.0,)).layer_decay == 0.5


def test_few_images_choose_nothing():
    rows, codes = rows_of(2)
    some = np.r_[0:4, 4]  # two images of one class
    with pytest.warns(UserWarning, match="Only 2 of 5 images .* too few to choose by"):
        model = fitted(rows[some], codes[some])
    assert (model.layer_decay, model.alpha) == (0, 0.3)
    fitted(rows[:7], codes[:7])  # two images of three classes
