"""Weights come from files of several kinds, and no code in a file is run."""

import os
import pickle

import pytest
import torch
from helpers.networks import TinyNet
from torch import nn

from sklearn_tl.backbones import load_backbone
from sklearn_tl.backbones.stock import _bundled_file, build


def test_weights_come_from_files_of_three_kinds(tmp_path):
    from safetensors.torch import save_file

    module = build("resnet18")
    torch.manual_seed(1)
    nn.init.normal_(module.conv1.weight)
    torch.save(module.state_dict(), tmp_path / "a.pth")
    torch.save({"state_dict": {f"module.{k}": v for k, v in module.state_dict().items()}},
               tmp_path / "checkpoint.pt")  # fmt: skip
    save_file(module.state_dict(), tmp_path / "a.safetensors")
    prints = {
        load_backbone("resnet18", tmp_path / name).fingerprint
        for name in ("a.pth", "checkpoint.pt", "a.safetensors")
    }
    assert len(prints) == 1
    assert prints != {load_backbone("resnet18", None).fingerprint}
    # A rewritten file is another set of weights.
    torch.save(build("resnet18").state_dict(), tmp_path / "a.pth")
    os.utime(tmp_path / "a.pth", ns=(1, 1))
    assert load_backbone("resnet18", str(tmp_path / "a.pth")).fingerprint not in prints


def test_weights_may_have_another_number_of_classes(tmp_path):
    module = build("resnet18")
    module.fc = nn.Linear(512, 12)
    torch.save(module.state_dict(), tmp_path / "a.pth")
    assert load_backbone("resnet18", tmp_path / "a.pth").module.fc.out_features == 12
    assert load_backbone("resnet18", tmp_path / "a.pth").module.fc.weight.shape == (12, 512)


def test_the_published_file_of_the_bundled_network_can_be_given_as_a_path(tmp_path):
    path = tmp_path / "lite0.pth"
    path.write_bytes(_bundled_file("efficientnet_lite0").read_bytes())
    loaded = load_backbone("efficientnet_lite0", path)
    assert loaded.fingerprint == load_backbone("efficientnet_lite0").fingerprint


class Payload:
    def __init__(self, trace):
        self.trace = str(trace)

    def __reduce__(self):
        return os.mkdir, (self.trace,)


def test_a_malicious_pickle_is_refused_and_not_run(tmp_path):
    trace = tmp_path / "trace"
    torch.save({"conv1.weight": Payload(trace)}, tmp_path / "a.pth")
    (tmp_path / "b.pth").write_bytes(pickle.dumps(Payload(trace), protocol=2))
    torch.save(TinyNet(), tmp_path / "whole.pth")
    for name in ("a.pth", "b.pth", "whole.pth"):
        with pytest.raises(ValueError, match="was refused"):
            load_backbone("resnet18", tmp_path / name)
    assert not trace.exists()


def test_weights_that_do_not_fit_are_an_error(tmp_path):
    torch.save(build("resnet18").state_dict(), tmp_path / "r18.pth")
    with pytest.raises(ValueError, match="another architecture than resnet34.*is missing.*more"):
        load_backbone("resnet34", tmp_path / "r18.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save({"epoch": 3}, tmp_path / "dict.pth")
    (tmp_path / "text.pth").write_text("hello")
    torch.save({1: torch.zeros(1)}, tmp_path / "numbers.pth")
    (tmp_path / "text.safetensors").write_text("weights")
    for name, message in [
        ("list.pth", "Expected a state dict in .*, got list"),
        ("dict.pth", "is not a state dict"),
        ("numbers.pth", "is not a state dict"),
        ("text.pth", "was refused"),
        ("text.safetensors", "is not a safetensors file"),
    ]:
        with pytest.raises(ValueError, match=message):
            load_backbone("resnet18", tmp_path / name)
    with pytest.raises(FileNotFoundError, match=r"none\.pth"):
        load_backbone("resnet18", tmp_path / "none.pth")
