"""Arrays in, arrays out; nothing here has heard of a film."""
