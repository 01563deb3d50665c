"""Networks that run in microseconds."""

import torch
from torch import nn


class TinyNet(nn.Module):
    """A network of two convolutional stages that runs in microseconds."""

    def __init__(self, seed=0):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU())
            self.stage = nn.Sequential(nn.Conv2d(4, 6, 3, stride=2, padding=1), nn.ReLU())
            self.avgpool = nn.AdaptiveAvgPool2d(1)
            self.fc = nn.Linear(6, 5)

    def forward(self, x):
        return self.fc(self.avgpool(self.stage(self.stem(x))).flatten(1))


class NormNet(nn.Module):
    """A network with BatchNorm, dropout and four layers. Three of the layers have weights."""

    def __init__(self, seed=0):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.stem = self._stage(3, 8)
            self.pool = nn.MaxPool2d(2)
            self.stage1 = self._stage(8, 10)
            self.stage2 = self._stage(10, 8)
            self.avgpool = nn.AdaptiveAvgPool2d(1)
            self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(8, 5))

    def _stage(self, n_in, n_out):
        norm = nn.BatchNorm2d(n_out)
        norm.running_mean.uniform_(-0.1, 0.1)
        norm.running_var.uniform_(0.02, 0.1)
        return nn.Sequential(nn.Conv2d(n_in, n_out, 3, padding=1), norm, nn.ReLU())

    def forward(self, x):
        x = self.stage2(self.stage1(self.pool(self.stem(x))))
        return self.classifier(self.avgpool(x).flatten(1))
