"""Progress bars: widgets where a notebook can show them, text elsewhere."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # that a notebook has no ipywidgets: text will do
    from tqdm.auto import tqdm

__all__ = ["tqdm"]
