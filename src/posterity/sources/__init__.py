"""Where posters come from: each source yields Records, one for each file that may be a poster.

Nothing is imported here, so that listing a folder needs no more than :mod:`posterity.sources.folder`.
"""
