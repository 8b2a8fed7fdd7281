"""Where work runs and where files lie."""
