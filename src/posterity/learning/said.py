"""What a trained model says of all posters: as it was kept, or, where posters have changed since, said anew."""

from __future__ import annotations

import json

import numpy as np

from posterity.catalogue import Store
from posterity.catalogue.provenance import current
from posterity.errors import CatalogueError
from posterity.learning.boxoffice import both_columns
from posterity.learning.features import load_features
from posterity.learning.model import PREFIX, Model, Predicted, load_model, predictions_key, said_of
from posterity.learning.targets import YES


def predictions(store: Store, name: str, model: Model) -> tuple[list[str], Predicted]:
    """Give what a model says of the posters that have the vectors it reads: their ids, sorted, and (n, l) numbers.

    Args:
        store: The catalogue.
        name: The model's.
        model: As :func:`posterity.learning.model.load_model` gives it, current.

    Raises:
        CatalogueError: What was kept is damaged; there are no vectors; or, of a model of poster and metadata, no
            current one of the poster.
    """
    train = f"posterity train boxoffice -c {store.folder}"
    poster_model = model if model.encoders else load_model(store, "boxoffice", train)
    kept = store.artefact(PREFIX + name)
    damaged = CatalogueError(
        f"what the model {name!r} says of posters is damaged", f"Run: posterity doctor {store.folder} --repair"
    )
    try:
        told = json.loads(kept.parameters).get("predicted") if kept else None
    except (ValueError, AttributeError) as error:
        raise damaged from error
    if current(store, told, predictions_key(store, model, poster_model.encoders)):
        ids, values, low, high = store.predictions(PREFIX + name)
        if any(
            each.shape != (len(ids), len(model.names)) or not np.isfinite(each).all() for each in (values, low, high)
        ):
            raise damaged
        return ids, Predicted(*(each.astype(np.float64) for each in (values, low, high)))
    found = load_features(store, poster_model.encoders)
    rows = found.X
    if not model.encoders:
        posters = {poster.id: poster for poster in store.posters()}
        said = poster_model.predict(found.X).probabilities[:, poster_model.names.index(YES)]
        rows = both_columns(posters, model, [posters[identity] for identity in found.ids], said)
    return list(found.ids), said_of(model, found.ids, rows)
