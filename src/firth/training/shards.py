"""How reproducible training splits the text and the vocabulary: pure arithmetic, the same on every machine.

The text is cut into SHARDS stripes of equal length. A *round* takes the next few positions of every
stripe; its eight pieces, one for each shard, are trained at once. What a round computes depends on this
split alone, never on the number of threads that share the work.

Stripes lie far apart, so that what two shards meet in a round is no more alike than chance makes it:
with eight neighbouring pieces instead, one article's words are in all of them, and 1 to 2 points of
analogy are lost (LOG.md).
"""

from __future__ import annotations

from dataclasses import dataclass

SHARDS = 8
"""Pieces of a round; more threads than this find no work."""

HEAD = 512
"""Most frequent words, of which every shard has rows of its own all the time."""

LONGEST = 512
"""Positions of a shard in a round, at most: longer rounds and their stale rows cost quality."""

SHORTEST = 2
"""Positions of a shard in a round, at least."""

ROUNDS = 2000
"""Rounds that an epoch has at least, as long as they need not be shorter than SHORTEST: with fewer, a small
text learns slower than by racing threads (LOG.md)."""

PARTS = 8
"""Parts of a shard's centers in a round, at most; each draws its negatives from another class of words."""

PART_POSITIONS = 64
"""Positions of a part, at least; classes change with each round anyway."""

WORDS_A_POSITION = 8
"""Words of the vocabulary, at least, for each position of a shard in a round."""


@dataclass(frozen=True)
class Split:
    """The split of one corpus of ``positions`` words, ``words`` of them distinct, for one window."""

    positions: int
    words: int
    window: int

    @property
    def head(self) -> int:
        """Words of which every shard has rows of its own all the time."""
        return min(self.words, HEAD)

    @property
    def shard_positions(self) -> int:
        """Positions of a shard in a round.

        Few where the vocabulary is small, since every shard then changes each row all the time, and few
        where the text is short. The more frequent a word, the staler are its rows within a round.
        """
        fitting = min(self.words // WORDS_A_POSITION, self.positions // (SHARDS * ROUNDS))
        return min(max(fitting, SHORTEST), LONGEST)

    @property
    def parts(self) -> int:
        """Parts of a shard's centers in a round; one where the shards have rows of their own of all words."""
        fitting = self.shard_positions // PART_POSITIONS if self.words > self.head else 1
        return min(max(fitting, 1), PARTS)

    @property
    def round_positions(self) -> int:
        """Positions of a whole round."""
        return SHARDS * self.shard_positions

    @property
    def lent(self) -> int:
        """Rows that a shard may be lent in a round: a row for each word of its text, windows included."""
        return min(self.shard_positions + 2 * self.window, max(self.words - self.head, 0))

    @property
    def own_rows(self) -> int:
        """Rows of its own that a shard needs in each table: the last one is spare."""
        return self.head + self.lent + 1

    def first_row(self, shard: int) -> int:
        """Return the first of a shard's own rows, which lie behind the words' rows."""
        return self.words + shard * self.own_rows

    def spare_row(self, shard: int) -> int:
        """Return the row of a shard that is no word's."""
        return self.first_row(shard + 1) - 1

    @property
    def room(self) -> int:
        """Rows that all shards together need behind the words' rows."""
        return SHARDS * self.own_rows
