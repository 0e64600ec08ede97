"""What the explorer refuses: other hosts, other methods, paths, floods; and what it tells every browser."""

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="starlette is not installed: the extra firth[explorer]")
pytest.importorskip("uvicorn", reason="uvicorn is not installed: the extra firth[explorer]")

from explorer_site import client_of, small_model
from firth.errors import ConfigError
from firth.explorer import static_files
from firth.explorer.safety import HEADERS, Hosts
from firth.explorer.serving import PORT, address, listen, serving
from firth.explorer.site import Shown, Site


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with client_of(small_model(), folder=tmp_path_factory.mktemp("site")) as (client, _):
        yield client


def status_of(reply: Any) -> int:
    """Return the status of an error, which is the same in its body, and has every header."""
    assert reply.headers["content-type"] == "application/json"
    assert int(reply.headers["content-length"]) == len(reply.content)
    for name, value in HEADERS.items():
        assert reply.headers[name] == value
    status: int = reply.json()["error"]["status"]
    assert status == reply.status_code
    return status


@pytest.mark.parametrize("host", ["127.0.0.1:8010", "localhost", "LOCALHOST:9", "[::1]:8010", "localhost."])
def test_names_of_this_machine(client: Any, host: str) -> None:
    assert client.get("/healthz", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8010", "127.0.0.1.evil.example", "localhost:8010.evil.example"),
        *("10.0.0.1", "user@localhost", "localhost:x", "local host", "[::1", "", "0.0.0.0"),
        "127.0.0.1, evil.example",
    ],
)
@pytest.mark.parametrize("path", ["/", "/api/neighbors?word=king", "/nowhere"])
def test_a_page_that_rebinds_its_name_gets_nothing(client: Any, host: str, path: str) -> None:
    assert status_of(client.get(path, headers={"host": host})) == 421


def test_names_where_others_are_let_in() -> None:
    assert "box.lan:80" in Hosts("box.lan")
    assert "192.168.7.5:8010" in Hosts("0.0.0.0")
    assert "[fe80::1]:8010" in Hosts("::")
    assert "evil.example" not in Hosts("0.0.0.0")
    assert "box" in Hosts("0.0.0.0", ["BOX"])


def ask_raw(app: Any, headers: list[tuple[bytes, bytes]], **changes: Any) -> tuple[int, bytes]:
    """Send a request as no well-behaved client would."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/healthz", "query_string": b"", "headers": headers}
    asyncio.run(app({**scope, **changes}, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


HOST = (b"host", b"localhost")


@pytest.mark.parametrize(
    ("headers", "changes", "status"),
    [
        ([HOST], {}, 200),
        ([], {}, 400),
        ([HOST, HOST], {}, 400),
        ([HOST, (b"content-length", b"3")], {}, 413),
        ([HOST, (b"content-length", b"0")], {}, 200),
        ([HOST, (b"transfer-encoding", b"chunked")], {}, 413),
        ([HOST, (b"cookie", b"x" * 17_000)], {}, 431),
        ([HOST], {"query_string": b"q=" + b"x" * 9000}, 414),
        ([HOST], {"path": "/" + "x" * 9000}, 414),
        ([HOST], {"method": "POST"}, 405),
        ([HOST], {"method": "OPTIONS", "path": "/nowhere"}, 405),
        ([HOST], {"path": "/nowhere"}, 404),
        ([HOST], {"path": "/api/"}, 404),
        ([HOST], {"query_string": b"word=\xff"}, 400),
        ([HOST], {"query_string": b"&".join([b"word=a"] * 300)}, 400),
    ],
)
def test_statuses(client: Any, headers: list[tuple[bytes, bytes]], changes: Any, status: int) -> None:
    found, body = ask_raw(client.app, headers, **changes)
    assert found == status
    if status != 200:
        assert json.loads(body)["error"]["status"] == status


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_can_be_changed(client: Any, method: str) -> None:
    reply = client.request(method, "/api/neighbors?word=king")
    assert (status_of(reply), reply.headers["allow"]) == (405, "GET, HEAD")


def test_head_has_the_headers_of_get_and_no_body(client: Any) -> None:
    for path in ("/api/neighbors?word=king", "/openapi.json", "/api/neighbors?word=kinng", "/nowhere"):
        get, head = client.get(path), client.head(path)
        assert head.content == b""
        assert (head.status_code, dict(head.headers)) == (get.status_code, dict(get.headers))


def test_every_answer_carries_the_policy(client: Any) -> None:
    policy = client.get("/api/models").headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    reply = client.get("/api/models", headers={"origin": "http://evil.example"})
    assert not [name for name in reply.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/static/../server.py",
            "/static/%2e%2e/server.py",
            "/static/..%2fserver.py",
            "/static//etc/passwd",
        ),
        *("/static/....//server.py", "/static/%5c..%5cserver.py", "/etc/passwd", "//etc/passwd", "/static/"),
        *("/%2e%2e/%2e%2e/etc/passwd", "/static/index.html/", "/static/index.html%00.js", "/.git/config"),
    ],
)
def test_no_path_reaches_the_file_system(client: Any, path: str) -> None:
    assert ask_raw(client.app, [HOST], path=path)[0] == 404
    reply = client.get(path)
    assert status_of(reply) == 404


def test_the_page_is_served_from_a_list_made_at_the_start(client: Any) -> None:
    files = static_files.static_files()
    assert {"/", "/static/index.html"} <= files.keys()
    for path, payload in files.items():
        reply = client.get(path)
        assert (reply.content, reply.headers["content-type"]) == (payload.body, payload.media_type)
        again = client.get(path, headers={"if-none-match": reply.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_an_unforeseen_error_tells_the_client_nothing(
    client: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_arguments: Any) -> None:
        raise RuntimeError("the secret of /home/me")

    monkeypatch.setattr(Shown, "knows", broken)
    for path in ("/api/neighbors?word=king", "/api/similarity?a=king&b=queen"):
        reply = client.get(path)
        assert status_of(reply) == 500
        assert "secret" not in reply.text
        assert "Traceback" not in reply.text
    assert "the secret of /home/me" in caplog.text


def test_the_server_listens_on_this_machine_alone_and_ends(tmp_path: Path) -> None:
    listening = listen("127.0.0.1", 0)
    url = address(listening, "127.0.0.1")
    model = small_model()
    site = Site([Shown("m", lambda: model)])
    port = listening.getsockname()[1]
    with serving(site, listening, "127.0.0.1"):
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(b"GET /api/models HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            reply = b"".join(iter(lambda: connection.recv(4096), b""))
        assert reply.startswith(b"HTTP/1.1 200 OK")
        assert b"server:" not in reply.lower()
        with socket.create_connection(("127.0.0.1", port), 5) as connection:  # it streams as the server ends
            connection.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK")
    assert url == f"http://127.0.0.1:{port}/"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5)


def test_a_port_that_is_taken() -> None:
    message = "is taken by another program: give another with --port"
    with listen("127.0.0.1", 0) as taken, pytest.raises(ConfigError, match=message):
        listen("127.0.0.1", taken.getsockname()[1])
    with listen("127.0.0.1", None) as first, listen("127.0.0.1", None) as second:
        ports = {first.getsockname()[1], second.getsockname()[1]}
        assert len(ports) == 2
        assert PORT not in ports - {first.getsockname()[1]}
    with pytest.raises(ConfigError, match=r"cannot listen at 203\.0\.113\.7"):
        listen("203.0.113.7", 0)
