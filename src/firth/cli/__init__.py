"""The program ``firth``: ``app`` is its door, every other module a command or what commands share."""
