"""What the models trained in a catalogue say, for the page; one that is stale or damaged counts as none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import numpy as np

from posterity.catalogue import Store
from posterity.errors import PosterityError
from posterity.web.snapshot import Said

_MODELS = ("genres", "boxoffice", "boxoffice_both")


def said_by_models(store: Store) -> tuple[dict[str, Said], dict[str, str]]:
    """Read what trained models say, by name; and of those that cannot be used, why."""
    from posterity.learning.model import PREFIX, load_model
    from posterity.learning.said import predictions

    found, refused = {}, {}
    kept = {artefact.name: artefact for artefact in store.artefacts()}
    for name in _MODELS:
        artefact = kept.get(PREFIX + name)
        if artefact is None:
            continue
        try:
            model = load_model(store, name, "")
            ids, told = predictions(store, name, model)
            scores = json.loads(artefact.scores)
            if not isinstance(scores, dict):
                raise ValueError("they are no table")
        except PosterityError as error:
            refused[name] = error.problem
            continue
        except ValueError:
            refused[name] = f"the scores of the model {name!r} are damaged"
            continue
        values, low, high = (each.astype(np.float32) for each in (told.probabilities, told.low, told.high))
        place = {identity: row for row, identity in enumerate(ids)}
        found[name] = Said(list(model.names), model.prior, model.thresholds, place, values, low, high, scores)
    return found, refused


def model_notes(models: Mapping[str, Said], refused: Mapping[str, str], folder: str) -> Iterator[str]:
    """Say which models were not trained, or cannot be used and why, and how they are trained."""
    for name, what in (("genres", "genres"), ("boxoffice", "box office")):
        if name not in models:
            why = f": {refused[name]}" if name in refused else ""
            yield f"No current model of {what} is here{why}. Run: posterity train {name} -c {folder}"
    if "boxoffice" in models and "boxoffice_both" in refused:
        why = refused["boxoffice_both"]
        yield f"Box office is told from the poster alone: {why}. Run: posterity train boxoffice -c {folder}"
