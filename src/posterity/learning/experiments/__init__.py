"""Declared experiments: a matrix of runs on one split, each cached by all its inputs, and one leaderboard.

A run is a *probe* on an encoder's vectors, a *network* trained end to end, or the *prior*.
"""
