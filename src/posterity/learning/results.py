"""Checks whether the stored result of an experiment's run can be read."""

from __future__ import annotations

import io
import json
import zipfile
import zlib

import numpy as np

from posterity.catalogue.schema import Result
from posterity.errors import one_line

_MISREAD = (ValueError, TypeError, EOFError, OSError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error)
"""Errors raised by truncated or corrupt bytes."""


def damage_of(result: Result) -> str:
    """Describe what is wrong with a stored result; empty if it can be read.

    Results stored by the page, such as its lists of pairs, have no arrays.
    """
    try:
        for text in (result.spec, result.figures):
            json.loads(text)
        if not result.data:
            return ""
        with zipfile.ZipFile(io.BytesIO(result.data)) as archive:
            if (wrong := archive.testzip()) is not None:
                return f"the checksum of {wrong!r} is wrong"
        with np.load(io.BytesIO(result.data), allow_pickle=False) as arrays:
            p = arrays["p"]
            np.unpackbits(arrays["claimed"], count=p.size).reshape(p.shape)
    except KeyError as error:
        return f"{error} is missing"
    except _MISREAD as error:
        return one_line(error)
    return "" if p.dtype.kind == "f" and np.isfinite(p).all() else "its probabilities are not all numbers"
