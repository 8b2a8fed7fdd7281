"""The only code that opens outside connections: polite, verified, bounded, and in no private network by accident."""

from __future__ import annotations

from posterity.sources._http.addresses import shown
from posterity.sources._http.client import AgainError, Client, Page, Response, run
from posterity.sources._http.pages import Pages
from posterity.sources.politeness import FetchError, Politeness

__all__ = ["AgainError", "Client", "FetchError", "Page", "Pages", "Politeness", "Response", "run", "shown"]
