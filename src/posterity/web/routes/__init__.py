"""The server's addresses, a module a group: what each takes, and what it answers."""
