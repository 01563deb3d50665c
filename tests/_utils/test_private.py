"""Private names of dependencies: a test fails here if a new version has moved one."""

import pytest
import torch
import torchvision
from torch import nn

from sklearn_tl._utils import private


def test_torch_can_be_asked_whether_the_processor_computes_in_bfloat16():
    found = [name for name in private.CPU_BFLOAT16 if hasattr(torch.cpu, name)]
    assert found, (
        f"torch {torch.__version__} has neither of {private.CPU_BFLOAT16} in torch.cpu, so that "
        'precision="auto" never takes bfloat16 on a processor. Look for their new names, and put '
        "them into sklearn_tl/_utils/private.py."
    )
    for name in found:
        assert isinstance(getattr(torch.cpu, name)(), bool)


@pytest.mark.parametrize("name", private.CPU_BFLOAT16)
def test_one_of_the_two_is_enough(name, monkeypatch):
    for other in private.CPU_BFLOAT16:
        monkeypatch.delattr(torch.cpu, other, raising=False)
    assert not private.cpu_has_bfloat16()
    for answer in (True, False):
        monkeypatch.setattr(torch.cpu, name, lambda answer=answer: answer, raising=False)
        assert private.cpu_has_bfloat16() is answer


def test_every_preset_of_a_torchvision_classifier_is_an_image_classification():
    for name in torchvision.models.list_models(module=torchvision.models):
        preset = torchvision.models.get_model_weights(name).DEFAULT.transforms()
        assert private.is_torchvision_preset(preset), (
            f"torchvision {torchvision.__version__} has other presets than the class that "
            "sklearn_tl/_utils/private.py imports. Import their class there."
        )


def test_the_network_inside_a_compiled_one_is_found():
    network = nn.Linear(2, 2)
    compiled = torch.compile(network, backend="eager")
    assert private.without_compilation(compiled) is network, (
        f"torch {torch.__version__} keeps the network of torch.compile elsewhere. Look for the "
        "place, and put it into sklearn_tl/_utils/private.py."
    )
    assert private.without_compilation(network) is network


def test_the_hooks_of_a_module_are_found():
    network, hooks = nn.Linear(2, 2), [lambda *_: None, lambda *_: None]
    network.register_forward_hook(hooks[1])
    network.register_forward_pre_hook(hooks[0])
    assert private.forward_hooks(network) == hooks
    network.register_full_backward_hook(hooks[1])
    network.register_full_backward_pre_hook(hooks[0])
    assert private.backward_hooks(network) == hooks


def test_tensors_hooks_and_flags_are_attributes_of_every_module():
    network = nn.Linear(2, 2)
    own = vars(network).keys() - private.attributes_of_every_module()
    assert own == {"in_features", "out_features"}, (
        f"torch {torch.__version__} sets other attributes in a module than in nn.Module(). Name "
        "them in sklearn_tl/_utils/private.py."
    )
