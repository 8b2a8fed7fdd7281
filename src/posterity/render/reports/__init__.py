"""Results as HTML pages that need nothing else: ``learning`` and ``pairs`` fill the templates in ``templates/``."""
