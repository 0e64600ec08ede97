"""How far a model can be trusted: every score with its coverage and its interval."""
