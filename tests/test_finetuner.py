"""What all fine-tuning estimators share: pickles, embeddings, parameters after a fit."""

import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
import torch
from helpers.estimators import DEPTHS, CtrlC, make, make_regressor
from helpers.networks import NormNet, TinyNet
from helpers.pictures import study
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from skorch.history import History
from torch import nn

from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier, _finetuner
from sklearn_tl.backbones import load_backbone
from sklearn_tl.embedding import resolve_engine

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


def test_a_fresh_process_predicts_and_fits_the_same_bits(tmp_path):
    """A fresh process predicts the same bits, and fits them, too."""
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (24, 48, 48, 3), dtype=np.uint8), np.arange(24) % 12
    backbone = load_backbone("efficientnet_lite0").module
    size = {name: n_bytes(module) for name, module in backbone.named_children()}
    network, last, head = n_bytes(backbone) - size["classifier"], size["conv_head"], 12 * 1281 * 4
    limits = {None: 200e3, 1: 1.1 * (last + head), "all": 1.02 * (network + head)}
    dumped = []
    for unfreeze, limit in limits.items():
        model = FineTuneClassifier(
            unfreeze=unfreeze,
            image_size=48,
            max_epochs=1,
            lr=1e-5,
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


@pytest.mark.parametrize("make_one", [make, make_regressor])
@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (-np.ones(12), r"sample_weight\[0\] is -1, but a weight must be 0 or a positive"),
        (np.resize([1.0, -1.0], 12), r"sample_weight\[1\] is -1"),
        (np.zeros(12), "All 12 weights in sample_weight are zero"),
        (np.ones(11), "one weight for each of the 12 images"),
    ],
)
def test_a_score_checks_weights_as_fit_does(make_one, weight, message):
    X, y = study(3, 12)
    model = make_one(None).fit(X, y)
    with pytest.raises(ValueError, match=message):
        model.score(X, y, sample_weight=weight)
    only_right = (model.predict(X) == y).astype(float)
    if make_one is make:
        assert model.score(X, y, sample_weight=only_right) == 1


def test_a_score_refuses_targets_of_another_kind():
    X, y = study(3, 12)
    with pytest.raises(ValueError, match="labels such as 0, which are not text"):
        make(None).fit(X, y).score(X, y.astype(str))
    with pytest.raises(ValueError, match=r"y\[0\] is \['a'\], a list of tags"):
        make_regressor(None).fit(X, y).score(X, [["a"], ["a", "b"]] * 6)


def n_bytes(module):
    return sum(p.nbytes for p in (*module.parameters(), *module.buffers()))


# Other values for all parameters that decide what a fitted classifier computes.
LATER = {
    "backbone": TinyNet,
    "weights": None,
    "unfreeze": "all",
    "head": TinyNet,
    "head_C": 1,
    "max_epochs": 1,
    "lr": 1,
    "layer_decay": 0.5,
    "weight_decay": 0.5,
    "weight_averaging": 1.0,
    "augment": "standard",
    "class_weight": "balanced",
    "early_stopping": True,
    "validation_fraction": 0.5,
    "n_iter_no_change": 1,
    "image_size": 20,
    "resize_mode": "pad",
    "image_shape": "strip",
    "value_range": (0, 100),
    "channels": (0,),
    "page": 0,
    "loader": str,
    "draft": False,
    "precision": "bfloat16",
    "warm_start": True,
    "callbacks": [CtrlC(1)],
    "net_params": {"optimizer": torch.optim.SGD},
    "random_state": 1,
}
# These say where and how fast, and take effect at once.
AT_ONCE = {"cache": None, "batch_size": 4, "device": "cpu", "engine": "openvino", "verbose": 1}
AT_ONCE |= {"max_pixels": 10**6}


@pytest.mark.parametrize("unfreeze", [None, 1, "all"])
def test_parameters_that_decide_what_is_computed_wait_for_the_next_fit(unfreeze, tmp_path):
    X, y = study(3, 30)
    classifier = make(unfreeze).fit(X, y)
    expected = classifier.predict_proba(X)
    assert {*LATER, *AT_ONCE} == set(classifier.get_params())
    classifier.set_params(**LATER)
    np.testing.assert_array_equal(classifier.predict_proba(X), expected)
    classifier.set_params(callbacks=None)
    loaded = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(loaded.predict_proba(X), expected)


def test_parameters_that_say_where_and_how_fast_take_effect_at_once(
    tmp_path, network_images, capsys, monkeypatch
):
    X, y = study(3, 30)
    classifier = make(None).fit(X, y)
    expected = classifier.predict_proba(X)
    network_images.clear()
    classifier.set_params(cache=None, batch_size=4, verbose=1)
    np.testing.assert_allclose(classifier.predict_proba(X), expected, atol=1e-6)
    assert max(network_images) == 4
    assert "30/30" in capsys.readouterr().err
    frozen = classifier.set_params(engine="auto", verbose=0).frozen_pass()
    assert frozen.engine == resolve_engine("auto", "cpu", (16, 16))
    monkeypatch.setattr(_finetuner, "resolve_device", lambda device: "meta")
    with pytest.raises(NotImplementedError, match="meta"):  # the tensors were moved there
        classifier.predict_proba(X)


def test_pickling_leaves_the_estimator_as_it_was():
    X, y = study(3, 30)
    classifier = make(1).fit(X, y)
    net, backbone = classifier.net_, classifier.frozen_pass().backbone
    pickle.dumps(classifier)
    assert classifier.net_ is net
    assert classifier.frozen_pass().backbone is backbone
    assert isinstance(classifier.history_, History)


@pytest.mark.parametrize("unfreeze", DEPTHS)
def test_transform_returns_the_input_of_the_head(unfreeze):
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


def test_a_fit_keeps_nothing_of_earlier_fits_and_little_of_its_training():
    X, y = study(3, 60)
    classifier = make("all", early_stopping=True, validation_fraction=0.2).fit(X, y)
    assert classifier.net_.train_split is None
    assert all(p.grad is None for p in classifier.net_.module_.parameters())
    pickle.dumps(classifier.net_)
    size = len(pickle.dumps(make("all")))
    with pytest.raises(ValueError, match="one class"):
        classifier.fit(X, np.zeros(60))
    assert len(pickle.dumps(classifier)) < size + 1200  # with 64 keys of 8 bytes


def test_a_head_whose_code_changed_is_an_error(tmp_path):
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
    with pytest.raises(ValueError, match="not the one that was fitted.*head.0.weight"):
        loaded.predict(X)


def one_layer(n_features, n_classes):
    return nn.Sequential(nn.Linear(n_features, n_classes))
