"""Evaluations from order to figures, on a real database; what is searched is a table of the test's own."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import pytest
from sqlalchemy import text

from portico.server.access.caller import Caller, acting_for
from portico.server.assistants.search.evaluations.manage import JOB, Evaluations
from portico.server.assistants.search.evaluations.refusals import EvaluationNotFound, ExpectedNotFound
from portico.server.assistants.search.find import Profiles
from portico.server.errors import DatabaseAway, FieldRequired, OutOfRange, PatternMismatch, ProviderQuota
from portico.server.jobs.evaluate_profile import GAVE_UP, WARM_UP, EvaluateProfile, Reading
from portico.server.jobs.faults import Faults
from portico.server.jobs.steps import Outcome, Steps, settle
from portico.server.retrieval.hits import Hit, Method
from portico.server.retrieval.profile import Embedding, Llm, Search, SearchProfile
from portico.server.storage.evaluations import set_evaluation
from portico.server.storage.jobs import maybe_take
from portico.server.storage.search_profiles import ProfileKey, ProfileRow
from portico.wire.evaluations import Evaluation
from tests.server.access.house import House, open_house
from tests.server.jobs.library import add_profile

pytestmark = pytest.mark.anyio


@pytest.fixture
async def house(database_url: str, tmp_path: Any, anyio_backend: object) -> Any:
    opened = await open_house(database_url, tmp_path)
    yield opened
    await opened.close()


class PlainSteps(Steps):
    """The same steps without the engine that records them."""

    async def run(self, name: str, body: Callable[..., Awaitable[None]]) -> Outcome:
        return await settle(name, body)


class Table:
    """A searcher that answers by question and method; `fails` is raised at a question, once."""

    def __init__(self, answers: Mapping[tuple[str, str], list[str]]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.fails: dict[str, Exception] = {}

    async def search(
        self, caller: Caller, profile: SearchProfile, question: str, *, k: int, method: Method
    ) -> list[Hit]:
        self.asked.append(question)
        if question in self.fails:
            raise self.fails.pop(question)
        found = self.answers.get((question, method), [])
        return [Hit(number, one, 1, "", 1.0, {}) for number, one in enumerate(found)]


class Desk:
    """An assistant named handbook with three documents, and all that an evaluation of it needs."""

    def __init__(self, house: House, key: ProfileKey, documents: dict[str, str]) -> None:
        self.database = house.tenancy.database
        self.documents = documents
        self.caller = acting_for(key.organization_id, "Org", key.project_id, "Library", "tests")
        self.profile: SearchProfile | None = SearchProfile(
            key, "handbook", "", True, Embedding("local/all-minilm-l6-v2"), Llm("local/x"), Search("", "")
        )
        self.key = key
        self.evaluations = Evaluations(house.tenancy, cast(Profiles, self))
        self.table = Table({})

    def read(self, caller: Caller, row: ProfileRow) -> SearchProfile:
        """As `Profiles` would, without its models."""
        assert self.profile is not None
        assert row.key == self.key
        return self.profile

    async def _by_key(self, caller: Caller, key: ProfileKey) -> SearchProfile | None:
        return self.profile

    async def order(self, *questions: tuple[str, list[str]], **more: Any) -> Evaluation:
        asked = [{"question": question, "expected": expected} for question, expected in questions]
        return await self.evaluations.start(self.caller, "handbook", {"questions": asked, **more})

    async def work(self, run: Evaluation) -> Evaluation:
        reading = Reading(self.database, self.table, self._by_key)
        arguments = {"profile_id": self.key.profile_id, "evaluation_id": run.id}
        await EvaluateProfile(reading, PlainSteps(Faults({}))).run(
            self.key.organization_id, self.key.project_id, arguments
        )
        return await self.evaluations.find(self.caller, "handbook", run.id)


@pytest.fixture
async def desk(house: House) -> Desk:
    key = await add_profile(house.tenancy.database)
    documents = {}
    async with house.tenancy.database.begin() as connection:
        for name, extension, url in (("leave", "pdf", "http://a.example/leave"), ("travel", "md", ""), ("pay", "", "")):
            row = await connection.execute(
                text(
                    "INSERT INTO documents (organization_id, project_id, profile_id, document_id, name, extension,"
                    " content_type, size_bytes, sha256, blob, metadata, indexed_revision) VALUES (:o, :p, :f,"
                    " gen_random_uuid(), :name, :extension, '', 1, '', '', jsonb_build_object('url', CAST(:url AS"
                    " text)), 1) RETURNING CAST(document_id AS text)"
                ),
                {"o": key.organization_id, "p": key.project_id, "f": key.profile_id, "name": name,
                 "extension": extension, "url": url},
            )  # fmt: skip
            documents[name] = str(row.scalar_one())
    return Desk(house, key, documents)


async def test_an_ordered_run_waits_for_a_worker_and_tells_what_it_will_do(desk: Desk) -> None:
    run = await desk.order(("How much leave?", ["leave.pdf"]), method="fused", k=5, name="first try")

    assert (run.status, run.total, run.done, run.method, run.k, run.name) == ("Pending", 1, 0, "fused", 5, "first try")
    assert run.settings["embedding"] == "local/all-minilm-l6-v2"
    assert run.settings["documents"] == 3
    async with desk.database.begin() as connection:
        job = await maybe_take(connection, desk.key.organization_id, desk.key.project_id, {JOB: None})
    assert job is not None
    assert job.arguments == {"profile_id": desk.key.profile_id, "evaluation_id": run.id}


async def test_a_run_is_measured_and_shows_what_was_found(desk: Desk) -> None:
    leave, travel, pay = desk.documents.values()
    desk.table.answers = {
        ("How much leave?", "auto"): [travel, travel, leave],
        ("Who pays?", "auto"): [pay],
        ("Where is the sea?", "auto"): [],
    }
    run = await desk.order(
        ("How much leave?", ["leave"]), ("Who pays?", [pay, "travel.md"]), ("Where is the sea?", ["travel"])
    )

    shown = await desk.work(run)

    second = 1 / math.log2(3)
    assert shown.status == "Success"
    assert shown.has_ended
    assert shown.done == 3
    assert shown.metrics
    assert shown.metrics.ndcg == pytest.approx((second + 1 / (1 + second) + 0) / 3, abs=1e-6)
    assert shown.metrics.mrr == pytest.approx(0.5)
    assert shown.metrics.recall == pytest.approx({"1": 0.5 / 3, "5": 0.5, "10": 0.5}, abs=1e-6)
    assert shown.answers
    first = shown.answers[0]
    assert [(one.name, one.expected) for one in first.found] == [("travel.md", False), ("leave.pdf", True)]
    assert first.reciprocal_rank == 0.5
    assert [one.number for one in shown.answers] == [0, 1, 2]


async def test_a_document_is_expected_by_id_name_full_name_or_url(desk: Desk) -> None:
    leave = desk.documents["leave"]
    words = [leave, "leave", "leave.pdf", "http://a.example/leave"]
    desk.table.answers = {(word, "auto"): [leave] for word in words}

    shown = await desk.work(await desk.order(*((word, [word]) for word in words)))

    assert shown.metrics and shown.metrics.ndcg == 1.0


async def test_two_names_of_one_document_are_one_expectation(desk: Desk) -> None:
    desk.table.answers = {("q", "auto"): [desk.documents["leave"]]}

    shown = await desk.work(await desk.order(("q", ["leave", "leave.pdf"])))

    assert shown.metrics and shown.metrics.recall["1"] == 1.0


async def test_a_worker_that_takes_over_asks_only_what_is_left(desk: Desk) -> None:
    questions = [(f"q{number}", ["leave"]) for number in range(25)]
    run = await desk.order(*questions)
    desk.table.fails["q12"] = ProviderQuota()  # ends the run after the first ten were recorded
    failed = await desk.work(run)
    assert (failed.status, failed.done) == ("Failed", 10)
    assert failed.detail == "Provider Quota Exceeded"

    async with desk.database.begin() as connection:  # as if it had died instead
        await connection.execute(text("UPDATE search_evaluations SET status = 'Running', ended_at = NULL"))
    desk.table.asked.clear()
    shown = await desk.work(run)

    assert (shown.status, shown.done) == ("Success", 25)
    assert desk.table.asked == [WARM_UP, *(f"q{number}" for number in range(10, 25))]


async def test_a_database_that_is_away_for_a_moment_ends_nothing(desk: Desk) -> None:
    desk.table.fails["q"] = DatabaseAway()

    shown = await desk.work(await desk.order(("q", ["leave"])))

    assert shown.status == "Success"


async def test_a_run_that_is_given_up_says_so_and_what_has_ended_stays_so(desk: Desk) -> None:
    lost, done = await desk.order(("q", ["leave"])), await desk.work(await desk.order(("r", ["leave"])))
    async with desk.database.begin() as connection:  # as if its worker had died in it
        assert await set_evaluation(connection, desk.key, lost.id, "Running")
    job = EvaluateProfile(Reading(desk.database, desk.table, desk._by_key), PlainSteps(Faults({})))
    for one in (lost, lost, done):
        arguments = {"profile_id": desk.key.profile_id, "evaluation_id": one.id}
        await job.give_up(desk.key.organization_id, desk.key.project_id, arguments)

    shown = [await desk.evaluations.find(desk.caller, "handbook", one.id) for one in (lost, done)]

    assert [(one.status, one.detail) for one in shown] == [("Failed", GAVE_UP), ("Success", "")]


async def test_a_run_that_has_ended_is_not_begun_again(desk: Desk) -> None:
    run = await desk.order(("q", ["leave"]))
    await desk.work(run)
    desk.table.asked.clear()

    await desk.work(run)

    assert desk.table.asked == []


async def test_a_disabled_assistant_says_so(desk: Desk) -> None:
    run = await desk.order(("q", ["leave"]))
    assert desk.profile is not None
    desk.profile = SearchProfile(
        desk.key, "handbook", "", False, desk.profile.embedding, desk.profile.llm, desk.profile.search
    )

    shown = await desk.work(run)

    assert shown.status == "Failed"
    assert "disabled" in shown.detail


async def test_a_run_is_compared_with_the_one_before_of_the_same_questions(desk: Desk) -> None:
    leave, travel = desk.documents["leave"], desk.documents["travel"]
    desk.table.answers = {
        ("a", "words"): [travel, leave], ("b", "words"): [travel], ("c", "words"): [leave],
        ("a", "fused"): [leave], ("b", "fused"): [leave, travel], ("c", "fused"): [leave],
    }  # fmt: skip
    asked = (("a", ["leave"]), ("b", ["travel"]), ("c", ["leave"]))
    old = await desk.work(await desk.order(*asked, method="words", name="old"))
    await desk.work(await desk.order(("other", ["leave"]), method="words"))
    new = await desk.work(await desk.order(*reversed(asked), method="fused"))

    assert not old.compared
    assert new.compared
    assert (new.compared.id, new.compared.name, new.compared.method) == (old.id, "old", "words")
    assert (new.compared.better, new.compared.worse, new.compared.same) == (1, 1, 1)
    assert [(one.question, one.before) for one in new.compared.changes] == [("b", 1.0), ("a", pytest.approx(0.63093))]


async def test_only_runs_of_the_same_questions_can_be_compared(desk: Desk) -> None:
    one = await desk.work(await desk.order(("a", ["leave"])))
    other = await desk.work(await desk.order(("b", ["leave"])))

    with pytest.raises(OutOfRange):
        await desk.evaluations.find(desk.caller, "handbook", other.id, one.id)
    with pytest.raises(EvaluationNotFound):
        await desk.evaluations.find(desk.caller, "handbook", other.id, desk.documents["leave"])


async def test_runs_are_listed_newest_first_and_deleted(desk: Desk) -> None:
    runs = [await desk.order((f"q{number}", ["leave"])) for number in range(3)]

    listed = await desk.evaluations.list_runs(desk.caller, "handbook", skip=1, count=1)
    assert ([one.id for one in listed.evaluations], listed.count) == ([runs[1].id], 3)

    await desk.evaluations.delete(desk.caller, "handbook", runs[1].id)
    with pytest.raises(EvaluationNotFound):
        await desk.evaluations.find(desk.caller, "handbook", runs[1].id)
    with pytest.raises(EvaluationNotFound):
        await desk.evaluations.delete(desk.caller, "handbook", "no-uuid")
    await desk.evaluations.delete(desk.caller, "handbook", runs[0].id)


async def test_a_run_that_is_deleted_while_it_runs_just_ends(desk: Desk) -> None:
    run = await desk.order(("q", ["leave"]))

    class Deleting(Table):
        async def search(self, *args: Any, **more: Any) -> list[Hit]:
            if not self.asked:
                await desk.evaluations.delete(desk.caller, "handbook", run.id)
            return await super().search(*args, **more)

    desk.table = Deleting({})
    with pytest.raises(EvaluationNotFound):
        await desk.work(run)
    async with desk.database.begin() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM search_evaluation_answers")) == 0


REFUSED: list[tuple[dict[str, Any], type[Any], str]] = [
    ({}, FieldRequired, "questions"),
    ({"questions": []}, FieldRequired, "questions"),
    ({"questions": ["q"]}, PatternMismatch, "questions[0]"),
    ({"questions": [{"expected": ["leave"]}]}, FieldRequired, "questions[0].question"),
    ({"questions": [{"question": 1, "expected": ["leave"]}]}, PatternMismatch, "questions[0].question"),
    ({"questions": [{"question": "a" * 10_001, "expected": ["leave"]}]}, OutOfRange, "questions[0].question"),
    ({"questions": [{"question": "q"}]}, FieldRequired, "questions[0].expected"),
    ({"questions": [{"question": "q", "expected": [1]}]}, PatternMismatch, "questions[0].expected"),
    ({"questions": [{"question": "q", "expected": ["a", "nobody"]}]}, ExpectedNotFound, "questions[0].expected[0]"),
    ({"questions": [{"question": "q", "expected": "leave"}], "k": 0}, OutOfRange, "k"),
    ({"questions": [{"question": "q", "expected": "leave"}], "k": "5"}, PatternMismatch, "k"),
    ({"questions": [{"question": "q", "expected": "leave"}], "method": "magic"}, OutOfRange, "method"),
    ({"questions": [{"question": "q", "expected": "leave"}], "name": 5}, PatternMismatch, "name"),
]


async def test_an_order_that_makes_no_sense_is_refused_by_its_member(desk: Desk) -> None:
    for body, error, member in REFUSED:
        with pytest.raises(error) as told:
            await desk.evaluations.start(desk.caller, "handbook", body)
        assert told.value.param == member
    assert (await desk.evaluations.list_runs(desk.caller, "handbook")).count == 0


async def test_what_no_database_can_keep_is_replaced(desk: Desk) -> None:
    run = await desk.order(("nul \0 and surrogate \ud800", ["leave"]), name="a\0b")

    shown = await desk.work(run)

    assert shown.answers and "\0" not in shown.answers[0].question
    assert shown.name == "ab"


async def test_a_profile_that_goes_takes_its_evaluations_along(desk: Desk) -> None:
    await desk.work(await desk.order(("q", ["leave"])))

    async with desk.database.begin() as connection:
        await connection.execute(text("DELETE FROM search_profiles"))
        assert await connection.scalar(text("SELECT count(*) FROM search_evaluations")) == 0
        assert await connection.scalar(text("SELECT count(*) FROM search_evaluation_answers")) == 0
