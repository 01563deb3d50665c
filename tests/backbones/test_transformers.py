"""Vision models of the transformers library, as modules."""

import numpy as np
import pytest
import torch
from helpers.networks import assert_equal_in_scale

from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier
from sklearn_tl.backbones import load_backbone

transformers = pytest.importorskip("transformers")

VIT = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "image_size": 64,
    "patch_size": 16,
}
CONVS = {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 2, 1]}
SWIN = {"image_size": 64, "embed_dim": 16, "depths": [1, 2], "num_heads": [1, 2], "window_size": 4}


def first_token(output, model, x):
    return output.last_hidden_state[:, 0]


def pooler_output(output, model, x):
    return output.pooler_output.flatten(1)


def before_the_projection(output, model, x):
    return model.vision_model(x).pooler_output


def of_the_body(output, model, x):
    return model.vit(x).last_hidden_state[:, 0]


# The name of the model, its configuration, what its embedding is, and its last block.
MODELS = [
    ("ViTModel", VIT, pooler_output, "layers.2"),
    ("ViTForImageClassification", VIT, of_the_body, "vit.layers.2"),
    ("Dinov2Model", VIT, pooler_output, "encoder.layer.2"),
    ("Dinov2WithRegistersModel", VIT, pooler_output, "encoder.layer.2"),
    ("DINOv3ViTModel", VIT, pooler_output, "model.layer.2"),
    ("CLIPVisionModel", VIT, pooler_output, "encoder.layers.2"),
    ("CLIPVisionModelWithProjection", VIT, before_the_projection, "vision_model.encoder.layers.2"),
    ("SiglipVisionModel", VIT, pooler_output, "encoder.layers.2"),
    ("ConvNextModel", CONVS, pooler_output, "encoder.stages.3"),
    ("SwinModel", SWIN, pooler_output, "encoder.layers.1.blocks.1"),
]


def build(name, settings):
    kind = getattr(transformers, name)
    torch.manual_seed(0)
    return kind(kind.config_class(**settings)).eval()


@pytest.mark.parametrize(("name", "settings", "wanted", "last"), MODELS)
def test_embedding_and_layers_are_those_of_the_makers(name, settings, wanted, last):
    model = build(name, settings)
    backbone = load_backbone(model)
    assert backbone.preprocessing.crop == ((64, 64) if "image_size" in settings else (224, 224))
    assert last in backbone.layers[-2:]
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = wanted(model(x), model, x)
        found = backbone.run(x, {None: lambda a: backbone.pool(a, None, "avg")})[None]
    assert_equal_in_scale(found, expected, 1e-4)


def test_without_a_pooler_the_embedding_is_the_class_token():
    model = transformers.ViTModel(transformers.ViTConfig(**VIT), add_pooling_layer=False).eval()
    backbone = load_backbone(model)
    x = torch.rand(2, 3, 64, 64)
    found = backbone.run(x, {None: lambda a: backbone.pool(a, None, "avg")})[None]
    assert_equal_in_scale(found, first_token(model(x), model, x), 1e-4)


@pytest.mark.parametrize("name", ["Dinov2WithRegistersModel", "SiglipVisionModel"])
def test_a_model_is_tuned(name, make_images):
    X, y = make_images(8, 64, 64), np.arange(8) % 2
    model = build(name, VIT)
    for unfreeze in (1, "all"):
        tuned = FineTuneClassifier(model, unfreeze=unfreeze, max_epochs=1, random_state=0)
        assert np.isfinite(tuned.fit(X, y).predict_proba(X)).all()


def test_tokens_are_pooled_without_registers(make_images):
    X, model = make_images(3, 64, 64), build("Dinov2WithRegistersModel", VIT)
    layer = "encoder.layer.1"
    rows = {
        pooling: ConvFeatureExtractor(model, layer=layer, pooling=pooling).fit_transform(X)
        for pooling in ("flatten", "cls", "patch", "cls+patch")
    }
    tokens = rows["flatten"].reshape(3, 1 + 4 + 16, 32)
    np.testing.assert_allclose(rows["cls"], tokens[:, 0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(rows["patch"], tokens[:, 5:].mean(1), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(rows["cls+patch"], np.hstack([rows["cls"], rows["patch"]]))


def test_an_image_processor_gives_the_preprocessing():
    model = build("ConvNextModel", CONVS)
    model.transforms = transformers.CLIPImageProcessor()
    found = load_backbone(model).preprocessing
    assert (found.crop, found.resize, found.crop_mode) == ((224, 224), (224, 224), "center")
    assert found.interpolation == "bicubic"
    assert found.mean == tuple(model.transforms.image_mean)
