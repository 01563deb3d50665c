"""What a comparison can say of its choice among strategies."""

import numpy as np

from sklearn_tl.assessment import (
    ChosenScore,
    Extrapolation,
    apply_temperature,
    extrapolate,
    selection_bias,
)
from sklearn_tl.comparison.assessments import Assessments
from sklearn_tl.comparison.evidence import ImageResults


class Choices(Assessments):
    """The methods of a comparison that are about the chosen strategy, and about its training.

    A subclass sets the attributes.
    """

    image_results_: ImageResults | None
    results_: dict[str, np.ndarray]

    def use_temperature(self) -> float:
        """Correct the probabilities of the best strategy by the temperature that suits best.

        Returns
        -------
        temperature : float
        """
        rows, best = self._probabilities_of(None), self.best_strategy_
        temperature = self.calibration().temperature
        self.probabilities_[best] = apply_temperature(rows, temperature, task=self.task_)
        return temperature

    def expected_score(self) -> ChosenScore | None:
        """Return the score to expect of the best strategy on new images.

        The highest of several scores is a little too high, since chance helps to choose it. The
        bootstrap corrects that.

        Returns
        -------
        chosen : ChosenScore or None
            None if a score does not follow from single images: with several labels per image, with
            a `scoring` of one's own, or if not every image was tested once.
        """
        if self.image_results_ is None:
            return None
        values, score, weight = self.image_results_
        return selection_bias(
            values, score=score, sample_weight=weight, groups=self.units, random_state=0
        )

    def more_images(self, n: int, strategy: str | None = None) -> Extrapolation:
        """Say what score to expect with more training images.

        Parameters
        ----------
        n : int
            The number of images that are added to the largest training sets of the folds.
        strategy : str or None, default=None
            None is the best strategy.

        Returns
        -------
        extrapolation : Extrapolation

        Raises
        ------
        ValueError
            If the comparison has fewer than three training sizes.
        """
        name = self._name(strategy)
        sizes = np.unique(self.results_["train_size"])
        scores = np.array([self.scores(name, size) for size in sizes])
        # Scores of scikit-learn that count errors have a minus sign.
        is_error = self.image_results_ is None and scores.max() <= 0
        highest = 0.0 if is_error else 1.0
        return extrapolate(sizes, scores, int(sizes[-1]) + n, highest=highest, random_state=0)

    def scores(self, strategy: str, train_size: int | None = None) -> np.ndarray:
        """Return the score of a strategy on each fold."""
        raise NotImplementedError
