"""The module of torch does what the model does, with images of any size."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from helpers.networks import FlatNet, NormNet, TinyNet
from helpers.pictures import study
from scipy.special import expit, softmax
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from sklearn_tl import (
    ConvFeatureExtractor,
    FineTuneClassifier,
    FineTuneRegressor,
    TransferClassifier,
    TransferRegressor,
)
from sklearn_tl.export import to_module


def outputs(module, image):
    with torch.inference_mode():
        return module(torch.from_numpy(np.atleast_3d(image))[None]).numpy()


@pytest.mark.parametrize(
    ("mode", "n_classes"), [("crop", 2), ("pad", 3), ("squash", 3), ("tiles", 2)]
)
def test_softmax_of_the_logits_is_predict_proba(make_images, mode, n_classes):
    X, y = study(n_classes, n=24)
    frozen = {"image_size": 32, "resize_mode": mode}
    extractor = ConvFeatureExtractor(NormNet(), layer="all", normalization="power", **frozen)
    for model in (
        FineTuneClassifier(NormNet(), unfreeze=None, **frozen),
        TransferClassifier(NormNet(), **frozen),
        make_pipeline(extractor, StandardScaler(), PCA(5), LogisticRegression(max_iter=1000)),
        make_pipeline(extractor, PCA(5), LinearDiscriminantAnalysis()),
    ):
        model.fit(X, y)
        if hasattr(model, "temperature_"):
            model.temperature_ = 1.5
        module = to_module(model)
        for image in [*make_images(1, 45, 61), *make_images(1, 90, 20)]:
            found = softmax(outputs(module, image), axis=1)
            assert found.shape == (1, n_classes)
            assert np.allclose(found, model.predict_proba([image]), atol=1e-5)


def test_sigmoid_of_the_logits_of_labels(make_images):
    X, codes = study(3, n=24)
    y = np.eye(3, dtype=int)[codes]
    one_per_label = OneVsRestClassifier(LogisticRegression())
    for model in (
        TransferClassifier(NormNet(), image_size=32),
        make_pipeline(ConvFeatureExtractor(NormNet(), image_size=32), one_per_label),
    ):
        model.fit(X, y)
        for image in make_images(2, 45, 61):
            found = expit(outputs(to_module(model), image))
            assert np.allclose(found, model.predict_proba([image]), atol=1e-5)


def test_numbers_are_in_their_units(make_images):
    X, codes = study(3, n=24)
    y = codes * 1e5 + 3e5
    for model in (
        TransferRegressor(NormNet(), image_size=32),
        FineTuneRegressor(NormNet(), image_size=32, max_epochs=1, unfreeze=1, random_state=0),
        make_pipeline(ConvFeatureExtractor(NormNet(), image_size=32), Ridge()),
    ):
        module = to_module(model.fit(X, y))
        for image in make_images(2, 45, 61):
            assert np.allclose(outputs(module, image)[:, 0], model.predict([image]), rtol=1e-4)


def test_rows_of_an_extractor_and_levels_as_floats(make_images):
    model = ConvFeatureExtractor(FlatNet(), image_size=16, resize_mode="squash")
    model.fit(make_images())
    module = to_module(model)
    (image,) = make_images(1, 16, 16)
    rows = outputs(module, image)
    assert np.allclose(rows, model.transform([image]), atol=1e-5)
    assert np.allclose(outputs(module, image.astype(np.float64)), rows, atol=1e-5)


def test_it_can_be_copied_saved_exported_and_run_in_threads(make_images):
    X, y = study(2)
    model = FineTuneClassifier(NormNet(), image_size=32, unfreeze=None).fit(X, y)
    module = to_module(model)
    batches = [torch.from_numpy(make_images(2, 45, 61, seed=i)) for i in range(8)]
    expected = [module(batch) for batch in batches]
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(other(batches[0]), expected[0])
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(module, batches * 4))
    assert all(torch.equal(a, b) for a, b in zip(found, expected * 4, strict=True))
    program = torch.export.export(module, (batches[0],))
    assert torch.allclose(program.module()(batches[1]), expected[1], atol=1e-6)
    # Nothing of the export stays in the estimator.
    assert np.allclose(
        softmax(expected[0].numpy(), axis=1), model.predict_proba(batches[0].numpy())
    )


def test_it_keeps_the_weights_of_its_own(make_images):
    X, y = study(2)
    model = FineTuneClassifier(NormNet(), image_size=32, unfreeze=None).fit(X, y)
    before = model.predict_proba(X)
    module = to_module(model)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
    model.set_params(cache=None)
    assert np.array_equal(model.predict_proba(X), before)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (KNeighborsClassifier(3), r"Step 'kneighborsclassifier'.*not linear.*export_onnx"),
        (CalibratedClassifierCV(LinearSVC(), cv=2), r"Step 'calibratedclassifiercv'"),
        (LinearSVC(), r"step 'linearsvc' \(LinearSVC\) do not follow from logits"),
    ],
)
def test_a_step_that_is_not_linear_is_named(step, message):
    X, y = study()
    model = make_pipeline(ConvFeatureExtractor(TinyNet(), image_size=32), step).fit(X, y)
    with pytest.raises(TypeError, match=message):
        to_module(model)


def test_images_of_a_wrong_shape_are_refused(make_images):
    module = to_module(ConvFeatureExtractor(TinyNet(), image_size=32).fit(make_images()))
    with pytest.raises(ValueError, match=r"expected \(n, height, width, 3\): the channels"):
        module(torch.zeros(1, 3, 40, 52))
