"""Every envelope in which the API tells a failure, with every status, becomes one clear exception."""

from __future__ import annotations

from typing import Any

import pytest

import portico
from portico import ApiError, InvalidAnswer, Portico, PorticoError, StreamFailed
from portico.sdk import errors
from portico.sdk.failures import is_failure
from tests.sdk.odd_server import OddServer, Reply, reply_json


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "BadRequest"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (404, "NotFound"),
        (405, "MethodNotAllowed"),
        (409, "RequestConflict"),
        (413, "PayloadTooLarge"),
        (418, "BadRequest"),
        (422, "GuardrailBlocked"),
        (429, "RateLimited"),
        (500, "ServerError"),
        (502, "ServerError"),
        (503, "Overloaded"),
        (504, "UpstreamTimeout"),
    ],
)
def test_each_status_has_its_class(server: OddServer, status: int, kind: str) -> None:
    body = {"errors": [{"id": 4711, "description": "Something."}], "requestId": "r-1"}
    server.answer = lambda seen: reply_json(body, status)
    with Portico("k", server.url, max_retries=0) as client, pytest.raises(ApiError) as raised:
        client.chat.complete("m/x", "hi")
    error = raised.value
    assert type(error).__name__ == kind
    assert (error.status_code, error.errors, error.body, error.request_id) == (
        status,
        [(4711, "Something.")],
        body,
        "r-1",
    )
    assert error.message == f"The server answered HTTP {status} (error 4711): Something."
    assert error.hint
    assert str(error).endswith(error.hint)


ENVELOPES: list[tuple[Any, list[tuple[int | str | None, str]]]] = [
    ({"errors": [{"id": 401, "description": "Unauthorized"}]}, [(401, "Unauthorized")]),
    ({"errors": {"id": 401, "description": "Unauthorized"}}, [(401, "Unauthorized")]),
    ({"errors": [{"id": 1, "description": "a"}, {"id": 2, "description": "b"}]}, [(1, "a"), (2, "b")]),
    ({"error": {"code": 1101, "message": "gone"}, "status": "failed", "success": False}, [(1101, "gone")]),
    ({"error": {"message": "no pages", "code": "8024"}, "requestId": "x"}, [(8024, "no pages")]),
    ({"error": {"message": "bad", "type": None, "param": None, "code": "integer_below_min_value"}},
     [("integer_below_min_value", "bad")]),
    ({"error": "plain text"}, [(None, "plain text")]),
    ({"error": {"id": 7, "description": "x"}}, [(7, "x")]),
    ({"error": {"message": "x"}}, [(None, "x")]),
    ({"message": [{"type": "error", "description": "wrong"}]}, [(None, "wrong")]),
    ({"success": False}, []),
    ({"status": "failed", "text": ""}, []),
]  # fmt: skip


@pytest.mark.parametrize(("body", "items"), ENVELOPES)
@pytest.mark.parametrize("status", [200, 400])
def test_every_envelope_is_read_with_every_status(server: OddServer, body: Any, items: object, status: int) -> None:
    server.answer = lambda seen: reply_json(body, status)
    with Portico("k", server.url, max_retries=0) as client, pytest.raises(ApiError) as raised:
        client.low.chat.chat_completion("m/x", "hi")
    assert raised.value.errors == items
    assert raised.value.status_code == status


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"error": None},
        {"error": {}},
        {"errors": []},
        {"errors": None},
        {"error": {"code": 0, "message": ""}},
        {"success": True, "status": "completed"},
        {"status": "Active"},
        {"result": {"success": False, "messages": ["Score threshold not met"]}, "text": ""},
        {"message": "hello"},
        {"message": [{"type": "text"}]},
        [],
        "text",
        None,
    ],
)
def test_what_is_no_failure_passes(body: object) -> None:
    assert not is_failure(body)


@pytest.mark.parametrize(
    ("number", "kind"),
    [(500, portico.ServerError), (1101, portico.NotFound), (154, portico.RateLimited), (153, portico.Overloaded),
     (422, portico.GuardrailBlocked), (8024, ApiError)],
)  # fmt: skip
def test_a_failure_with_http_200_is_classed_by_its_id(
    server: OddServer, client: Portico, number: int, kind: type[ApiError]
) -> None:
    server.answer = lambda seen: reply_json({"error": {"code": number, "message": "Oops"}, "success": False})
    with pytest.raises(ApiError) as raised:
        client.chat.complete("m/x", "hi")
    assert type(raised.value) is kind
    assert raised.value.status_code == 200


def test_the_request_id_may_come_in_the_header(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json({"errors": [{"id": 9, "description": "x"}]}, 400, X_Request_Id="h-1")
    with pytest.raises(ApiError) as raised:
        client.tokens.validate()
    assert raised.value.request_id == "h-1"


@pytest.mark.parametrize("body", [b"<html>a proxy's page</html>", b"", b"\xff\xfe", b'{"a":'])
def test_refusals_that_are_no_json_are_refusals(server: OddServer, client: Portico, body: bytes) -> None:
    server.answer = lambda seen: Reply(403, body, {"Content-Type": "text/html"})
    with pytest.raises(portico.Forbidden) as raised:
        client.tokens.validate()
    assert raised.value.body == body.decode("utf-8", "replace")


@pytest.mark.parametrize("body", [b"<html>a portal</html>", b"\xff\xfe", b'{"a":', b"[1]", b'"x"'])
def test_good_answers_that_are_no_json_object_are_told_as_such(server: OddServer, client: Portico, body: bytes) -> None:
    server.answer = lambda seen: Reply(200, body, {"Content-Type": "text/html"})
    with pytest.raises(InvalidAnswer, match="JSON"):
        client.tokens.validate()


@pytest.mark.parametrize("status", [200, 204])
def test_an_empty_answer_to_a_delete_is_fine(server: OddServer, client: Portico, status: int) -> None:
    server.answer = lambda seen: Reply(status)
    client.tokens.delete("t-1")
    assert client.low.tokens.delete_project_api_token("t-1") == {}


def test_a_wrong_path_hints_at_the_base_url(server: OddServer) -> None:
    server.answer = lambda seen: reply_json({"errors": [{"id": 404, "description": "Bad Endpoint"}]}, 404)
    with Portico("k", server.url + "/v1") as client, pytest.raises(portico.NotFound) as raised:
        client.chat.complete("m/x", "hi")
    assert "/v1" in raised.value.hint


def test_every_error_of_the_tree_says_what_to_do() -> None:
    plain = {"PorticoError", "TransportError", "ApiError", "StreamError", "ConfigurationError", "MissingCredentials"}
    classes = {c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, PorticoError)}
    assert {c.__name__ for c in classes if not c.hint} == plain
    assert {c.__name__ for c in classes} <= set(portico.__all__)


def test_no_error_shows_the_token(server: OddServer) -> None:
    server.answer = lambda seen: reply_json({"errors": [{"id": 401, "description": "Unauthorized"}]}, 401)
    with Portico("very-secret", server.url) as client, pytest.raises(ApiError) as raised:
        client.tokens.validate()
    assert "very-secret" not in str(raised.value) + repr(raised.value)
    assert "very-secret" not in repr(client) + repr(client.credentials) + str(client.credentials)


def test_an_error_frame_keeps_id_and_request() -> None:
    from portico.sdk.failures import stream_failure

    error = stream_failure({"error": {"code": 150, "message": "gone"}, "requestId": "r"}, None)
    assert isinstance(error, StreamFailed)
    assert (error.errors, error.request_id) == ([(150, "gone")], "r")
