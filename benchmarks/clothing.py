"""Not only posters: 600 product photographs of ten kinds, as the recommender's article checked itself on shoes.

How many of the five nearest are of the same kind, for shoes and for all, beside chance and raw pixels.
"""

from __future__ import annotations

import csv
import os

import numpy as np

from benchmarks.encoder_quality import encode
from benchmarks.harness import data, tell
from posterity.encoders import ENCODERS, available
from posterity.numerics.neighbours.exact import nearest_to_all
from posterity.numerics.scores.bootstrap import bootstrap_interval
from posterity.numerics.scores.retrieval import label_agreement_by_chance, label_agreements_at_k


def main() -> None:
    """Score the encoders that can run here."""
    table = data("clothing.csv")
    os.environ.setdefault("POSTERITY_WEIGHTS", str(table.parents[1] / "weights"))
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    kinds = sorted({row["category"] for row in rows})
    labels = np.array([[row["category"] == kind for kind in kinds] for row in rows])
    shoes = labels[:, [kind for kind, name in enumerate(kinds) if "shoe" in name]].any(1)
    tell("photographs, of which shoes", len(rows), "", "shoes", int(shoes.sum()))
    tell("chance, all", label_agreement_by_chance(labels), "")
    tell("chance, shoes", (shoes.sum() - 1) / (len(rows) - 1), "")
    for name in [name for name in ENCODERS if available(ENCODERS.get(name))]:
        encoder = ENCODERS.get(name)
        vectors = encode(encoder, [table.parent / "clothing" / row["file"] for row in rows])
        near, _ = nearest_to_all(vectors, 5, encoder.spec.metric)
        agreements = label_agreements_at_k(near, labels)
        for group, which in (("shoes", shoes), ("all", np.ones(len(rows), bool))):
            low, high = bootstrap_interval(agreements[which])
            tell(f"{name}, {group}", float(agreements[which].mean()), f"[{low:.3f}, {high:.3f}]")


if __name__ == "__main__":
    main()
