"""Models in files that hold data and no code, so that a stranger's file can be opened.

A file is what skops writes, a zip archive of JSON and arrays, and two members more: ``model.json``
says which format, versions and pretrained networks the model needs, and ``card.json`` is the
model's card. skops builds only types that it was told to trust. Nothing is compressed, so the
archive cannot unpack to more than its size.

The room hands out `save`, `load` and `read_card`; `attach_card` and `card_of`, with which files of
any kind keep a card; `is_data`, which knows such a file by its name; and `require_skops`.
"""

from sklearn_tl.persistence.cards import attach_card, card_of
from sklearn_tl.persistence.files import is_data, load, read_card, save
from sklearn_tl.persistence.packing import require_skops

__all__ = [
    "attach_card",
    "card_of",
    "is_data",
    "load",
    "read_card",
    "require_skops",
    "save",
]
