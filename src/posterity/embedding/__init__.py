"""Catalogue and encoder to vectors: streamed, resumable, on any engine."""
