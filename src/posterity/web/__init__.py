"""The page: a server for a catalogue's posters, and the same page as a folder of files that needs no server.

It combines results of the Python interface into answers, and computes nothing itself.
"""
