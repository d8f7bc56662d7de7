"""Why a crawl cannot be done, in words for who ordered it."""

from __future__ import annotations

from portico.server.errors import ContentUnreadable


class CrawlOrderInvalid(ContentUnreadable):
    """A member of the order that cannot be; `member` names it, `hint` says what to write."""

    def __init__(self, member: str, hint: str) -> None:
        super().__init__()
        self.member, self.hint = member, hint
        self.message = f"The crawl order cannot be used: {member}: {hint}"
        self.args = (self.message,)


class NothingCrawled(ContentUnreadable):
    """Not one page could be read; the message says why."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.message = f"No page could be read: {reason}"
        self.args = (self.message,)
