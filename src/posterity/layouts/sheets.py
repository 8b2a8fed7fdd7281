"""Sheets of thumbnails: the posters of an atlas again, larger, a few to a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import simplejpeg

from posterity.catalogue import provenance
from posterity.images import THUMBNAIL_SIZE, decode
from posterity.layouts.atlas import QUALITY, Atlas

SHEET = (8, 8)
"""Rows and columns of thumbnails on a sheet."""

PER_SHEET = SHEET[0] * SHEET[1]


def sheet_keys(atlas: Atlas) -> list[str]:
    """Give the key of each sheet, in order: a digest of what it shows. Sheet s begins with slot s · PER_SHEET."""
    starts = range(0, len(atlas.digests), PER_SHEET)
    return [provenance.digest(THUMBNAIL_SIZE, atlas.digests[start : start + PER_SHEET])[:32] for start in starts]


def digests_on(atlas: Atlas, number: int) -> tuple[str, ...]:
    """Give the SHA-256 of what each cell of a sheet shows, "" for free cells."""
    return atlas.digests[number * PER_SHEET : (number + 1) * PER_SHEET]


def sheet(thumbnails: Mapping[str, bytes], digests: Sequence[str]) -> bytes:
    """Draw thumbnails onto a sheet, each stretched to a 2:3 cell: JPEG.

    Args:
        thumbnails: SHA-256 -> JPEG.
        digests: SHA-256 of what each cell shows, row by row; "" leaves the cell dark.
    """
    height, width = THUMBNAIL_SIZE
    canvas = np.full((SHEET[0] * height, SHEET[1] * width, 3), 18, np.uint8)
    for at, digest in enumerate(digests):
        if digest in thumbnails:
            picture = decode(thumbnails[digest])
            top, left = at // SHEET[1] * height, at % SHEET[1] * width
            canvas[top : top + height, left : left + width] = cv2.resize(
                picture, (width, height), interpolation=cv2.INTER_LINEAR
            )
    return bytes(simplejpeg.encode_jpeg(canvas, QUALITY, "RGB", "420"))
