"""Files -> pictures: decoding under a pixel cap, fitting to a size, thumbnails and perceptual hashes.

Arrays in, arrays out: nothing here depends on films or the catalogue. A picture is RGB, uint8, (height, width, 3).
"""

from __future__ import annotations

from posterity.images.decode import decode, examine, sniff
from posterity.images.decoders import BACKGROUND, Decoded, Limits
from posterity.images.fit import FITS, fit, tier
from posterity.images.hashes import hamming, near_pairs, perceptual_hash
from posterity.images.thumbnails import THUMBNAIL_SIZE, is_blank, shrink, thumbnail

__all__ = [
    "BACKGROUND",
    "FITS",
    "THUMBNAIL_SIZE",
    "Decoded",
    "Limits",
    "decode",
    "examine",
    "fit",
    "hamming",
    "is_blank",
    "near_pairs",
    "perceptual_hash",
    "shrink",
    "sniff",
    "thumbnail",
    "tier",
]
