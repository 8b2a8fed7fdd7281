"""What systems and programs leave among a user's files: thumbnails, bins, notes. Never a poster."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

_FOLDERS = frozenset(
    {
        # Synology, QNAP, Netatalk
        "@eadir", "@tmp", "@synoresource", "@sharebin", "@sharesnap", "#recycle", "#snapshot", "@recycle",
        "@recently-snapshot", ".@__thumb", ".@upload_cache", ".@__qini", ".appledb", ".appledesktop", ".appledouble",
        "network trash folder", "temporary items", "thevolumesettingsfolder",
        # Windows
        "$recycle.bin", "recycler", "system volume information", "$extend",
        # macOS
        "__macosx", ".trash", ".trashes", ".fseventsd", ".spotlight-v100", ".temporaryitems",
        ".documentrevisions-v100", ".pkinstallsandboxmanager", ".vol",
        # Linux, ZFS, Samba
        "lost+found", ".thumbnails", ".thumbs", ".recycle", ".snapshot", ".snapshots", ".zfs", ".dtrash",
        # programs that keep folders alike
        ".stversions", ".stfolder", ".sync", ".dropbox.cache", ".picasaoriginals", ".~tmp~",
    }
)  # fmt: skip
_FILES = frozenset(
    {
        "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", ".ds_store", ".directory", ".nomedia",
        ".apdisk", ".volumeicon.icns", ".picasa.ini", "picasa.ini", "icon\r",
    }
)  # fmt: skip
"""Names in lower case."""
_FOLDER = re.compile(r"\.trash-[0-9]+|found\.[0-9]{3}")
_FILE = re.compile(
    r"\._.+"  # AppleDouble: what macOS knows of the file of that name
    r"|synophoto_(?:thumb|film)_.+|synofile_thumb_.+|albumart(?:small|_\{.+\}_(?:large|small))\.jpg",
    re.DOTALL,
)


def is_leftover(name: str, folder: bool) -> bool:
    """Whether a file or folder of that name is a system's or program's own.

    >>> is_leftover("@eaDir", True), is_leftover("._Heat.jpg", False), is_leftover("Recycled (2007)", True)
    (True, True, False)
    """
    names, pattern = (_FOLDERS, _FOLDER) if folder else (_FILES, _FILE)
    lower = name.lower()
    return lower in names or bool(pattern.fullmatch(lower))


def lies_in_leftovers(path: str) -> bool:
    """Whether a file's path, with slashes, leads through such a folder or to such a file.

    >>> lies_in_leftovers("drama/@eaDir/Heat.jpg/SYNOPHOTO_THUMB_XL.jpg"), lies_in_leftovers("drama/Heat.jpg")
    (True, False)
    """
    *folders, file = path.split("/")
    return any(is_leftover(folder, True) for folder in folders) or is_leftover(file, False)


@dataclass
class Passed:
    """What was passed over while a folder was listed, to be said once.

    Attributes:
        first: The escaped path of the first; empty where there was none.
        names: How many there were of each name.
    """

    first: str = ""
    names: Counter[str] = field(default_factory=Counter)

    def add(self, path: str, name: str) -> None:
        """Take one down, by its escaped path and its own escaped name."""
        self.first = self.first or path
        self.names["._*" if name.startswith("._") else name] += 1

    @property
    def detail(self) -> str:
        """Say how many there were, and of what names.

        >>> passed = Passed()
        >>> for name in ("@eaDir", "@eaDir", "._Heat.jpg"):
        ...     passed.add(name, name)
        >>> passed.detail
        '3 files and folders of systems and programs were skipped: 2 @eaDir, 1 ._*'
        """
        n = self.names.total()
        several = f"{n:,} files and folders of systems and programs were"
        what = "1 file or folder of a system or program was" if n == 1 else several
        most = ", ".join(f"{count:,} {name}" for name, count in self.names.most_common(8))
        return f"{what} skipped: {most}{', …' if len(self.names) > 8 else ''}"
