"""Where posters come from: each source yields Records, one for each file that may be a poster."""

from __future__ import annotations

from posterity.sources.folder import Skipped, walk
from posterity.sources.metadata import Metadata, read_metadata
from posterity.sources.records import Record, records

__all__ = ["Metadata", "Record", "Skipped", "read_metadata", "records", "walk"]
