"""The device and the precision that parameters stand for."""

import pytest
import torch

from sklearn_tl._utils import is_out_of_memory, kind_of, moved, resolve_device, resolve_precision


def test_device_auto_is_a_gpu_if_there_is_one(monkeypatch):
    for cuda, mps, device in [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]:
        monkeypatch.setattr(torch.cuda, "is_available", lambda cuda=cuda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda mps=mps: mps)
        assert resolve_device("auto") == device


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu")])
def test_a_device_is_named(device):
    assert resolve_device(device) == "cpu"
    assert kind_of("cuda:1") == "cuda"


@pytest.mark.parametrize("device", ["cpus", "cuda:99"])
def test_a_device_that_cannot_be_used_is_an_error_that_says_what_to_set(device):
    with pytest.raises(ValueError, match=f"device='{device}' cannot be used here .*device=\"cpu\""):
        resolve_device(device)


@pytest.mark.parametrize(
    ("in_hardware", "device", "precision"),
    [(True, "cpu", "bfloat16"), (False, "cpu", "float32"), (True, "mps", "float32")],
)
def test_precision_auto_is_bfloat16_if_the_hardware_has_it(
    in_hardware, device, precision, monkeypatch
):
    monkeypatch.setattr("sklearn_tl._utils.devices.cpu_has_bfloat16", lambda: in_hardware)
    assert resolve_precision("auto", device) == precision
    assert resolve_precision("float32", device) == "float32"
    assert resolve_precision("bfloat16", device) == "bfloat16"


def test_a_batch_on_the_processor_stays_where_it_is():
    batch = torch.zeros(2, 3)
    assert moved(batch, "cpu") is batch


def test_a_full_memory_is_told_from_other_errors():
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB."))
    assert is_out_of_memory(RuntimeError("MPS backend out of memory"))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
