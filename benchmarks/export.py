"""Claim: an ONNX file answers as its model does, and with 8 bits it costs a little accuracy.

Agreement: models are fitted on photographs of flowers (`--data`/flowers), film posters and houses,
and exported. Each of 200 photographs of many sizes goes to the model, decoded at its full size, and
to the file. The table shows on how many photographs the labels differ, and the largest difference
of a probability, or of a number relative to the largest one.

Draft: the same photographs enlarged to 1200 pixels, as JPEG files. The model decodes them at a
reduced scale, and the file gets all pixels.

Eight bits: accuracy, size and time per image of the file with and without `quantize`. Photographs
of flowers: 240 of a test set. Signs: every third of 1290 photographs is tested, whole tracks.
"""

import argparse
import io
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
from _report import machine, print_table, write_json
from PIL import Image
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from sklearn_tl import (
    ConvFeatureExtractor,
    FineTuneClassifier,
    FineTuneRegressor,
    TransferClassifier,
    TransferRegressor,
)
from sklearn_tl.datasets import load_folder, load_table
from sklearn_tl.export import export_onnx

LARGE = 1200  # pixels, of the photographs for which decoding at a reduced scale makes a difference


def flowers(data, part):
    """Return photographs and the names of the flowers."""
    found = load_folder(data / "flowers" / part)
    return found.paths, found.target


def posters(data):
    """Return film posters and an indicator matrix of genres."""
    path = data / "posters" / "posters.csv"
    found = load_table(path, path_column="path", target="genres", separator="|")
    return found.paths, np.asarray(found.target)


def houses(data):
    """Return photographs of houses and their prices."""
    found = load_table(data / "houses" / "houses.csv", path_column="path", target="price")
    return found.paths, found.target


def signs(data):
    """Return photographs of traffic signs, their names, and which of them are tested."""
    found = load_folder(data / "signs")
    tracks = [f"{Path(path).parent.name}/{Path(path).name[:5]}" for path in found.paths]
    _, number = np.unique(tracks, return_inverse=True)
    return found.paths, found.target, number % 3 == 0


def classifiers():
    """Return a model of each kind, by its name."""
    extractor = ConvFeatureExtractor(image_size=None)
    layers = ConvFeatureExtractor(layer="all", pooling="avgmax", normalization="power")
    tiles = ConvFeatureExtractor(resize_mode="tiles")
    logistic = LogisticRegression(max_iter=1000)
    return {
        "TransferClassifier": TransferClassifier(),
        "FineTuneClassifier(unfreeze=None)": FineTuneClassifier(unfreeze=None),
        "FineTuneClassifier(unfreeze=1)": FineTuneClassifier(
            unfreeze=1, max_epochs=2, random_state=0
        ),
        "logistic regression": make_pipeline(extractor, logistic),
        "all layers, scaler, PCA, logistic": make_pipeline(
            layers, StandardScaler(), PCA(60, random_state=0), logistic
        ),
        "tiles, logistic": make_pipeline(tiles, logistic),
        "pad, logistic": make_pipeline(ConvFeatureExtractor(resize_mode="pad"), logistic),
        "PCA, LDA": make_pipeline(extractor, PCA(60, random_state=0), LinearDiscriminantAnalysis()),
        "SVC, calibrated": make_pipeline(
            extractor, CalibratedClassifierCV(SVC(), cv=3, ensemble=False)
        ),
        "LinearSVC, calibrated": make_pipeline(
            extractor, CalibratedClassifierCV(LinearSVC(), cv=3)
        ),
        "5 nearest neighbours": make_pipeline(extractor, KNeighborsClassifier()),
        "random forest": make_pipeline(
            extractor, RandomForestClassifier(100, random_state=0, n_jobs=2)
        ),
    }


def models(data, n):
    """Return fitted models by their names."""
    X, y = some(flowers(data, "train"), n)
    # Clones, since pipelines share their steps.
    fitted = {name: clone(model).fit(X, y) for name, model in classifiers().items()}
    fitted["FineTuneClassifier(unfreeze=1)"].temperature_ = 1.7
    X, y = some(posters(data), n)
    fitted["TransferClassifier, several labels"] = TransferClassifier().fit(X, y)
    X, y = some(houses(data), n)
    fitted["TransferRegressor"] = TransferRegressor().fit(X, y)
    fitted["FineTuneRegressor(unfreeze=None)"] = FineTuneRegressor(unfreeze=None).fit(X, y)
    fitted["ridge regression"] = make_pipeline(ConvFeatureExtractor(), Ridge()).fit(X, y)
    return fitted


def some(found, n):
    """Return every so many of the images, so that about `n` are left."""
    X, y = found
    step = max(1, len(y) // n)
    return list(X)[::step], y[::step]


def photographs(data, n):
    """Return photographs of all sets, decoded at their full size."""
    sets = [flowers(data, "test"), posters(data), houses(data)]
    paths = [path for found in sets for path in some(found, n // 3 + 1)[0][: n // 3 + 1]]
    return [np.asarray(Image.open(path).convert("RGB")) for path in paths[:n]]


def session_of(model, folder, **options):
    """Return a session with the file of a model, its size in MB, and the time to write it."""
    path = Path(folder) / "model.onnx"
    start = time.perf_counter()
    export_onnx(model, path, **options)
    seconds = time.perf_counter() - start
    return onnxruntime.InferenceSession(path), path.stat().st_size / 1e6, seconds


def ask(session, images):
    """Return the outputs of all images, one at a time, and milliseconds per image."""
    start = time.perf_counter()
    answers = [session.run(None, {"image": image[None]}) for image in images]
    milliseconds = 1000 * (time.perf_counter() - start) / len(images)
    return [np.concatenate(output) for output in zip(*answers, strict=True)], milliseconds


def agreement(data, folder, n, n_fitted):
    """Print how far files are from their models."""
    images, rows = photographs(data, n), []
    shapes = {image.shape for image in images}
    print(f"\n{len(images)} photographs of {len(shapes)} sizes")
    for name, model in models(data, n_fitted).items():
        session, size, seconds = session_of(model, folder)
        found, milliseconds = ask(session, images)
        answers = model.predict(images)
        if len(found) == 1:
            expected = answers.reshape(found[0].shape)
            wrong, off = 0, np.abs(found[0] - expected).max() / np.abs(expected).max()
        else:
            wrong = int((found[0] != answers).reshape(len(images), -1).any(axis=1).sum())
            off = np.abs(found[1] - model.predict_proba(images)).max()
        rows.append([name, wrong, f"{off:.1e}", seconds, size, milliseconds])
        print(*rows[-1], flush=True)
    header = ["model", "labels differ", "largest difference", "s to export", "MB", "ms per image"]
    print_table(header, rows)
    return {"agreement": rows}


def draft(data, n, n_fitted):
    """Print how far decoding at a reduced scale moves rows and probabilities."""
    X, y = some(flowers(data, "train"), n_fitted)
    model = make_pipeline(ConvFeatureExtractor(), LogisticRegression(max_iter=1000)).fit(X, y)
    files, arrays = [], []
    for image in photographs(data, n):
        scale = LARGE / min(image.shape[:2])
        size = round(image.shape[1] * scale), round(image.shape[0] * scale)
        file = io.BytesIO()
        large = Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)
        large.save(file, "JPEG", quality=90)
        files.append(file.getvalue())
        arrays.append(np.asarray(Image.open(file)))
    reduced, full = model[0].transform(files), model[0].transform(arrays)
    moved = np.linalg.norm(reduced - full, axis=1) / np.linalg.norm(full, axis=1)
    off = np.abs(model.predict_proba(files) - model.predict_proba(arrays)).max(axis=1)
    wrong = int((model.predict(files) != model.predict(arrays)).sum())
    row = [n, np.median(moved), moved.max(), np.median(off), off.max(), wrong]
    print()
    print_table(
        ["photographs", "row, median", "row, most", "probability, median", "most", "labels"], [row]
    )
    return {"draft": [float(x) for x in row]}


def eight_bits(data, folder, n_calibration):
    """Print what integers of 8 bits change."""
    X, y, tested = signs(data)
    X = np.array(X, dtype=object)
    sets = {
        "flowers": (*flowers(data, "train"), *flowers(data, "test")),
        "signs": (X[~tested], y[~tested], X[tested], y[tested]),
    }
    rows = []
    for name, (train, known, test, true) in sets.items():
        model = TransferClassifier().fit(train, known)
        images = [np.asarray(Image.open(path).convert("RGB")) for path in test]
        some_images = list(train)[:: max(1, len(train) // n_calibration)]
        for bits, options in ((32, {}), (8, {"quantize": some_images})):
            session, size, seconds = session_of(model, folder, **options)
            (label, probabilities), milliseconds = ask(session, images)
            right = float((label == true).mean())
            if bits == 32:
                exact = probabilities
            off = float(np.abs(probabilities - exact).max(axis=1).mean())
            rows.append([name, len(test), bits, right, off, size, milliseconds, seconds])
    header = ["images", "tested", "bits", "accuracy", "probability moves by", "MB", "ms per image"]
    print()
    print_table([*header, "s to export"], rows)
    return {"eight bits": rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--parts", nargs="+", default=["agreement", "draft", "bits"])
    parser.add_argument("--photographs", type=int, default=200)
    parser.add_argument("--fitted", type=int, default=240, help="images that models are fitted on")
    parser.add_argument("--calibration", type=int, default=200)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print(machine())
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        if "agreement" in options.parts:
            figures |= agreement(options.data, folder, options.photographs, options.fitted)
        if "draft" in options.parts:
            figures |= draft(options.data, options.photographs, options.fitted)
        if "bits" in options.parts:
            figures |= eight_bits(options.data, folder, options.calibration)
    write_json(options.json, figures)


if __name__ == "__main__":
    main()
