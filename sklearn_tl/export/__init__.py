"""A fitted model leaves Python: as an ONNX file, or as one module of torch.

`export_onnx` writes a file that answers about images of any size, with its preprocessing inside.
`to_module` returns a `torch.nn.Module` from RGB levels to logits, for `torch.export` and the like.
`require_onnx` says what to install, for commands that will export later.
"""

from sklearn_tl.export.image_module import to_module
from sklearn_tl.export.onnx_file import export_onnx, require_onnx

__all__ = ["export_onnx", "require_onnx", "to_module"]
