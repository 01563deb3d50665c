"""Labels for images that have none: the images that teach most first, saved after every answer.

`LabellingSession` knows the images of a folder, the answers, what to ask next, and how accurate a
model is by now. `Estimate` is what it says about that. The page in the browser is in `pages`.
"""

from sklearn_tl.annotation.estimate import Estimate
from sklearn_tl.annotation.session import LabellingSession

__all__ = ["Estimate", "LabellingSession"]
