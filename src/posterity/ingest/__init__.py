"""From a source to the catalogue: what is new is added, what changed is updated, nothing is lost."""
