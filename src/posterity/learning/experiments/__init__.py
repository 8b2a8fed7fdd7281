"""Declared experiments: a matrix of runs on one split, each cached by all that decides it, in one leaderboard.

A run is a *probe* on vectors of an encoder, a *network* trained end to end, or the *prior*.
"""
