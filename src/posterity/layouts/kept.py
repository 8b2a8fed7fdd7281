"""The walls and maps stored in a catalogue, by the names and labels that people choose them by."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from posterity.catalogue import Store
from posterity.errors import PosterityError, UnknownNameError
from posterity.numerics.projection.methods import METHODS


@dataclass(frozen=True)
class LayoutName:
    """A map or wall: its name, "map" or "wall", and its label on the page."""

    name: str
    kind: str
    label: str


def layout_names(store: Store, encoder: str) -> list[LayoutName]:
    """List the stored maps and walls, those to show first at the front.

    If there is none of a kind, the kind itself is listed: it is made on request.

    Args:
        store: The catalogue.
        encoder: The encoder whose layouts come first.
    """
    found = []
    for artefact in store.artefacts():
        parameters = json.loads(artefact.parameters)
        if artefact.kind == "layout" and (method := parameters.get("method")):
            label = f"{_label(method)} by {artefact.encoder}"
            found.append(LayoutName(artefact.name, "map", label))
        elif artefact.kind == "grid" and (order := parameters.get("order")):  # walls of the first version have no order
            by = artefact.encoder if order == "content" else order
            found.append(LayoutName(artefact.name, "wall", f"Wall by {by}"))
    first = {f"map_tsne_{encoder}": 0, f"map_umap_{encoder}": 1, f"wall_content_{encoder}": 0}
    found.sort(key=lambda each: (each.kind, first.get(each.name, 9), each.name))
    kinds = {each.kind for each in found}
    if "map" not in kinds:
        found.insert(0, LayoutName("map", "map", "Map"))
    if "wall" not in kinds:
        found.append(LayoutName("wall", "wall", "Wall"))
    return found


def _label(method: str) -> str:
    try:
        return METHODS.get(method).label
    except PosterityError:  # the package that registered it is gone, so only the name is left
        return method


def name_of(names: Sequence[LayoutName], kind: str, name: str | None = None) -> str:
    """Give the name of a map or wall: by default, and for the name of the kind itself, the first of its kind.

    Raises:
        UnknownNameError: There is no layout of that name and kind.
    """
    alike = [each.name for each in names if each.kind == kind]
    if name is None or name == kind:
        return alike[0]
    if name not in alike:
        raise UnknownNameError(kind, name, alike)
    return name


def kind_of(names: Sequence[LayoutName], name: str) -> str:
    """Tell whether a layout is a map or a wall.

    Raises:
        UnknownNameError: There is no layout of that name.
    """
    known = {each.name: each.kind for each in names} | {"map": "map", "wall": "wall"}
    if name not in known:
        raise UnknownNameError("map or wall", name, known)
    return known[name]
