"""The server's addresses, one module per group: their parameters and answers."""
