"""What is found in a catalogue: the posters like one, pairs, duplicates, titles, and why."""
