"""Private names of dependencies: a test fails here if a new version has moved one."""

import pytest
import torch

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
