"""The explorer's answers: what the model itself and the command line say, for every address."""

import gzip
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette", reason="starlette is not installed: the extra firth[explorer]")
pytest.importorskip("uvicorn", reason="uvicorn is not installed: the extra firth[explorer]")

from typer.testing import CliRunner

from explorer_site import HOSTILE, WORDS, client_of, small_model
from firth.cli.app import app
from firth.embeddings import Embeddings
from firth.evaluation.association import project
from firth.evaluation.cosmul import EPSILON, most_similar_cosmul
from firth.formats import save

MODEL = small_model()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with client_of(MODEL, small_model(50, seed=4), folder=tmp_path_factory.mktemp("site")) as (client, _):
        yield client


def ask(client: Any, path: str, **parameters: Any) -> Any:
    reply = client.get(path, params=parameters)
    assert reply.status_code == 200, reply.text
    return json.loads(reply.content, parse_constant=pytest.fail)


def refused(client: Any, status: int, path: str, **parameters: Any) -> dict[str, Any]:
    reply = client.get(path, params=parameters)
    assert (reply.status_code, reply.headers["content-type"]) == (status, "application/json"), reply.text
    error: dict[str, Any] = reply.json()["error"]
    assert error["status"] == status
    return error


def test_models(client: Any) -> None:
    found = ask(client, "/api/models")
    assert [(one["index"], one["name"], one["words"]) for one in found["models"]] == [
        (0, "model0", 60),
        (1, "model1", 50),
    ]
    assert (found["models"][0]["vector_size"], found["watching"]) == (7, False)


def test_completion_is_by_frequency_in_any_case(client: Any) -> None:
    words = [one["word"] for one in ask(client, "/api/complete", q="KIN")["words"]]
    assert words == ["king", "King", "kin", "kind"]
    assert [one["word"] for one in ask(client, "/api/complete", q="kin", limit=2)["words"]] == ["kin", "king"]
    assert ask(client, "/api/complete", q="kinng") == {"words": [], "spelling": ["king", "kin", "kind"]}
    assert [one["word"] for one in ask(client, "/api/complete", q="", limit=1)["words"]] == ["king"]


def test_neighbors_are_those_of_the_model(client: Any) -> None:
    found = ask(client, "/api/neighbors", word=WORDS, topn=5)
    for word, result in zip(WORDS, found["results"], strict=True):
        assert result["word"] == word
        pairs = [(near["word"], near["cosine"]) for near in result["neighbors"]]
        assert pairs == MODEL.most_similar(word, topn=5)
    near = found["results"][0]["neighbors"][0]
    assert near["count"] == MODEL.counts[MODEL.key_to_index[near["word"]]]  # type: ignore[index]
    assert ask(client, "/api/neighbors", word="king", topn=1000)["results"][0]["neighbors"][58:] == []


def test_they_are_those_of_the_command_line(client: Any, tmp_path: Path) -> None:
    save(Embeddings(MODEL.index_to_key, MODEL.vectors, counts=MODEL.counts), tmp_path / "m")

    def printed(*arguments: str) -> Any:
        result = CliRunner().invoke(app, [*arguments, "--json"])
        assert result.exit_code == 0, result.output
        found = json.loads(result.stdout)
        del found["model"]
        return found

    def answered(path: str, **parameters: Any) -> Any:
        found = ask(client, path, **parameters)
        del found["model"]
        return found

    model = str(tmp_path / "m")
    assert answered("/api/neighbors", word=["king", "東京"]) == printed("neighbors", model, "king", "東京")
    assert answered("/api/similarity", a="king", b="queen") == printed("similarity", model, "king", "queen")
    found = answered("/api/analogy", positive=["king", "woman"], negative="man")
    ours = {name: found[name] for name in found if name not in ("mul", "margin")}
    assert ours == printed("analogy", model, "king", "-", "man", "+", "woman")


def test_analogy_by_multiplication_and_margins(client: Any) -> None:
    found = ask(client, "/api/analogy", positive=["king", "woman"], negative=["man"], topn=3)
    cosines = {word: (MODEL.most_similar(word, topn=None) + 1.0) / 2.0 for word in ("king", "woman", "man")}
    scores = cosines["king"] * cosines["woman"] / (cosines["man"] + EPSILON)
    for word in ("king", "woman", "man", "never"):
        scores[MODEL.key_to_index[word]] = -1
    best = np.argsort(-scores)[:3]
    assert [one["word"] for one in found["mul"]] == [MODEL.index_to_key[row] for row in best]
    assert found["mul"][0]["score"] == pytest.approx(float(scores[best[0]]))
    assert found["margin"]["mul"] == pytest.approx(float(scores[best[0]] - scores[best[1]]), rel=1e-4)
    assert found["margin"]["add"] == found["filtered"][0]["cosine"] - found["filtered"][1]["cosine"]
    alone = ask(client, "/api/analogy", positive="king", topn=1)
    assert (len(alone["raw"]), len(alone["mul"])) == (1, 1)
    assert alone["margin"]["add"] > 0
    assert len(most_similar_cosmul(MODEL, ["king"], topn=99)) == 58


def test_axes(client: Any) -> None:
    words = ["queen", "東京"]
    found = ask(client, "/api/axes", a="man", b="woman,king", a2="a,b", b2="kin", word=words)
    assert [(axis["a"], axis["b"]) for axis in found["axes"]] == [
        (["man"], ["woman", "king"]),
        (["a,b"], ["kin"]),  # a word with a comma in it is a word
    ]
    first = [place for _, place in project(MODEL, words, ["woman", "king"], ["man"])]
    assert [one["positions"][0] for one in found["words"]] == first
    assert found["axes"][1]["cosine_of_poles"] == pytest.approx(MODEL.similarity("a,b", "kin"))
    assert "both a2 and b2" in refused(client, 400, "/api/axes", a="man", b="king", a2="kin")["message"]
    assert "same mean" in refused(client, 400, "/api/axes", a="man", b="man")["message"]
    assert "all zeros" in refused(client, 400, "/api/axes", a="man", b="king", word="never")["message"]


def test_two_models_compared(client: Any) -> None:
    found = ask(client, "/api/compare/word", word="king", topn=6)
    other = small_model(50, seed=4)
    near = [{word for word, _ in model.most_similar("king", topn=6)} for model in (MODEL, other)]
    assert {one["word"] for one in found["b"]} == near[1]
    assert set(found["shared"]) == near[0] & near[1]
    differences = ask(client, "/api/compare/differences", limit=50)
    assert (differences["shared_words"], differences["compared"], differences["k"]) == (49, 49, 10)
    overlaps = [one["overlap"] for one in differences["words"]]
    assert overlaps == sorted(overlaps)
    for one in differences["words"]:  # the number is that of the two lists side by side
        assert one["overlap"] == len(ask(client, "/api/compare/word", word=one["word"])["shared"])
    assert refused(client, 404, "/api/compare/word", word="w33")["spelling"]


def test_one_model_alone_is_not_compared(tmp_path: Path) -> None:
    with client_of(MODEL, folder=tmp_path) as (client, _):
        assert "firth explore A B" in refused(client, 404, "/api/compare/word", word="king")["message"]
        assert "firth explore A B" in refused(client, 404, "/api/neighbors", word="king", model=1)["message"]


def test_training_is_strict_json_where_the_model_holds_what_json_cannot(client: Any) -> None:
    found = ask(client, "/api/training")
    assert found["reports"][0]["loss"] is None
    assert (found["config"]["nothing"], found["words_per_second"]) == (None, 20.0)


def test_unknown_words_are_answered_with_spellings(client: Any) -> None:
    for path, parameters in (
        ("/api/neighbors", {"word": ["king", "kinng"]}),
        ("/api/similarity", {"a": "kinng", "b": "king"}),
        ("/api/analogy", {"positive": "kinng"}),
        ("/api/axes", {"a": "kinng", "b": "king"}),
    ):
        error = refused(client, 404, path, **parameters)
        assert (error["word"], error["spelling"][0]) == ("kinng", "king"), path


@pytest.mark.parametrize(
    ("path", "parameters", "reason"),
    [
        ("/api/neighbors", {}, "the parameter word is missing"),
        ("/api/neighbors", {"word": "king", "topn": "0"}, "whole number from 1 to 1,000, not '0'"),
        ("/api/neighbors", {"word": "king", "topn": "1001"}, "whole number"),
        ("/api/neighbors", {"word": "king", "topn": "٣"}, "whole number"),
        ("/api/neighbors", {"word": "king", "topn": ["1", "2"]}, "2 times: give it once"),
        ("/api/neighbors", {"word": ["w"] * 101}, "at most 100 times"),
        ("/api/neighbors", {"word": "x" * 1001}, "at most 1,000"),
        ("/api/neighbors", {"word": "king", "top": "3"}, "there is no parameter 'top' here"),
        ("/api/neighbors", {"word": "king", "model": "2"}, "from 0 to 1"),
        ("/api/analogy", {"negative": "king"}, "the parameter positive is missing"),
        ("/api/map/export", {"format": "exe"}, "one of csv, atlas, projector"),
    ],
)
def test_what_is_refused(client: Any, path: str, parameters: dict[str, Any], reason: str) -> None:
    assert reason in refused(client, 400, path, **parameters)["message"]


def test_a_query_that_is_no_utf8(client: Any) -> None:
    reply = client.get("/api/neighbors?word=%ff")
    assert (reply.status_code, "UTF-8" in reply.text) == (400, True)


def test_long_answers_are_compressed_for_those_who_accept_it(client: Any) -> None:
    path, parameters = "/api/neighbors", {"word": WORDS, "topn": 50}
    packed = client.get(path, params=parameters, headers={"accept-encoding": "gzip"})
    plain = client.get(path, params=parameters, headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.headers["vary"] == plain.headers["vary"] == "accept-encoding"
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert packed.json() == plain.json()


def test_hostile_words_come_back_as_they_are(client: Any) -> None:
    for word in HOSTILE:
        assert ask(client, "/api/neighbors", word=word)["results"][0]["word"] == word
        error = refused(client, 404, "/api/neighbors", word=word + "<b>")
        assert error["word"] == word + "<b>"


def test_lone_surrogates_in_a_model_are_no_error(tmp_path: Path) -> None:
    model = Embeddings(["a", "\udc80b", "c"], np.eye(3, dtype=np.float32) + 0.1)
    with client_of(model, folder=tmp_path) as (client, _):
        near = ask(client, "/api/neighbors", word="a")["results"][0]["neighbors"]
        assert {one["word"] for one in near} == {"\udc80b", "c"}
        assert ask(client, "/api/complete", q="c")["words"][0]["word"] == "c"


def test_events_tell_how_things_stand(tmp_path: Path) -> None:
    with client_of(MODEL, folder=tmp_path) as (client, site):
        threading.Timer(0.8, site.closing.set).start()
        reply = client.get("/api/events", params={"pin": "king"})
        assert reply.headers["content-type"].startswith("text/event-stream")
        lines = reply.text.splitlines()
        place = lines.index("event: map")
        assert json.loads(lines[place + 1].removeprefix("data: ")) == site.shown[0].map_job.describe()
        assert "event: training" not in lines
        assert client.head("/api/events").text == ""


def test_gzip_is_deterministic() -> None:
    from firth.explorer.payload import json_payload

    payload = json_payload(["word"] * 3000)
    assert gzip.decompress(payload.packed) == payload.body
    assert payload.packed == payload.packed_once().packed
