"""How the bundled encoder ``poster`` was trained: not part of the package; run from the repository's root."""
