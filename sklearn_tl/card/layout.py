"""A card for people: sections of sentences and tables, and their Markdown."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

TASKS = {
    "classification": "one class per image",
    "multilabel": "several labels per image",
    "regression": "numbers",
}
# Characters that Markdown would read as more than text. Underscores inside of words are none.
SPECIAL = re.compile(r"[\\`*\[\]<|]|(?<!\w)_|_(?!\w)|^[#+-]")


@dataclass(frozen=True)
class Section:
    """A part of a card.

    Parameters
    ----------
    heading : str
        What the section is about.
    sentences : list of str
        One paragraph each.
    items : list of str
        Of a list.
    header : list of str
        Of a table. Empty if there is none.
    rows : list of list of str
        Of the table.
    """

    heading: str
    sentences: list[str] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    header: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


def to_sections(card: dict[str, Any]) -> list[Section]:
    """Return what a card says, in the order in which people read it.

    Parameters
    ----------
    card : dict
        As `card_of_study` and `card_of_model` return it.

    Returns
    -------
    sections : list of Section
        Plain text: special characters are not escaped.
    """
    word = "label" if card["model"]["task"] == "multilabel" else "class"
    of_class = card["per_class"] or card["data"]["classes"]
    sections = [
        Section("The model", _about_model(card)),
        Section("How good it is", [*_about_scores(card["scores"])]),
        Section("What it must not be used for", items=list(card["limits"])),
        Section("The images", [*_about_data(card)], items=list(card["data"]["left_out"])),
    ]
    if card["per_class"]:
        sections.append(_per_class(of_class, word))
    elif of_class:
        rows = [[row["name"], _or_dash(row["n_images"])] for row in of_class]
        sections.append(Section(f"Per {word}", header=[word, "images"], rows=rows))
    for backbone in card["backbones"]:
        known = {name: value for name, value in backbone.items() if value is not None}
        rows = [[name.replace("_", " "), _or_dash(value)] for name, value in known.items()]
        sections.append(Section("The pretrained network", header=["what", "value"], rows=rows))
    rows = [[name, value] for name, value in card["versions"].items()]
    return [*sections, Section("Versions", header=["what", "version"], rows=rows)]


def to_markdown(card: dict[str, Any]) -> str:
    """Return a card as Markdown.

    Parameters
    ----------
    card : dict
        As `card_of_study` and `card_of_model` return it.

    Returns
    -------
    text : str
        Names in it cannot become links, tags or other markup, and hold no control characters.

    Examples
    --------
    >>> from sklearn_tl import ConvFeatureExtractor
    >>> from sklearn_tl.card import card_of_model, to_markdown
    >>> print(to_markdown(card_of_model(ConvFeatureExtractor())).splitlines()[0])
    # Model card
    """
    name = card["data"]["name"]
    blocks = [f"# Model card{f': {escaped(name)}' if name else ''}"]
    for section in to_sections(card):
        blocks.append(f"## {escaped(section.heading)}")
        blocks += [escaped(sentence) for sentence in section.sentences]
        if section.items:
            blocks.append("\n".join(f"- {escaped(item)}" for item in section.items))
        if section.rows:
            lines = [section.header, ["---"] * len(section.header)]
            cells = [[escaped(cell) for cell in row] for row in section.rows]
            blocks.append("\n".join(f"| {' | '.join(line)} |" for line in [*lines, *cells]))
    return "\n\n".join(blocks) + "\n"


def escaped(text: str) -> str:
    r"""Return a text that Markdown shows as it is, on one line.

    Examples
    --------
    >>> escaped("my_cat | <b>"), escaped("a\nb")
    ('my_cat \\| \\<b>', 'a\\\\nb')
    """
    printable = "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text))
    return SPECIAL.sub(lambda match: f"\\{match[0]}", printable)


def _about_model(card: dict[str, Any]) -> list[str]:
    model = card["model"]
    what = TASKS.get(model["task"], "rows of numbers")
    strategy = f', the strategy "{model["strategy"]}" of a study' if model["strategy"] else ""
    fitted = "" if model["fitted"] else " It is not fitted."
    kind = model["type"] or "A strategy that was not fitted on all images"
    return [f"{kind}{strategy}, for {what}. This card was made on {card['date']}.{fitted}"]


def _about_scores(scores: dict[str, Any] | None) -> Iterator[str]:
    if scores is None:
        yield "Unknown. `sklearn-tl study FOLDER --out MODEL.sktl` writes models that know it."
        return
    error = scores["standard_error"]
    plus = "" if error is None else f" ± {error:.3f} (standard error)"
    tested = f"{scores['n_test_images']:,} images that were not trained on"
    folds = f", mean over {scores['n_folds']} folds" if scores["n_folds"] > 1 else ""
    yield f"{_capital(scores['name'])}: {scores['mean']:.3f}{plus}, on {tested}{folds}."
    if scores["interval"] is not None:
        low, high = scores["interval"]
        n = scores["n_strategies"]
        choice = f", corrected for the choice among {n} strategies" if n > 1 else ""
        yield (
            f"On new images of this kind, expect {low:.3f} to {high:.3f} "
            f"({100 * scores['level']:.0f} % interval{choice})."
        )
    elif scores["n_strategies"] > 1:
        yield (
            f"It was the choice among {scores['n_strategies']} strategies, so this score is a "
            "little too high."
        )
    if scores["dummy"]["mean"] is not None:
        yield f"Always answering {scores['dummy']['name']}: {scores['dummy']['mean']:.3f}."
    if scores["if_folds_divided_groups"] is not None:
        yield (
            "Folds that divide images which belong together would claim "
            f"{scores['if_folds_divided_groups']:.3f}."
        )
    for target in scores["absolute_errors"] or ():
        yield (
            f"{_capital(target['name'])} is off by {target['error']:,.4g} on average; the mean of "
            f"the training images is off by {target['of_dummy']:,.4g}."
        )


def _about_data(card: dict[str, Any]) -> Iterator[str]:
    data = card["data"]
    if data["n_images"] is None:
        yield "Nothing is known about the images that the model was fitted on."
        return
    name = f"{data['name']}: " if data["name"] else ""
    word = "labels" if card["model"]["task"] == "multilabel" else "classes"
    of = f" with {len(data['classes'])} {word}" if data["classes"] else ""
    yield f"{name}{data['n_images']:,} images{of}. The model was fitted on {data['n_fitted']:,}."
    for target in data["targets"] or ():
        yield f"{_capital(target['name'])}: from {target['low']:,.6g} to {target['high']:,.6g}."
    groups = data["groups"]
    if groups["n_groups"]:
        yield (
            f"{groups['n_images']:,} of the images belong to {groups['n_groups']:,} groups"
            f"{'' if groups['given'] else ' of copies and sequences; no groups were named'}."
        )
    elif not groups["given"]:
        yield "No groups were named."
    yield _about_copies(data["duplicates"])
    if data["left_out"]:
        yield "Left out:"


def _about_copies(found: dict[str, Any] | None) -> str:
    if found is None:
        return "Nobody looked for copies and sequences."
    if not found["n_copies"] and not found["n_in_sequences"]:
        return "Found no copies and no sequences."
    dropped = f", {found['n_dropped']:,} of which were left out" if found["n_dropped"] else ""
    return (
        f"Found {found['n_copies']:,} copies of other images{dropped}, "
        f"{found['n_copies_with_other_labels']:,} pairs of copies with different labels, and "
        f"{found['n_in_sequences']:,} images in sequences, such as the frames of a film."
    )


def _per_class(rows: Iterable[dict[str, Any]], word: str) -> Section:
    figures = ("precision", "recall", "f1")
    return Section(
        f"Per {word}",
        ["On images that were not trained on, with 95 % intervals."],
        header=[word, "images", "precision", "recall", "F1"],
        rows=[
            [row["name"], f"{row['n_images']:,}", *(_interval(*row[name]) for name in figures)]
            for row in rows
        ],
    )


def _interval(value: float | None, low: float, high: float) -> str:
    return "–" if value is None else f"{value:.2f} ({low:.2f} to {high:.2f})"


def _or_dash(value: Any) -> str:
    """Return a value as a cell shows it."""
    if value is None:
        return "–"
    if isinstance(value, list):
        is_size = all(isinstance(item, int) for item in value)
        return (" × " if is_size else ", ").join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
