"""What `y` means: one class, several labels or numbers per image, and weights of images.

`read_labels` and `read_numbers` check `y` and return a task, which knows how to encode targets for
training, how to hold out a part of them, and how to turn a model's outputs into predictions.
`check_scored` checks the `y` that predictions are compared with.
`guess_task` names the task of a `y` of which nobody has said what it is.
`check_groups`, `group_folds`, `groups_per_stratum` and `hold_out_groups` split images without
dividing a group. `check_label_values`, `label_probabilities` and `average_precisions` read what a
classifier says about labels.
"""

from sklearn_tl.targets.checks import names_of_columns
from sklearn_tl.targets.groups import (
    check_groups,
    group_folds,
    groups_per_stratum,
    hold_out_groups,
)
from sklearn_tl.targets.guess import guess_task, read_targets
from sklearn_tl.targets.multiclass import Multiclass
from sklearn_tl.targets.multilabel import Multilabel
from sklearn_tl.targets.probabilities import (
    average_precisions,
    check_label_values,
    has_several_labels,
    label_probabilities,
)
from sklearn_tl.targets.reading import labels_of, read_labels
from sklearn_tl.targets.regression import Regression, read_numbers
from sklearn_tl.targets.scoring import check_scored
from sklearn_tl.targets.task import Task
from sklearn_tl.targets.weights import check_weights, check_weights_of_fit

__all__ = [
    "Multiclass",
    "Multilabel",
    "Regression",
    "Task",
    "average_precisions",
    "check_groups",
    "check_label_values",
    "check_scored",
    "check_weights",
    "check_weights_of_fit",
    "group_folds",
    "groups_per_stratum",
    "guess_task",
    "has_several_labels",
    "hold_out_groups",
    "label_probabilities",
    "labels_of",
    "names_of_columns",
    "read_labels",
    "read_numbers",
    "read_targets",
]
