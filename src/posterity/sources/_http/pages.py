"""Pages kept in a folder, so that what was read once is not asked for again, and a run that was killed goes on."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from posterity.runtime.filenames import write_whole
from posterity.sources._http.addresses import shown
from posterity.sources._http.client import Client, Page


class Pages:
    """Pages of a client, kept by a name of their own (which holds no secrets), each written whole or not at all.

    Args:
        client: Makes the requests.
        folder: Where pages are kept.
        refresh: Ask again for all.
    """

    def __init__(self, client: Client, folder: Path, *, refresh: bool = False) -> None:
        self.client = client
        self.folder = folder
        self.refresh = refresh

    async def get(
        self,
        url: str,
        *,
        name: str | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        max_age: float = float("inf"),
    ) -> Page:
        """Give a page: as it is kept, where that is younger than ``max_age`` seconds, or asked for and then kept.

        Args:
            url: Its address.
            name: What it is kept under, where the address or ``params`` hold a key; None takes the address.
            params: Added to the address; not kept.
            headers: Sent along; not kept.
            max_age: How old a kept page may be.

        Raises:
            FetchError: It could not be had.
        """
        name = name or url
        file = self.folder / f"{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:32]}.page"
        if not self.refresh and (kept := _read(file, name, max_age)):
            return kept
        page = await self.client.get(url, params=params, headers=headers)
        head = {"name": name, "url": shown(page.url), "type": page.content_type, "time": time.time()}
        write_whole(file, json.dumps(head).encode() + b"\n" + page.body, "Make room there, or name another catalogue.")
        return page


def _read(file: Path, name: str, max_age: float) -> Page | None:
    with suppress(OSError, ValueError, KeyError, TypeError):
        head, _, body = file.read_bytes().partition(b"\n")
        known = json.loads(head)
        if known["name"] == name and time.time() - known["time"] <= max_age:
            return Page(known["url"], 200, {}, body, known["type"])
    return None
