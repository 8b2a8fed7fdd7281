"""What can be wrong with a catalogue, and what was found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of problem.

    Attributes:
        meaning: What it is.
        repairable: Whether ``--repair`` does what a problem's remedy says; else a person must.
        minor: Whether a catalogue with it is well all the same: it takes up space, or repairs itself when next needed.
    """

    meaning: str
    repairable: bool = True
    minor: bool = False


KINDS = {
    "damaged_table": Kind("a file of the store is damaged or gone"),
    "unreadable_table": Kind("a table cannot be read: permission, input/output, network", repairable=False),
    "absent_table": Kind("all files of a table are missing: its drive may be disconnected", repairable=False),
    "double_rows": Kind("rows of a table share an id: two processes wrote at once, without a lock"),
    "source_missing": Kind("the folder that posters came from is missing: not mounted, or moved", repairable=False),
    "file_missing": Kind("a poster's file is gone, and its neighbours are still there"),
    "file_in_doubt": Kind("posters' files are missing, and so are their neighbours", repairable=False),
    "file_unreachable": Kind("posters' files cannot be checked: permission, input/output", repairable=False),
    "too_many_missing": Kind("more than a tenth of a source's files are missing at once", repairable=False),
    "file_changed": Kind("a poster's file has changed since it was catalogued", repairable=False),
    "thumbnail_missing": Kind("posters lack their thumbnail"),
    "vector_missing": Kind("posters lack a vector of an encoder that others have"),
    "stale_vectors": Kind("vectors were made by another version of an encoder"),
    "unknown_encoder": Kind("something was made with an encoder that is not installed", repairable=False),
    "stale_layout": Kind("a wall or map was made by another version of an encoder"),
    "stale_model": Kind("a model reads vectors of another version of an encoder"),
    "damaged_thumbnail": Kind("thumbnails cannot be decoded"),
    "damaged_vectors": Kind("vectors contain values that are not numbers, or have another length than their encoder's"),
    "damaged_layout": Kind("a wall or map cannot be read, or names posters that do not exist"),
    "damaged_split": Kind("a split cannot be read"),
    "damaged_model": Kind("a model or its predictions cannot be read; it is ignored"),
    "damaged_artefact": Kind("the record of how vectors, a view or an index were made cannot be read"),
    "damaged_result": Kind("an experiment's run cannot be read"),
    "damaged_atlas": Kind("the page's sprites cannot be read; they are drawn again when next needed", minor=True),
    "layout_behind": Kind("a wall or map is older than its posters", repairable=False, minor=True),
    "orphan_thumbnails": Kind("thumbnails no longer belong to any poster", minor=True),
    "old_versions": Kind("old versions of the tables take up disk space", minor=True),
}
"""What can be wrong."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        kind: A code of :data:`KINDS`.
        about: The poster's id, the encoder's name, the source, ...
        detail: What exactly was found.
        remedy: What ``--repair`` does about it, or what a person must do.
        repaired: Whether it has been repaired.
    """

    kind: str
    about: str
    detail: str
    remedy: str
    repaired: bool = False

    @property
    def minor(self) -> bool:
        """Whether a catalogue with it is well all the same: it takes up space, or repairs itself when next needed."""
        return KINDS[self.kind].minor

    @property
    def repairable(self) -> bool:
        """Whether ``--repair`` does what ``remedy`` says; else a person must."""
        return KINDS[self.kind].repairable


@dataclass(frozen=True)
class Diagnosis:
    """What was found, and whether the catalogue is well now.

    Attributes:
        posters: How many posters there are now; None where that cannot be read.
        problems: What was found.
        rescued: Where copies lie of what was taken out; empty where nothing was.
    """

    posters: int | None
    problems: tuple[Problem, ...]
    rescued: str = ""

    @property
    def well(self) -> bool:
        """Whether nothing is wrong that matters, or everything that was has been repaired."""
        return all(problem.repaired or problem.minor for problem in self.problems)

    @property
    def verdict(self) -> str:
        """The closing line, for people."""
        count = "posters that cannot be counted" if self.posters is None else f"{self.posters:,} posters"
        if not self.problems:
            return f"{count}, all well"
        if not self.well:
            return f"{count}, not well"
        left = sum(not problem.repaired for problem in self.problems)
        if not left:
            return f"{count}, all repaired"
        return f"{count}, well, except for {left} small {'thing' if left == 1 else 'things'} that can wait"
