"""Media libraries as Jellyfin, Plex, Kodi, tinyMediaManager, Radarr and Kometa lay them out, read and never written to.

From names to entries: :mod:`.names` reads what names tell, :mod:`.pictures` which image is meant as what, :mod:`.nfo`
what an NFO says (:mod:`.markup` is its XML, :mod:`.ids` tells whose an id is, :mod:`.cells` reads its values),
:mod:`.tree` lists folders, :mod:`.films` finds the films in a folder, :mod:`.shows` recognises TV shows, :mod:`.choice`
picks a film's posters, :mod:`.reader` joins them; :mod:`.guess` tells whether a folder is such a library at all.
"""

from posterity.sources.library.guess import looks_like_library
from posterity.sources.library.reader import read_library

__all__ = ["looks_like_library", "read_library"]
