"""The shared provider suite: the same cases for every adapter, through the door of a live server (gateway rules, 2).

A suite is `class TestAcme(ProviderSuite): fake = AcmeFake()`; a case that the provider cannot play stands in `gaps`
with the reason. Hard cases that no provider differs in are tested elsewhere:

| case | where |
| --- | --- |
| HC-06, HC-07 | `cases_gemini.py`, in the suites of the two Gemini providers |
| HC-28 embeddings | `test_openai.py`, and the tests of each adapter that offers them |
| HC-29 limits, HC-30 cache, HC-31 guardrails | `tests/server/gateway`, `tests/api` |
| HC-32 Nagle | `test_wire.py` |
"""

from __future__ import annotations

from tests.providers.cases_answers import AnswerCases
from tests.providers.cases_failures import FailureCases
from tests.providers.cases_requests import RequestCases
from tests.providers.cases_tools import ToolCases
from tests.providers.fakes.base import Fake


class ProviderSuite(AnswerCases, ToolCases, RequestCases, FailureCases):
    """All cases. A gap that names no case is a mistake."""

    def test_gaps_name_cases_and_reasons(self) -> None:
        cases = {name.removeprefix("test_") for name in dir(type(self)) if name.startswith("test_")}
        assert set(self.gaps) - cases == set()
        assert all(len(reason) > 10 for reason in self.gaps.values())

    def test_the_fake_is_one(self) -> None:
        assert isinstance(self.fake, Fake)
        assert self.fake.model.lower().startswith(f"{self.fake.provider.lower()}/")
