"""Pictures of any size, drawn a strip at a time: scenes, which describe them, and the file formats."""

from posterity.render.raster.files import ENDINGS, MAX_SIDE, known_ending, preview, write
from posterity.render.raster.scene import Box, Label, Scene, Thumb, strips

__all__ = ["ENDINGS", "MAX_SIDE", "Box", "Label", "Scene", "Thumb", "known_ending", "preview", "strips", "write"]
