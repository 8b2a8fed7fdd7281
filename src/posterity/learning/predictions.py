"""A trained model's predictions for all posters: as kept, or computed again if posters have changed since."""

from __future__ import annotations

import json

import numpy as np

from posterity.catalogue import Store
from posterity.catalogue.provenance import current
from posterity.errors import CatalogueError
from posterity.learning.boxoffice import both_columns
from posterity.learning.features import load_features
from posterity.learning.model import PREFIX, Model, Predicted, load_model, predict_posters, predictions_key
from posterity.learning.targets import YES


def predictions(store: Store, name: str, model: Model) -> tuple[list[str], Predicted]:
    """Return a model's predictions for the posters that have the vectors it reads: sorted ids, and (n, l) numbers.

    Args:
        store: The catalogue.
        name: The model's name.
        model: The current model, from :func:`posterity.learning.model.load_model`.

    Raises:
        CatalogueError: The kept predictions are damaged; there are no vectors; or, for a model on poster and
            metadata, the model on the poster alone is missing or stale.
    """
    train = f"posterity train boxoffice -c {store.folder}"
    poster_model = model if model.encoders else load_model(store, "boxoffice", train)
    kept = store.artefact(PREFIX + name)
    damaged = CatalogueError(
        f"the stored predictions of the model {name!r} are damaged", f"Run: posterity doctor {store.folder} --repair"
    )
    try:
        stored_key = json.loads(kept.parameters).get("predicted") if kept else None
    except (ValueError, AttributeError) as error:
        raise damaged from error
    if current(store, stored_key, predictions_key(store, model, poster_model.encoders)):
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
        success = poster_model.predict(found.X).probabilities[:, poster_model.names.index(YES)]
        rows = both_columns(posters, model, [posters[identity] for identity in found.ids], success)
    return list(found.ids), predict_posters(model, found.ids, rows)
