"""What a model answers about images: for a terminal, a spreadsheet and a page in the browser.

`answers_of` finds out what a model answers, as `Answers`, whose `ask` returns one `Answer` per
image. `ask_each` goes on where an image cannot be read. `Sureness` is what a study knows of its
model; `with_remarks` and `remarked` mark unsure answers and images that are unlike those of the
training. `safe` and `number` are texts for the cells of a spreadsheet.
"""

from sklearn_tl.answers.answers import Answer, Answers, answers_of, number, safe
from sklearn_tl.answers.asking import ask_each
from sklearn_tl.answers.sureness import (
    NOVEL,
    UNSURE,
    Sureness,
    remarked,
    with_remarks,
)

__all__ = [
    "Answer",
    "Answers",
    "NOVEL",
    "Sureness",
    "UNSURE",
    "answers_of",
    "ask_each",
    "number",
    "remarked",
    "safe",
    "with_remarks",
]
