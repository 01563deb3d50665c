"""What a model is, what it was made of, how good it is, and what it must not be used for.

The room hands out `card_of_study`, which makes a card from a comparison of strategies;
`card_of_model`, which makes one of what a model alone says; and `to_sections` and `to_markdown`,
which show a card to people. A card is plain data, which JSON can hold.
"""

from sklearn_tl.card.layout import Section, to_markdown, to_sections
from sklearn_tl.card.making import card_of_model, card_of_study

__all__ = ["Section", "card_of_model", "card_of_study", "to_markdown", "to_sections"]
