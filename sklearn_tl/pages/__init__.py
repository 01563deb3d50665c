"""Pages in the browser of this machine: no image leaves it, and no network is needed.

`model_app` is the page of a model, which answers about photographs. `label_app` is the page on
which people label images. `serve` runs a page until Ctrl-C.
"""

try:
    import starlette  # noqa: F401
    import uvicorn  # noqa: F401
except ImportError as error:
    raise ImportError(
        "The pages in the browser require starlette and uvicorn: pip install 'starlette>=1.0' "
        "'uvicorn>=0.40'."
    ) from error

from sklearn_tl.pages.app import model_app
from sklearn_tl.pages.label import label_app
from sklearn_tl.pages.server import serve

__all__ = ["label_app", "model_app", "serve"]
