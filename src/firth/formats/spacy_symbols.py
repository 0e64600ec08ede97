"""The words that spaCy 3 numbers itself instead of hashing them: "NOUN", "number", "root" …."""

from __future__ import annotations

from itertools import chain

_RUNS = {
    1: "IS_ALPHA IS_ASCII IS_DIGIT IS_LOWER IS_PUNCT IS_SPACE IS_TITLE IS_UPPER LIKE_URL LIKE_NUM LIKE_EMAIL "
    "IS_STOP IS_OOV_DEPRECATED IS_BRACKET IS_QUOTE IS_LEFT_PUNCT IS_RIGHT_PUNCT IS_CURRENCY",
    19: " ".join(f"FLAG{number}" for number in range(19, 64)),
    64: "ID ORTH LOWER NORM SHAPE PREFIX SUFFIX LENGTH CLUSTER LEMMA POS TAG DEP ENT_IOB ENT_TYPE HEAD "
    "SENT_START SPACY PROB LANG ADJ ADP ADV AUX CONJ CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT "
    "SCONJ SYM VERB X EOL SPACE",
    380: "PERSON NORP FACILITY ORG GPE LOC PRODUCT EVENT WORK_OF_ART LANGUAGE LAW DATE TIME PERCENT MONEY "
    "QUANTITY ORDINAL CARDINAL acomp advcl advmod agent amod appos attr aux auxpass cc ccomp complm "
    "conj cop csubj csubjpass dep det dobj expl hmod hyph infmod intj iobj mark meta neg nmod nn "
    "npadvmod nsubj nsubjpass num number oprd obj obl parataxis partmod pcomp pobj poss possessive "
    "preconj prep prt punct quantmod relcl rcmod root xcomp acl ENT_KB_ID MORPH ENT_ID IDX _",
}
_RETIRED = 104
"""The first of 276 numbers whose names begin with DEPRECATED."""

SYMBOLS: dict[str, int] = dict(
    chain(
        ((name, first + place) for first, names in _RUNS.items() for place, name in enumerate(names.split())),
        ((f"DEPRECATED{place:03}", _RETIRED + place - 1) for place in range(1, 277)),
    )
)
"""Word -> number, 1 to 456."""
