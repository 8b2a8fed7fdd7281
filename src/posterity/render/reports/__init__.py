"""Results as self-contained HTML pages: ``learning`` and ``pairs`` fill the templates in ``templates/``."""
