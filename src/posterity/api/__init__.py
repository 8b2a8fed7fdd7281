"""The Python interface: a catalogue as an object, one thin method a capability."""
