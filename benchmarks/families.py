"""Claim: the networks of every family of the timm library are used as timm means them.

One small member of every family is built with random weights, and its BatchNorms get random
statistics. Six questions are asked about each:

- embedding: is the row what timm calls the output before the classifier?
- layers: does every listed layer return what a hook on the plain network sees?
- unfreeze=1: does fine-tuning the last layer work on six images, and what share of the weights
  does it train?
- all: does fine-tuning all layers work?
- copy: does an extractor give the same rows after joblib's dump and load?
- size: does it take images of another size, or say which sizes it takes?

Each network runs in a process of its own, so that one that kills its process is noted as well.
"""

import argparse
import io
import re
import sys
import tempfile
import time
from pathlib import Path

import joblib
import numpy as np
import timm
import torch
from _report import ELSEWHERE, machine, print_table, write_json

from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier
from sklearn_tl.backbones import load_backbone
from sklearn_tl.finetuning.surgery import layers_to_tune

HEAD = ["network", "embedding", "layers", "n", "unfreeze=1", "share", "all", "copy", "size", "s"]
# Networks that are no image classifiers of one input, or that take more than images.
LEFT_OUT = "naflex|test_|_gigantic|_giant"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--names", nargs="+", help="networks of timm; default: one per family")
    parser.add_argument("--most", type=float, default=40, help="million weights at most")
    parser.add_argument("--pixels", type=int, default=300, help="largest side of the input")
    parser.add_argument("--timeout", type=float, default=300, help="seconds per network")
    parser.add_argument("--json", metavar="FILE", help="write the figures to this file")
    args = parser.parse_args()
    print(machine(), f"timm {timm.__version__}")
    names = args.names or list(small_members(args.most * 1e6, args.pixels))
    rows = []
    for name in names:
        rows.append(row_of(name, args.timeout))
        print(*rows[-1], flush=True)
    print_table(HEAD, rows)
    bad = [row[0] for row in rows if {"no", "killed", "too slow"} & set(map(str, row))]
    print(f"{len(rows)} networks, {len(bad)} with a fault: {', '.join(bad) or 'none'}")
    write_json(args.json, {"table": [dict(zip(HEAD, row, strict=True)) for row in rows]})
    raise SystemExit(1 if bad else 0)


def small_members(most, pixels):
    """Yield the smallest network of each family that is small enough."""
    for family in timm.list_modules():
        found = []
        for name in timm.list_models(module=family):
            if re.search(LEFT_OUT, name):
                continue
            config = timm.models.get_pretrained_cfg(name)
            if config is not None and max(config.input_size[1:]) > pixels:
                continue
            try:
                with torch.device("meta"):
                    network = timm.create_model(name)
            except Exception:  # some compute while they are built
                network = timm.create_model(name)
            found.append((sum(p.numel() for p in network.parameters()), name))
        if found and min(found)[0] <= most:
            yield min(found)[1]


def row_of(name, timeout):
    """Ask about one network in a process of its own."""
    started = time.perf_counter()
    receiver, sender = ELSEWHERE.Pipe(duplex=False)
    child = ELSEWHERE.Process(target=_ask, args=(name, sender), daemon=True)
    child.start()
    sender.close()
    try:
        found = receiver.recv() if receiver.poll(timeout) else ["too slow"] * (len(HEAD) - 2)
    except EOFError:  # the child ended without an answer
        found = ["killed"] * (len(HEAD) - 2)
    child.kill()
    child.join()
    return [name, *found, time.perf_counter() - started]


def _ask(name, sender):
    """Send the answers about one network."""
    with tempfile.TemporaryDirectory() as folder:
        sender.send(answers(f"timm/{name}", Path(folder) / "weights.pth"))


def answers(name, path):
    """Return the answers about one network, whose weights are written to a file."""
    network = trained_a_little(timm.create_model(name.removeprefix("timm/")).eval())
    torch.save(network.state_dict(), path)
    weights = str(path)
    return [
        yes(embeds_as_timm, name, weights, network),
        yes(layers_are_right, name, weights),
        len(load_backbone(name, weights).layers),
        yes(can_be_tuned, name, weights, 1),
        share_of_weights(name, weights),
        yes(can_be_tuned, name, weights, "all"),
        yes(is_the_same_copied, name, weights),
        yes(takes_or_says, name, weights),
    ]


def yes(question, *arguments):
    """Return "yes", or "no" with the reason on standard error."""
    try:
        question(*arguments)
    except Exception as error:
        print(f"{arguments[0]}: {question.__name__}: {error!r:.600}", file=sys.stderr)
        return "no"
    return "yes"


def trained_a_little(network):
    """Give BatchNorms other statistics and weights than those of a new network."""
    generator = torch.Generator().manual_seed(0)
    for norm in network.modules():
        if isinstance(norm, torch.nn.BatchNorm2d) and norm.running_mean is not None:
            norm.running_mean.uniform_(-0.1, 0.1, generator=generator)
            norm.running_var.uniform_(0.8, 1.2, generator=generator)
    return network


def images(backbone, n=2):
    shape = (n, 3, *backbone.preprocessing.crop)
    return torch.rand(shape, generator=torch.Generator().manual_seed(1))


def assert_close(found, wanted):
    assert found.shape == wanted.shape, f"{tuple(found.shape)} instead of {tuple(wanted.shape)}"
    far = float((found - wanted).abs().max() / wanted.abs().max())
    assert far < 1e-3, f"{far:.2g} of the largest value apart"


def embeds_as_timm(name, weights, network):
    backbone = load_backbone(name, weights)
    x = images(backbone)
    with torch.inference_mode():
        wanted = network.forward_head(network.forward_features(x), pre_logits=True)
        wanted = wanted.mean((2, 3)) if wanted.ndim == 4 else wanted
        found = backbone.run(x, {None: lambda a: backbone.pool(a, None, "avg")})[None]
    assert_close(found, wanted)


def layers_are_right(name, weights):
    backbone = load_backbone(name, weights)
    assert backbone.layers, "no layers"
    x, seen = images(backbone, 1), {}

    def keep(layer):
        def hook(module, inputs, output):  # returns nothing, which would replace the output
            seen[layer] = tensor_in(output).clone()

        return hook

    module = backbone.copy_module()
    for layer in backbone.layers:
        module.get_submodule(layer).register_forward_hook(keep(layer))
    with torch.inference_mode():
        module(x)
        found = backbone.run(x, dict.fromkeys(backbone.layers, torch.clone))
    for layer in backbone.layers:
        assert_close(found[layer], seen[layer])


def tensor_in(output):
    return output if isinstance(output, torch.Tensor) else output[0]


def share_of_weights(name, weights):
    """Return the share of the weights that unfreeze=1 trains."""
    backbone = load_backbone(name, weights)

    def n_weights(module):
        return sum(p.numel() for p in module.parameters())

    tuned = layers_to_tune(backbone, 1)
    return sum(n_weights(backbone.module.get_submodule(t)) for t in tuned) / n_weights(
        backbone.module
    )


def photographs(n=6):
    return np.random.default_rng(0).integers(0, 256, (n, 64, 64, 3), dtype=np.uint8)


def can_be_tuned(name, weights, unfreeze):
    X, y = photographs(), np.arange(6) % 2
    model = FineTuneClassifier(
        name, weights=weights, unfreeze=unfreeze, max_epochs=1, random_state=0, cache=None
    )
    assert np.isfinite(model.fit(X, y).predict_proba(X)).all()
    assert len(model.net_.module_.state_dict()) > 2


def is_the_same_copied(name, weights):
    X, file = photographs(2), io.BytesIO()
    extractor = ConvFeatureExtractor(name, weights=weights, cache=None)
    rows = extractor.fit_transform(X)
    joblib.dump(extractor, file)
    file.seek(0)
    assert np.array_equal(joblib.load(file).transform(X), rows)


def takes_or_says(name, weights):
    """Ask for half of the size, in whole patches of 32 pixels."""
    side = load_backbone(name, weights).preprocessing.crop[0] // 64 * 32
    extractor = ConvFeatureExtractor(name, weights=weights, image_size=side, cache=None)
    try:
        rows = extractor.fit_transform(photographs(2))
    except ValueError as error:
        if "image_size=" not in str(error):
            raise
    else:
        assert np.isfinite(rows).all()


if __name__ == "__main__":
    main()
