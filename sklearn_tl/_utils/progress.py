"""Progress bars: widgets in a notebook that can show them, text elsewhere."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # tqdm warns if a notebook has no ipywidgets; text will do
    from tqdm.auto import tqdm

__all__ = ["tqdm"]
