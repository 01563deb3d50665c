"""What a card says follows from the facts of a study, and names in it cannot do harm."""

import json

import numpy as np
import pytest
from helpers.networks import TinyNet
from helpers.pictures import study
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from sklearn_tl import (
    ConvFeatureExtractor,
    FineTuneClassifier,
    TransferClassifier,
    TransferRegressor,
    compare_strategies,
)
from sklearn_tl.card import card_of_model, card_of_study, to_markdown, to_sections
from sklearn_tl.card.layout import escaped
from sklearn_tl.card.licences import forbids_commerce, is_unknown, licence_of
from sklearn_tl.card.limits import limits
from sklearn_tl.comparison import RawPixels

X, y = study(3, 24)
LABELS = np.array(["red", "green", "blue"])[y]
TAGS = np.column_stack([y == 0, y != 1]).astype(int)
FAST = {"image_size": 32, "cv": 2, "random_state": 0}


@pytest.fixture(scope="module")
def comparison():
    images = np.concatenate([X, X[:2]])  # with two copies
    labels = np.concatenate([LABELS, LABELS[:2]])
    names = ["raw pixels", "embeddings"]
    with pytest.warns(UserWarning, match="2 are copies"):
        result = compare_strategies(images, labels, strategies=names, duplicates="drop", **FAST)
    result.y = labels
    return result


@pytest.fixture
def card(comparison):
    left_out = [f"file {i}" for i in range(30)]
    return card_of_study(comparison, comparison.y, name="colours", left_out=left_out)


def test_a_card_of_a_study_has_its_figures(card, comparison):
    assert json.loads(json.dumps(card, allow_nan=False)) == card
    assert card["data"]["n_images"] == card["data"]["n_fitted"] == 24
    assert card["data"]["classes"] == [
        {"name": name, "n_images": 8} for name in ("blue", "green", "red")
    ]
    assert card["data"]["duplicates"]["n_copies"] == card["data"]["duplicates"]["n_dropped"] == 2
    assert card["data"]["left_out"][-2:] == ["file 19", "10 more"]
    best = comparison.best_strategy_
    scores = card["scores"]
    assert card["model"]["strategy"] == best
    assert (scores["name"], scores["n_folds"], scores["n_test_images"]) == ("accuracy", 2, 24)
    assert scores["mean"] == comparison.scores(best).mean()
    assert scores["dummy"]["mean"] == pytest.approx(1 / 3)
    low, high = scores["interval"]
    assert low < scores["mean"] <= high  # also if all answers are right
    assert [row["name"] for row in card["per_class"]] == ["blue", "green", "red"]
    value, low, high = card["per_class"][0]["recall"]
    assert low < value <= high
    assert set(card["versions"]) == {"python", "sklearn_tl", "scikit-learn", "torch", "torchvision"}


def test_limits_follow_from_the_facts(card):
    def words():
        return "\n".join(limits(card))

    assert "its 3 classes (blue, green, red)" in words()
    assert "fewer than 20 images: blue (8), green (8), red (8)" in words()
    assert "no groups were named" in words()
    assert "not clearly above" not in words()
    assert "nobody looked for copies" not in words()
    card["data"]["groups"] |= {"given": True, "n_folds_that_divide_them": 2}
    card["data"]["classes"] = [{"name": f"c{i}", "n_images": 30} for i in range(12)]
    card["data"]["duplicates"] = None
    card["scores"]["interval"] = [0.3, 0.9]
    card["remarks"]["calibration"] |= {"is_overconfident": True}
    card["remarks"]["label_errors"] = {"n_listed": 9, "n_by_chance": 1}
    card["backbones"] = [{"backbone": "b", "licence": "cc-by-nc-4.0"}]
    assert "no groups were named" not in words()
    assert "2 of the folds divide images that belong together" in words()
    assert "fewer than" not in words()
    assert "c9 and 2 more" in words()
    assert "nobody looked for copies" in words()
    assert "not clearly above that of always answering the largest class" in words()
    assert "they are overconfident" in words()
    assert "9 of them look wrong (about 1 would by chance)" in words()
    assert "Commercial use: the licence of the weights of b is cc-by-nc-4.0." in words()


@pytest.mark.parametrize("task", ["multilabel", "regression"])
def test_tags_and_numbers_have_cards(task):
    targets = TAGS if task == "multilabel" else y + 0.5
    names = ["embeddings"]
    result = compare_strategies(X, targets, task=task, strategies=names, **FAST)
    card = card_of_study(result, targets, groups_given=True)
    text = to_markdown(card)
    json.dumps(card, allow_nan=False)
    if task == "multilabel":
        assert card["data"]["classes"][1] == {"name": "label 1", "n_images": 16}
        assert "## Per label" in text
        assert "| label 1 | 16 |" in text
        assert card["scores"]["interval"] is None
    else:
        assert card["data"]["targets"] == [{"name": "target 0", "low": 0.5, "high": 2.5}]
        assert "Target 0 is off by" in text
        assert "below 0.5 or above 2.5" in text
        assert card["per_class"] is None


def test_a_test_set_of_ones_own(comparison):
    part = [(np.arange(12), np.arange(12, 24))]
    names = ["raw pixels"]
    result = compare_strategies(
        X, LABELS, strategies=names, cv=part, refit=False, duplicates="ignore", random_state=0
    )
    card = card_of_study(result, LABELS, n_fitted=12)
    assert card["data"]["n_fitted"] == 12
    assert card["scores"]["standard_error"] is None
    low, high = card["scores"]["interval"]  # of Wilson
    assert low < card["scores"]["mean"] <= high
    assert high - low > 0.1
    assert card["per_class"] is None
    assert "On new images of this kind" in to_markdown(card)
    assert "| blue | 8 |" in to_markdown(card)  # the table of the classes


MODELS = {
    "pipeline": make_pipeline(ConvFeatureExtractor(image_size=np.int64(32)), LogisticRegression()),
    "transfer": TransferClassifier(image_size=[32, 40]),
    "number": TransferRegressor(image_size=32),
    "unfreeze": FineTuneClassifier(unfreeze=2, weights=None),
    "layers": ConvFeatureExtractor(layer=["blocks.0", "blocks.1"]),
    "raw": make_pipeline(RawPixels(), LogisticRegression()),
    "own": ConvFeatureExtractor(TinyNet()),
    "factory": ConvFeatureExtractor(TinyNet),
    "voting": VotingClassifier([("a", FineTuneClassifier()), ("b", TransferClassifier())]),
    "wrong": ConvFeatureExtractor(weights=3, layer=2.5, image_size=("a", None)),
}


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_a_card(name):
    card = card_of_model(MODELS[name])
    assert json.loads(json.dumps(card, allow_nan=False)) == card
    assert card["model"]["fitted"] is False
    assert card["scores"] is None
    text = to_markdown(card)
    assert "no score from images" in text
    assert "Nothing is known about the images" in text
    n = {"raw": 0, "voting": 2}.get(name, 1)
    assert len(card["backbones"]) == text.count("## The pretrained network") == n


def test_a_fitted_model_says_what_it_knows():
    model = MODELS["pipeline"].fit(X, LABELS)
    card = card_of_model(model)
    assert card["model"] == {
        "type": "Pipeline",
        "task": "classification",
        "fitted": True,
        "strategy": None,
    }
    assert [c["name"] for c in card["data"]["classes"]] == ["blue", "green", "red"]
    assert card["backbones"][0]["fingerprint"] == model[0].backbone_fingerprint_
    assert "its 3 classes (blue, green, red)" in " ".join(card["limits"])


@pytest.mark.parametrize(
    "model",
    [
        TransferClassifier(image_size=32),
        make_pipeline(RawPixels(), OneVsRestClassifier(LogisticRegression())),
        make_pipeline(RawPixels(), KNeighborsClassifier()),
    ],
)
def test_a_model_says_that_images_have_several_labels(model):
    card = card_of_model(model.fit(X, TAGS))
    assert card["model"]["task"] == "multilabel"
    assert [c["name"] for c in card["data"]["classes"]] == ["label 0", "label 1"]


@pytest.mark.parametrize(
    ("backbone", "weights", "licence"),
    [
        ("efficientnet_lite0", "default", "Apache 2.0"),
        ("efficientnet_lite0", None, "none needed (random weights)"),
        ("efficientnet_lite0", "w.pth", "unknown (weights from a file)"),
        (TinyNet, "default", "unknown (your own network)"),
        ("resnet18", "default", "not stated by torchvision, which warns"),
        ("resnet18", "nonsense", "unknown"),
        ("nonsense", "default", "unknown"),
        ("vit_b_16", "IMAGENET1K_SWAG_LINEAR_V1", "CC BY-NC 4.0 (https://github.com"),
    ],
)
def test_licences_of_weights(backbone, weights, licence):
    assert licence_of(backbone, weights).startswith(licence)


def test_licences_of_timm():
    pytest.importorskip("timm")
    assert licence_of("timm/resnet18", "default") == "apache-2.0"
    assert forbids_commerce(licence_of("timm/convnextv2_nano.fcmae_ft_in22k_in1k", "default"))
    assert is_unknown(licence_of("timm/no_such_network", "default"))
    assert not forbids_commerce("Apache 2.0")


def test_names_are_text_and_no_markup(card):
    name = "<script>alert(1)</script> [x](javascript:y) | \x1b[31m\u202e\n# no heading"
    card["data"]["name"] = card["per_class"][0]["name"] = name
    card["limits"] = ["# not a heading"]
    text = to_markdown(card)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\n# no heading" not in text
    assert r"\<script>alert(1)\</script> \[x\](javascript:y) \| " in text
    assert r"- \# not a heading" in text
    rows = [line for line in text.splitlines() if line.startswith("| ") and "precision" in line]
    assert rows == ["| class | images | precision | recall | F1 |"]
    assert escaped("efficientnet_lite0") == "efficientnet_lite0"
    assert escaped("_cat_") == r"\_cat\_"


def test_sections_are_in_the_order_of_reading(card):
    assert [section.heading for section in to_sections(card)][:5] == [
        "The model",
        "How good it is",
        "What it must not be used for",
        "The images",
        "Per class",
    ]
