"""Words and limits that parameters take, for those who must know them before torch is loaded."""

TASKS = ("classification", "multilabel", "regression")
RESIZE_MODES = ("crop", "pad", "squash", "tiles")
MAX_PIXELS = 89_478_485  # PIL warns of images with more pixels: 256 MiB in 8-bit RGB

RAW = "raw pixels"  # the strategy of this name is the one that transfer learning must beat
ALL_FEATURES = "features of all layers"
QUICK_STRATEGIES = (RAW, "embeddings", "head alone", ALL_FEATURES)
STRATEGIES = (*QUICK_STRATEGIES, "last layer", "all layers")
