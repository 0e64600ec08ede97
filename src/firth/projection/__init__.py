"""Maps: a model's words on a plane, each with how far the map can be trusted about it."""

from firth.projection.word_map import METHODS, WordMap, compute, with_trust

__all__ = ["METHODS", "WordMap", "compute", "with_trust"]
