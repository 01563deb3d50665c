"""The zip archive of a file: its members, and what it says of itself."""

import io
import json
import zipfile
from importlib.metadata import version
from typing import Any

from sklearn_tl.card import to_sections

FORMAT = 3
HEADER, CARD = "model.json", "card.json"


def checked_archive(data: bytes) -> zipfile.ZipFile:
    """Open a file of `save` in the format of this version."""
    archive = _open_archive(data)
    if HEADER not in archive.namelist():
        raise ValueError(f"It has no {HEADER}, which every file of sklearn_tl.save has.")
    header = json.loads(archive.read(HEADER))
    number = header.get("format_version")
    if header.get("format") != "sklearn_tl" or type(number) is not int:
        raise ValueError(f"Its {HEADER} was not written by sklearn_tl.save.")
    if number != FORMAT:
        raise ValueError(
            f"Its format is version {number}, and sklearn_tl {version('sklearn-tl')} reads version "
            f"{FORMAT}. Install the sklearn_tl that saved it, {header.get('versions')}."
        )
    return archive


def card_in(archive: zipfile.ZipFile) -> dict[str, Any] | None:
    """Return the card in a file, or None if the file is older than cards."""
    if CARD not in archive.namelist():
        return None
    try:
        card = json.loads(archive.read(CARD))
        to_sections(card)
    except Exception as error:  # a crafted card can raise any error
        raise ValueError(f"Its {CARD} was not written by sklearn_tl.save.") from error
    return card


def _open_archive(data: bytes) -> zipfile.ZipFile:
    """Open a zip archive whose members are as large as they say."""
    if not data.startswith(b"PK\x03\x04"):
        raise ValueError(
            "It is not a file of sklearn_tl.save. If it is a pickle, which joblib.load opens, it "
            "may run any code."
        )
    archive = zipfile.ZipFile(io.BytesIO(data))
    members = archive.infolist()
    stored = all(m.compress_type == zipfile.ZIP_STORED for m in members)
    n_bytes = sum(m.file_size for m in members)
    names = {m.filename for m in members}
    # Another file could lie before the first member, and be taken for this one.
    first = min((m.header_offset for m in members), default=0)
    if not stored or n_bytes > len(data) or len(names) < len(members) or first > 0:
        raise ValueError(
            "It is not packed as sklearn_tl.save packs files, which compresses nothing."
        )
    return archive
