"""One run on many machines: the trainer's own replicas and merges, handed to Ray. No mathematics here."""
