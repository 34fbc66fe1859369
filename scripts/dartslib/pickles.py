"""What readers of pickles share. A pickle may run any code: each has an unpickler of its own."""

from __future__ import annotations

import pickle

# What damaged or foreign pickle data makes an unpickler raise.
PICKLE_ERRORS = (
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
    MemoryError,
)
