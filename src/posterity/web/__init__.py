"""The page: a server of a catalogue's posters, and the same as a folder of files that needs no server.

It joins what the Python interface gives into answers, and computes nothing itself.
"""
