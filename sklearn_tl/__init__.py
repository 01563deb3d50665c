"""Transfer learning for images as scikit-learn estimators.

The package itself loads at once. A name is loaded when it is first used, and torch with it, from
where `__init__.pyi` says.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = "0.1.0"
