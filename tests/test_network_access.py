"""The default backbone needs no network connection: at import, in fit or in predict.

Nor does the import load weights or a package that only some users need.
"""

import subprocess
import sys

CHILD = """
import sys

def refuse(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.gethostbyname"):
        print(event, args, file=sys.stderr, flush=True)
        raise PermissionError(event)  # this could be caught, but the line above is already printed

sys.addaudithook(refuse)  # cannot be removed, and also sees C extensions that use Python's sockets

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier, list_backbones

from sklearn_tl.backbones.catalogue import _load_stock

assert _load_stock.cache_info().currsize == 0
assert not {"matplotlib", "openvino", "skimage", "skops", "timm", "torchvision"} & set(sys.modules)
assert "efficientnet_lite0" in list_backbones(offline=True)
X = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3), dtype=np.uint8)
y = np.arange(8) % 2
for engine in ("torch", "openvino"):
    options = {"image_size": 64, "engine": engine, "batch_size": 8}
    make_pipeline(ConvFeatureExtractor(**options), LogisticRegression()).fit(X, y).predict(X)
    FineTuneClassifier(max_epochs=1, augment="standard", **options).fit(X, y).predict(X)
print("done")
"""


def test_importing_loads_no_weights_and_no_work_attempts_a_connection():
    child = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True)
    assert "socket." not in child.stderr
    assert child.stdout == "done\n", child.stderr


def test_the_hook_sees_an_attempt():
    code = CHILD.split("import numpy")[0] + "import socket; socket.create_connection(('a.b', 1))"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "socket.getaddrinfo" in child.stderr
