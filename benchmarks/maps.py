"""Maps: t-SNE of 10,000 × 512 beside openTSNE's own; and what the map command adds to the bare library."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from openTSNE import TSNE

import posterity
from benchmarks.harness import data, peak_mb, seconds, tell
from posterity.layouts.clusters import find_clusters
from posterity.numerics.principal import span
from posterity.numerics.projection.layout import lay_out
from posterity.numerics.projection.methods import Layout
from posterity.numerics.scores.preservation import neighbourhood_scores


def main() -> None:
    """Lay out both ways."""
    with tempfile.TemporaryDirectory() as scratch:
        posterity.build(data("posters"), Path(scratch, "films"), encoders=["poster", "composition"])
        cat = posterity.open(Path(scratch, "films"))
        V = cat.vectors("composition")[1][:, :512].copy()
        rng = np.random.default_rng(0)
        noisy = V[: 10_000 - len(V)] + (0.3 * V.std() * rng.standard_normal((10_000 - len(V), 512))).astype(np.float32)
        X = np.concatenate([V, noisy])
        found: dict[str, np.ndarray] = {}
        spent = seconds(lambda: found.update(ours=lay_out(X, Layout("tsne"), workers=2)))
        ours = neighbourhood_scores(X, found["ours"])
        for method in ("fft", "bh"):

            def theirs(method: str = method) -> None:
                Z = np.ascontiguousarray(span(X)[0][:, :50])
                found["theirs"] = np.asarray(TSNE(n_jobs=2, random_state=0, negative_gradient_method=method).fit(Z))

            slow = seconds(theirs)
            other = neighbourhood_scores(X, found["theirs"])
            tell("t-SNE 10,000 x 512, by way of 50", spent, "s", f"openTSNE, {method}", slow, ratio=slow / spent,
                 goal=">= 1", met=slow >= spent)  # fmt: skip
            tell("  neighbours kept", ours.preserved.value, "", f"openTSNE, {method}", other.preserved.value)
            tell(
                "  trustworthiness", ours.trustworthiness.value, "", f"openTSNE, {method}", other.trustworthiness.value
            )
        tell("UMAP 10,000 x 512, first", seconds(lambda: lay_out(X, Layout("umap"))), "s")
        tell("UMAP 10,000 x 512, again", seconds(lambda: found.update(umap=lay_out(X, Layout("umap")))), "s")
        tell("  neighbours kept", neighbourhood_scores(X, found["umap"]).preserved.value, "")
        vectors = cat.vectors("poster")[1]
        bare = seconds(lambda: lay_out(vectors, Layout("tsne"), workers=2))
        whole = seconds(lambda: cat.map("tsne", fresh=True))
        clusters = seconds(lambda: find_clusters(found["ours"]))
        tell("map of 7,056, with clusters and scores", whole, "s", "the layout alone", bare, ratio=whole / bare)
        tell("  finding clusters", clusters, "s")
        tell("the same again, kept", seconds(lambda: cat.map("tsne")), "s")
    tell("peak memory", peak_mb(), "MB")


if __name__ == "__main__":
    main()
