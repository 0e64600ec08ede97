"""Every address of the interface: its parameters, the shape of its answer and who gives it. One table.

The parameters are read by it, and the document at ``/openapi.json`` is made of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from firth.explorer import answers
from firth.explorer.events import events
from firth.explorer.exports import FORMATS
from firth.explorer.parameters import MOST_NEIGHBORS, Parameter

Schema = dict[str, Any]

STRING: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
INTEGER: Schema = {"type": "integer"}
BOOLEAN: Schema = {"type": "boolean"}
FREE: Schema = {"type": "object"}
COSINE: Schema = {"type": "number", "minimum": -1, "maximum": 1}


def optional(schema: Schema) -> Schema:
    """Return the schema of a value that may be null."""
    return {**schema, "type": [schema["type"], "null"]}


def array(items: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": items}


def members(_optional: tuple[str, ...] = (), /, **properties: Schema) -> Schema:
    """Return the schema of an object that has these members and no others; some of them may be left out."""
    required = [name for name in properties if name not in _optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


MODEL = Parameter("model", "0 for the first model, 1 for the second", default=0, low=0, high=1)
TOPN = Parameter("topn", "how many words", default=10, low=1, high=MOST_NEIGHBORS)
VERSION = Parameter("version", "of the map, as /api/map gives it", required=True, low=0, high=2**53 - 1)

COUNTED = members(word=STRING, count=optional(INTEGER))
NEAR = members(("runs",), word=STRING, cosine=COSINE, count=optional(INTEGER), runs=optional(INTEGER))
NEIGHBORS = members(
    ("runs", "overlap"),
    word=STRING,
    count=optional(INTEGER),
    neighbors=array(NEAR),
    runs=INTEGER,
    overlap=optional(NUMBER),
)
RANKED = members(word=STRING, cosine=COSINE)
PLACE = optional({"type": "integer", "minimum": 1})
MODEL_SHOWN = members(
    index=INTEGER,
    name=STRING,
    words=INTEGER,
    vector_size=INTEGER,
    counts=BOOLEAN,
    format=STRING,
    training=BOOLEAN,
    map=BOOLEAN,
)
MAP_STATE = members(
    state={"type": "string", "enum": ["computing", "ready", "failed"]},
    method=optional(STRING),
    points=INTEGER,
    progress={"type": "number", "minimum": 0, "maximum": 1},
    message=STRING,
    version=optional(INTEGER),
    median_near=optional(NUMBER),
    k=INTEGER,
    definition=STRING,
    sentences=array(STRING),
)
ERROR = members(
    error=members(("word", "spelling"), message=STRING, status=INTEGER, word=STRING, spelling=array(STRING))
)


@dataclass(frozen=True)
class Route:
    """One address: what it answers to which parameters."""

    path: str
    summary: str
    answer: Callable[..., Any]
    parameters: tuple[Parameter, ...] = ()
    schema: Schema | None = None
    """Of an answer in JSON."""
    media_types: tuple[str, ...] = ("application/json",)
    slow: bool = False
    """It is answered beside the event loop."""
    statuses: tuple[int, ...] = (400,)
    """Errors that a sound client can meet, beside those of every address."""


ROUTES: tuple[Route, ...] = (
    Route("/healthz", "Whether the server answers", answers.health, schema=members(status=STRING)),
    Route(
        "/api/models",
        "The models that are shown",
        answers.models,
        schema=members(models=array(MODEL_SHOWN), watching=BOOLEAN, version=STRING),
    ),
    Route(
        "/api/complete",
        "Words that begin so, the most frequent first; where there are none, words spelled like it",
        answers.complete,
        (
            Parameter("q", "what is typed so far", required=True),
            Parameter("limit", "how many words", default=12, low=1, high=1000),
            MODEL,
        ),
        members(words=array(COUNTED), spelling=array(STRING)),
        slow=True,
        statuses=(400, 404),
    ),
    Route(
        "/api/neighbors",
        "The nearest words by cosine, exact, in the full space",
        answers.neighbors,
        (Parameter("word", "a word; give several for several", required=True, repeated=True), TOPN, MODEL),
        members(model=STRING, results=array(NEIGHBORS)),
        statuses=(400, 404, 429, 503),
    ),
    Route(
        "/api/similarity",
        "The cosine of two words, and each one's place among the other's neighbours",
        answers.similarity,
        (Parameter("a", "a word", required=True), Parameter("b", "another word", required=True), MODEL),
        members(model=STRING, a=STRING, b=STRING, cosine=COSINE, rank_of_b=PLACE, rank_of_a=PLACE),
        slow=True,
        statuses=(400, 404),
    ),
    Route(
        "/api/analogy",
        "Words near a sum and difference of words: raw, without the words given, and by 3CosMul",
        answers.analogy,
        (
            Parameter("positive", "words that are added", required=True, repeated=True),
            Parameter("negative", "words that are taken away", repeated=True),
            TOPN,
            MODEL,
        ),
        members(
            model=STRING,
            positive=array(STRING),
            negative=array(STRING),
            raw=array(members(word=STRING, cosine=COSINE, input=BOOLEAN)),
            filtered=array(RANKED),
            mul=array(members(word=STRING, score=NUMBER)),
            margin=members(add=optional(NUMBER), mul=optional(NUMBER)),
            note=STRING,
        ),
        slow=True,
        statuses=(400, 404),
    ),
    Route(
        "/api/axes",
        "Where words stand between two poles: -1 towards a, 1 towards b; on a second axis too",
        answers.axes,
        (
            Parameter("a", "a pole: a word, or several with commas between them", required=True),
            Parameter("b", "the opposite pole", required=True),
            Parameter("a2", "a pole of a second axis"),
            Parameter("b2", "its opposite pole"),
            Parameter("word", "a word to place", repeated=True),
            MODEL,
        ),
        members(
            axes=array(members(a=array(STRING), b=array(STRING), cosine_of_poles=COSINE)),
            words=array(members(word=STRING, positions=array(COSINE))),
        ),
        slow=True,
        statuses=(400, 404),
    ),
    Route(
        "/api/compare/word",
        "A word's neighbours in both models, and which of them are the same",
        answers.compare_word,
        (Parameter("word", "a word of both models", required=True), TOPN),
        members(word=STRING, a=array(NEAR), b=array(NEAR), shared=array(STRING)),
        slow=True,
        statuses=(400, 404),
    ),
    Route(
        "/api/compare/differences",
        "The words whose 10 nearest words differ most between the models; takes seconds the first time",
        answers.compare_differences,
        (Parameter("limit", "how many words", default=100, low=1, high=10_000),),
        members(
            words=array(members(word=STRING, overlap=INTEGER, count=optional(INTEGER))),
            k=INTEGER,
            mean=optional(NUMBER),
            compared=INTEGER,
            shared_words=INTEGER,
        ),
        slow=True,
        statuses=(400, 404),
    ),
    Route(
        "/api/training",
        "The course of a model's training: reports, options, corpus, speed",
        answers.training,
        (MODEL,),
        members(
            reports=array(FREE),
            config=FREE,
            words_per_second=optional(NUMBER),
            progress=optional(FREE),
            watching=BOOLEAN,
        ),
        slow=True,
        statuses=(400, 404),
    ),
    Route(
        "/api/map",
        "Where the map stands",
        answers.map_state,
        (MODEL,),
        MAP_STATE,
        statuses=(400, 404),
    ),
    Route(
        "/api/map/points",
        "The map's n points, little-endian: x (n float32), y (n float32), near (n uint8), row (n uint32)",
        answers.map_points,
        (VERSION, MODEL),
        media_types=("application/octet-stream",),
        statuses=(400, 404),
    ),
    Route(
        "/api/map/words",
        "The words of the map's points, in their order: the most frequent first",
        answers.map_words,
        (VERSION, MODEL),
        array(STRING),
        slow=True,
        statuses=(400, 404),
    ),
    Route(
        "/api/map/export",
        "The map for another program: a table, Apple's embedding-atlas, TensorBoard's projector",
        answers.map_export,
        (Parameter("format", "of the file", required=True, choices=FORMATS), MODEL),
        media_types=("text/csv", "application/vnd.apache.parquet", "application/zip"),
        slow=True,
        statuses=(400, 404),
    ),
)
EVENTS = Route(
    "/api/events",
    "Events as they happen (server-sent): map, as /api/map; training, as a run that is watched goes on",
    events,
    (Parameter("pin", "a word whose neighbours come with each event of training", repeated=True), MODEL),
    media_types=("text/event-stream",),
    statuses=(400, 404, 429),
)
