"""The answers of a file are compared with those of the model that it was made of."""

import warnings
from typing import Any

import numpy as np
import onnx
import onnxruntime

from sklearn_tl.backbones import noise
from sklearn_tl.export.parts import Parts

TOLERANCE = 1e-3  # of probabilities, and of numbers relative to the largest one
LOW_PRECISION = 0.05  # if the model itself computes with 16 bits
SHAPES = ((1.3, 1.7), (1.6, 1.0))  # of the images, in units of the input


def check_answers(model: Any, parts: Parts, file: onnx.ModelProto) -> None:
    """Raise a ValueError unless a file answers as its model does.

    Two images of noise are enough to find a wrong size, channel, temperature or step. A model with
    a `loader`, or that takes flat rows of four channels, is not checked: only the user knows what
    they look like.

    Parameters
    ----------
    model : estimator
    parts : Parts
    file : onnx.ModelProto
    """
    shape = parts.reading.image_shape
    is_flat_and_odd = isinstance(shape, tuple) and len(shape) == 3 and shape[2] not in (1, 3)
    if parts.reading.loader is not None or is_flat_and_odd:
        return
    session = onnxruntime.InferenceSession(
        file.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    name = session.get_outputs()[-1].name
    tolerance = TOLERANCE if parts.source.precision == "float32" else LOW_PRECISION
    for image in _images(parts):
        found = session.run([name], {"image": image[None]})[0]
        expected = _expected(model, parts, image).reshape(found.shape)
        scale = 1.0 if name == "probabilities" else max(np.abs(expected).max(), 1e-30)
        off = float(np.abs(found - expected).max() / scale)
        if not off <= tolerance:
            raise ValueError(
                f"The ONNX file was not written: for an image of noise, its {name} differ by "
                f"{off:.2g} from those of the model, more than {tolerance}. If that is near enough "
                "for you, set check=False."
            )


def _images(parts: Parts) -> list[np.ndarray]:
    """Return images of noise in the form that the file takes."""
    reading, preprocessing = parts.reading, parts.frozen.preprocessing
    n_channels = 1 + max(reading.channels) if reading.channels else preprocessing.n_channels
    images = []
    for height, width in _sizes(parts):
        image = noise(1, n_channels, height, width)[0].movedim(0, 2).numpy()
        image = (image - image.min()) / (image.max() - image.min())
        if reading.image_shape is not None:  # which may have one channel, and the file has three
            image = np.repeat(image[..., :1], n_channels, axis=2)
        if reading.value_range is None:
            images.append(np.rint(image * 255).astype(np.uint8))
        else:
            black, white = reading.value_range
            images.append((black + image * (white - black)).astype(np.float32))
    return images


def _sizes(parts: Parts) -> list[tuple[int, int]]:
    shape = parts.reading.image_shape
    if isinstance(shape, str):  # "strip"
        return [(1, parts.source.n_features_in_)]
    if shape is not None:
        return [(shape[0], shape[1])]
    height, width = parts.frozen.preprocessing.crop or (224, 224)
    return [(round(height * a), round(width * b)) for a, b in SHAPES]


def _expected(model: Any, parts: Parts, image: np.ndarray) -> np.ndarray:
    """Return the probabilities, the numbers or the row of an image, without a trace in a cache."""
    source, shape = parts.source, parts.reading.image_shape
    X: Any = [image]
    if shape is not None:
        n_channels = shape[2] if isinstance(shape, tuple) and len(shape) == 3 else 1
        X = image[..., :n_channels].reshape(1, -1)
    cache = source.cache
    source.set_params(cache=None)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what noise lacks
            if parts.task == "embedding":
                return model.transform(X)
            return model.predict(X) if parts.task == "regression" else model.predict_proba(X)
    finally:
        source.set_params(cache=cache)
