"""Networks that run in microseconds."""

import torch
from torch import nn

# One network of each family, with the fewest computations.
NETWORKS = [
    "efficientnet_lite0",
    "resnet18",
    "mobilenet_v3_small",
    "efficientnet_b0",
    "densenet121",
    "googlenet",
    "shufflenet_v2_x0_5",
    "mnasnet0_5",
    "regnet_y_400mf",
    "vgg11_bn",
    "squeezenet1_1",
    "convnext_tiny",
    "timm/mobilenetv3_small_050",
]


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


class FlatNet(nn.Module):
    """A network whose embedding keeps the positions in the image, as those of VGG do."""

    def __init__(self, seed=0):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.features = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU())
            self.classifier = nn.Linear(256, 5)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


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


def train_a_little(module):
    """Give BatchNorms other statistics and weights than those of a new network."""
    generator = torch.Generator().manual_seed(0)
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for tensor, low, high in [
                (norm.running_mean, -0.3, 0.3),
                (norm.running_var, 0.5, 2),
                (norm.weight, 0.5, 1.5),
                (norm.bias, -0.3, 0.3),
            ]:
                tensor.data.uniform_(low, high, generator=generator)
    return module


def run_layers(backbone, x, layers=(None,)):
    """Return the activations of a backbone at some layers. None stands for the embedding."""
    with torch.inference_mode():
        found = backbone.run(x, dict.fromkeys(layers, torch.clone))
    return [found[layer] for layer in layers]


def assert_equal_in_scale(got, wanted, tolerance=1e-5):
    """Compare tensors up to a fraction of their largest absolute value.

    Kernels for channels-last tensors sum in another order.
    """
    torch.testing.assert_close(got, wanted, rtol=0, atol=tolerance * wanted.abs().max().item())
