"""Arrays in, arrays out; nothing here depends on films."""
