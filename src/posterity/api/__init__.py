"""The Python interface: a catalogue as an object, one thin method per capability."""
