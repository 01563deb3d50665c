"""Estimators on networks that run in microseconds."""

from helpers.networks import NormNet
from skorch.callbacks import Callback

from sklearn_tl import FineTuneClassifier, FineTuneRegressor

DEPTHS = (None, 1, 2, "stage1", "all")


def make(unfreeze=1, **parameters):
    """Return a classifier on a tiny network, which learns what `helpers.pictures.study` shows."""
    defaults = {"backbone": NormNet, "image_size": 16, "head_C": 100, "random_state": 0, "lr": 1e-3}
    return FineTuneClassifier(**{"unfreeze": unfreeze, **defaults, **parameters})


def make_regressor(unfreeze=1, **parameters):
    """Return a regressor on a tiny network, which learns the brightness of images."""
    defaults = {"backbone": NormNet, "image_size": 16, "random_state": 0, "lr": 1e-4}
    return FineTuneRegressor(**{"unfreeze": unfreeze, **defaults, **parameters})


class CtrlC(Callback):
    """Interrupts the training in the middle of an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_batch_end(self, net, training, **kwargs):
        if training and len(net.history) == self.epoch:
            raise KeyboardInterrupt
