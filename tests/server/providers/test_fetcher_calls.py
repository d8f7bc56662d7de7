"""Services that are called with method, headers and body, behind the same guard as files."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.site import Page, open_site
from tests.upstream import Reply, Upstream, whole

from portico.server.errors import ContentUnreadable
from portico.server.providers.fetcher import Called, Fetcher, OutsideCall

pytestmark = pytest.mark.anyio


@pytest.fixture
def service() -> Iterator[Upstream]:
    with Upstream() as made:
        yield made


async def call(sent: OutsideCall, limit_bytes: int = 1000, *, allowed: str = "127.0.0.1", wait_s: float = 60) -> Called:
    return await Fetcher(allowed=allowed, timeout_s=wait_s).call(sent, limit_bytes)


async def test_method_headers_and_body_arrive(service: Upstream) -> None:
    service.replies(whole({"ok": True}, 404))
    answered = await call(OutsideCall("POST", f"{service.root}/a?b=c", {"x-one": "1", "host": "evil"}, b'{"a":1}'))
    assert answered == Called(404, "application/json", b'{"ok": true}', False)
    (asked,) = service.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/a?b=c", {"a": 1})
    assert (asked.headers["x-one"], asked.headers["host"]) == ("1", service.root.removeprefix("http://"))


async def test_a_body_that_is_cut_by_the_limit_of_the_fetcher_says_so(service: Upstream) -> None:
    service.replies(Reply(200, b"x" * 5000))
    fetcher = Fetcher(allowed="127.0.0.1", limit_bytes=700, timeout_s=60)
    answered = await fetcher.call(OutsideCall("GET", service.root), 1000)
    assert (len(answered.body), answered.is_cut) == (700, True)


async def test_a_body_is_cut_and_a_redirect_told(service: Upstream) -> None:
    service.replies(Reply(301, b"x" * 5000, {"Location": "http://10.0.0.1/"}))
    answered = await call(OutsideCall("GET", service.root))
    assert (answered.status, len(answered.body), answered.is_cut) == (301, 1000, True)
    assert answered.location == "http://10.0.0.1/" and len(service.asked) == 1


async def test_a_slow_service_is_left_in_time(service: Upstream) -> None:
    service.replies(Reply(200, b"x", delay_s=60))
    with pytest.raises(ContentUnreadable, match=r"within 0\.2 s"):
        await call(OutsideCall("GET", service.root), wait_s=0.2)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0x7f.1", "[::ffff:127.0.0.1]"])
async def test_a_private_address_is_not_called(service: Upstream, host: str) -> None:
    url = service.root.replace("127.0.0.1", host)
    with pytest.raises(ContentUnreadable):
        await call(OutsideCall("POST", url, body=b"x"), allowed="")
    assert service.asked == []


async def test_every_x_robots_tag_is_told_and_of_other_headers_the_first() -> None:
    with open_site() as site:
        site.pages["/"] = Page(headers={"X-Robots-Tag": "a: noindex\nnofollow", "X-ROBOTS-TAG": "none"})
        site.pages["/moved"] = Page(status=301, headers={"Location": "/first\n/second"})
        assert (await call(OutsideCall("GET", site.url()))).robots == "a: noindex\nnofollow\nnone"
        assert (await call(OutsideCall("GET", site.url("/moved")))).location == "/first"
