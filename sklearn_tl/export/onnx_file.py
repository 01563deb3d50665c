"""`export_onnx`: a fitted model as a file for programs without Python."""

import importlib.util
import os
from pathlib import Path
from typing import Any

from sklearn_tl._utils import replacing
from sklearn_tl.export.network import Network
from sklearn_tl.export.parts import take_apart

PACKAGES = ("onnx", "onnxruntime", "onnxscript", "skl2onnx")


def export_onnx(
    model: Any, path: str | os.PathLike, *, quantize: Any = None, check: bool = True
) -> None:
    """Write a fitted model to an ONNX file that takes images of any size.

    The file needs neither Python nor torch: onnxruntime runs it in C++, C#, Java and JavaScript, on
    a phone and in a browser. Resizing, cropping and normalisation are in the file, and they are
    those of this package.

    Parameters
    ----------
    model : estimator
        A fitted :class:`FineTuneClassifier`, :class:`FineTuneRegressor`,
        :class:`TransferClassifier`, :class:`TransferRegressor` or :class:`ConvFeatureExtractor`, or
        a pipeline of a :class:`ConvFeatureExtractor` and steps of scikit-learn that skl2onnx
        converts: scalers, PCA, logistic and ridge regression, LDA, SVC, nearest neighbours, random
        forests, calibrated classifiers and many more. Of a search, the best estimator is taken.
    path : str or path
        The file, for example "model.onnx". An existing file is replaced once the new one is
        complete.
    quantize : images or None, default=None
        Images of the kind that the model will see, 100 to 500 of them. The network then computes
        with integers of 8 bits, and the file is about a third as large. The images set the range of
        each activation, and their labels are not needed. It costs accuracy and is faster only on
        processors with instructions for it, so measure both. A warning says so if many of the
        answers about these images change. None keeps 32 bits.
    check : bool, default=True
        Whether the file is run on two images of noise before it is written, and its answers are
        compared with those of the model. A quantized file and a model with a `loader` are not
        compared in this way.

    Raises
    ------
    TypeError
        If the model does not take images, or a step cannot be converted. The message names the
        step.
    ValueError
        If the network cannot be converted, or the answers of the file differ from the model's.
    ImportError
        If the packages of the extra `onnx` are not installed.
    OSError
        If the file cannot be written.
    NotFittedError
        If `fit` was not called.

    See Also
    --------
    to_module : The same as a module of torch.

    Notes
    -----
    The input is ``image``: uint8 of shape (n, height, width, 3), RGB. All images of one call have
    one size. With `channels`, the images have all channels of the source, and with `value_range`
    they are float32. What a `loader` returns is the input, and so is the page that `page` chooses.

    The outputs are

    - for classes, ``label`` (n,), and ``probabilities`` (n, n_classes)
    - for several labels per image, ``indicator`` and ``probabilities``, both (n, n_labels)
    - for numbers, ``values`` (n, n_targets), in their units
    - for a ConvFeatureExtractor alone, ``rows`` (n, n_features)

    Text labels are strings, and integers and booleans are int64.

    The metadata of the file are ``task``; ``classes``, the labels as JSON in the order of the
    columns; ``backbone``; ``backbone_fingerprint``; and ``versions`` of the packages, as JSON.

    The network computes in float32, also if the model has another `precision`.

    The file gets whole images. The model itself decodes large JPEG files at a reduced scale unless
    ``draft=False``, which moves probabilities a little.

    Examples
    --------
    >>> import onnxruntime
    >>> from sklearn_tl import TransferClassifier
    >>> from sklearn_tl.datasets import load_photo_patches
    >>> from sklearn_tl.export import export_onnx
    >>> patches = load_photo_patches()
    >>> X, y = patches.images[::8], patches.target[::8]
    >>> classifier = TransferClassifier(image_size=96).fit(X, y)
    >>> export_onnx(classifier, "model.onnx")  # doctest: +SKIP
    >>> session = onnxruntime.InferenceSession("model.onnx")  # doctest: +SKIP
    >>> label, probabilities = session.run(None, {"image": X[:2]})  # doctest: +SKIP
    """
    require_onnx()
    # Here, since these need the packages of the extra.
    from sklearn_tl.export.answers_graph import answers_of_logits, answers_of_steps
    from sklearn_tl.export.checks import check_answers
    from sklearn_tl.export.joined import joined
    from sklearn_tl.export.metadata import metadata_of
    from sklearn_tl.export.network_graph import network_graph
    from sklearn_tl.export.preprocessing_graph import preprocessing_graph
    from sklearn_tl.export.quantization import quantized

    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder. Name a file: {path / 'model.onnx'}")
    parts = take_apart(model)
    # The quick parts first: a step that cannot be converted is found before the network is.
    answers = answers_of_steps(parts) if parts.steps else answers_of_logits(parts)
    preprocessing = parts.frozen.preprocessing
    resize = preprocessing_graph(preprocessing, parts.reading)
    name = parts.source.frozen_pass().backbone.name
    network = network_graph(Network(parts, parts.head), preprocessing, name)
    if quantize is not None:
        network = quantized(network, parts, quantize)
    file = joined(resize, network, answers)
    for key, value in metadata_of(parts).items():
        file.metadata_props.add(key=key, value=value)
    if check and quantize is None:
        check_answers(model, parts, file)
    with replacing(path) as part:
        Path(part).write_bytes(file.SerializeToString())


def require_onnx() -> None:
    """Raise an ImportError unless the packages of the extra are installed."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(
            f"An ONNX file needs {', '.join(missing)}: pip install {' '.join(missing)}."
        )
