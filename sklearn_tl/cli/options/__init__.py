"""The options of each command and the text of its `--help`, in one file per command.

Nothing here loads torch, scikit-learn or numpy, so that `--help` and errors come at once.
"""
