"""The command line, as ``python -m sklearn_tl``."""

import sys

from sklearn_tl.cli import main

if __name__ == "__main__":
    sys.exit(main())
