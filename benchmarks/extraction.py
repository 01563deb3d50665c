"""Claim: embeddings are computed faster than by hand; how much faster depends on the network.

Every side gets the same images, as uint8 arrays, and returns the same rows. The sides run in
turn, several times over, and the median counts. The sides:

- "eager": plain torch, in batches of 32, each preprocessed as one tensor, on the device that
  `device="auto"` chooses
- "torch", "openvino": `ConvFeatureExtractor.transform` with `cache=None` and that engine; with
  `--bfloat16` also in that precision
- "torch ready", "openvino ready": only the network of that engine, in the same threads and
  chunks, on tensors that are already normalised
- "onnxruntime": that library called by hand in batches of 32, on such tensors
- "embetter", for the bundled network and JPEG files: its pipeline of ImageLoader and
  TimmEncoder, with our weights in place of those that it would download

On a graphics processor only "eager", "torch" and embetter run. Sides whose package is missing
are left out (`pip install ".[benchmarks]"` installs all). Only
the bundled network has its own weights. The others have random weights, which do not affect the
time.

With JPEG files (`--jpeg`), all sides except those on ready tensors decode the files.
"""

import argparse
import importlib.util
import io
import statistics
import tempfile
import time
import warnings
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from _report import machine, print_table, write_json
from PIL import Image
from sklearn.pipeline import make_pipeline

from sklearn_tl import ConvFeatureExtractor
from sklearn_tl._utils import on_each_core, resolve_device
from sklearn_tl.backbones.stock import load
from sklearn_tl.datasets import load_photo_patches
from sklearn_tl.embedding import EMBEDDING
from sklearn_tl.embedding.engines import compile_network

NETWORKS = ["efficientnet_lite0", "resnet18", "resnet50", "mobilenet_v3_small", "efficientnet_b0"]
BATCH = 32
DEVICE = resolve_device("auto")
# A graphics processor adds in another order, and torch lets it round to TF32 in convolutions.
LARGEST_ERROR = 1e-4 if DEVICE == "cpu" else 2e-2  # as a part of the largest number


def weights_of(name):
    return "default" if name == "efficientnet_lite0" else None


def read_images(folder, n, side):
    """Return `n` images as an array (n, side, side, 3)."""
    if folder is None:
        patches = load_photo_patches().images
        pictures = (Image.fromarray(patches[i % len(patches)]) for i in range(n))
    else:
        paths = sorted(
            p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png")
        )
        pictures = (Image.open(paths[i % len(paths)]).convert("RGB") for i in range(n))
    rng = np.random.default_rng(0)
    images = [np.asarray(picture.resize((side, side))).copy() for picture in pictures]
    for image in images:
        image[0, 0] = rng.integers(0, 256, 3)  # all images differ
    return np.stack(images)


def decoded(images):
    return (
        images
        if isinstance(images, np.ndarray)
        else np.stack([np.asarray(Image.open(path).convert("RGB")) for path in images])
    )


def by_hand(name, size):
    """Return a function from images to rows, in plain torch."""
    module, preprocessing = load(name, weights_of(name))
    preprocessing = preprocessing.at(size, draft=False)
    if hasattr(module, "reset_classifier"):
        module.reset_classifier(0)
    if size is not None and hasattr(module, "set_input_size"):
        module.set_input_size(img_size=preprocessing.crop)
    module.eval().to(DEVICE)
    layers = list(module.children())
    last = layers[-1]
    while isinstance(last, torch.nn.Sequential):
        last = last[-1]
    found = []
    if hasattr(module, "reset_classifier"):
        module.register_forward_hook(lambda module, inputs, output: found.append(output))
    else:
        last.register_forward_pre_hook(lambda module, inputs: found.append(inputs[0]))

    def run(images):
        found.clear()
        with torch.inference_mode():
            for start in range(0, len(images), BATCH):
                module(preprocessing(decoded(images[start : start + BATCH])).to(DEVICE))
        return torch.cat(found).cpu().numpy()

    return run, module, preprocessing


def ours(name, size, engine, precision="float32"):
    extractor = ConvFeatureExtractor(
        name,
        weights=weights_of(name),
        image_size=size,
        cache=None,
        engine=engine,
        precision=precision,
        batch_size=BATCH,
    )
    return lambda images: extractor.fit(images).transform(images)


def tuned_network(name, size, images, engine):
    """Return a function that runs only the tuned network."""
    extractor = ConvFeatureExtractor(
        name, weights=weights_of(name), image_size=size, cache=None, engine=engine
    )
    frozen = extractor.fit(images).frozen_pass(EMBEDDING)
    chunks = frozen.preprocessing(images).split(frozen.chunk_size)
    chunks = [chunk.contiguous() if engine == "openvino" else chunk for chunk in chunks]

    def network(x):
        return frozen.backbone.run(x, {None: torch.clone})[None]

    network(chunks[0])
    run = compile_network(
        network, tuple(chunks[0].shape), engine=engine, precision="float32", name=name
    )
    return lambda _: np.concatenate(list(on_each_core(run, chunks)))


def embetter_pipeline():
    """Return embetter's pipeline with the bundled network, as its documentation shows it."""
    import timm
    from embetter.vision import ImageLoader, TimmEncoder

    def create_model(*args, pretrained, create=timm.create_model, **options):
        return create(*args, pretrained=False, **options)

    with mock.patch("timm.create_model", create_model):
        encoder = TimmEncoder("tf_efficientnet_lite0")
    # The same tensors in the same order under other names. A user must know of this.
    tensors = load("efficientnet_lite0", "default")[0].state_dict().values()
    encoder.model.load_state_dict(dict(zip(encoder.model.state_dict(), tensors, strict=False)))
    encoder.model.eval()
    return make_pipeline(ImageLoader(convert="RGB"), encoder).fit_transform


def onnx_session(module, x):
    """Return a function that runs ONNX Runtime on normalised tensors."""
    import onnxruntime

    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (x[:BATCH],), buffer, dynamo=False, opset_version=17)
    session = onnxruntime.InferenceSession(buffer.getvalue(), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    batches = [batch.numpy() for batch in x.split(BATCH)]
    return lambda _: np.concatenate([session.run(None, {name: batch})[0] for batch in batches])


def installed(package):
    return importlib.util.find_spec(package) is not None


def measure(name, images, paths, repeat, bfloat16, only):
    """Return a list of seconds for each side."""
    name, _, size = name.partition("@")
    size = int(size) if size else None
    hand, module, preprocessing = by_hand(name, size)
    on_cpu = DEVICE == "cpu"
    engines = ["torch", "openvino"] if on_cpu and installed("openvino") else ["torch"]
    makers = {"eager": lambda: hand}
    for engine in engines:
        makers[engine] = partial(ours, name, size, engine)
        if bfloat16:
            makers[f"{engine}, bfloat16"] = partial(ours, name, size, engine, "bfloat16")
        if on_cpu:
            makers[f"{engine} ready"] = partial(tuned_network, name, size, images, engine)
    if paths is not None and name == "efficientnet_lite0" and installed("embetter"):
        makers["embetter"] = embetter_pipeline
    if on_cpu and installed("onnxruntime"):
        # The whole network: the layers after the embedding take almost no time.
        makers["onnxruntime"] = lambda: onnx_session(module, preprocessing(images).contiguous())
    sides = {side: make() for side, make in makers.items() if only is None or side in only}
    source = images if paths is None else paths
    seconds = {side: [] for side in sides}
    wanted = hand(source)
    for i in range(repeat + 1):
        for side, run in sides.items():
            start = time.perf_counter()
            rows = run(source)
            took = time.perf_counter() - start
            if i > 0:  # the first run also folds and compiles, which is done once
                seconds[side].append(took)
            elif side in engines:
                off = np.abs(rows - wanted).max() / np.abs(wanted).max()
                assert off < LARGEST_ERROR, (name, side, off)
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, help="folder of images; default: built-in photographs")
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--side", type=int, default=224, help="size of the images in pixels")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--bfloat16", action="store_true", help="also measure bfloat16")
    parser.add_argument("--jpeg", action="store_true", help="pass files instead of arrays")
    parser.add_argument(
        "--networks", nargs="+", default=NETWORKS, help="names; NAME@SIZE for another size"
    )
    parser.add_argument("--sides", nargs="+", help="leave out the other sides")
    parser.add_argument("--json", metavar="FILE", help="write the figures to this file")
    args = parser.parse_args()
    print(machine(), "\n")
    images = read_images(args.data, args.images, args.side)
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        paths = None
        if args.jpeg:
            paths = [str(Path(folder, f"{i}.jpg")) for i in range(len(images))]
            for image, path in zip(images, paths, strict=True):
                Image.fromarray(image).save(path, quality=95)
            images = decoded(paths)
        for name in args.networks:
            seconds = measure(name, images, paths, args.repeat, args.bfloat16, args.sides)
            medians = {side: statistics.median(some) for side, some in seconds.items()}
            for side, median in medians.items():
                speed = len(images) / median
                figures.append([name, side, speed, medians["eager"] / median])
            print(
                name, {side: round(len(images) / s, 1) for side, s in medians.items()}, flush=True
            )
    print()
    header = ["network", "side", "images/s", "times eager"]
    print_table(header, figures)
    write_json(args.json, {"figures": [dict(zip(header, row, strict=True)) for row in figures]})


if __name__ == "__main__":
    main()
