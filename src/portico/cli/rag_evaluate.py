"""`portico rag evaluate`: questions with the documents they should find, asked of a RAG assistant and measured."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .groups import Command
from .inputs import confirm
from .options import Options
from .output import Columns, emit, note
from .suggest import suggest_rag

if TYPE_CHECKING:
    from portico.sdk.call import JsonObject
    from portico.sdk.clients.evaluations import AsyncEvaluationsClient
    from portico.sdk.question_sets import AskedQuestion

METHODS = ("auto", "words", "vectors", "fused", "reranked")
ENDED = ("Success", "Failed")
POLL_S = 0.5
_PLACE = re.compile(r"questions\[(\d+)\]\.?")
_WORST = 10
"""So many questions that went worse are shown."""


@click.command(
    cls=Command,
    examples=[
        "portico rag evaluate handbook questions.jsonl",
        "portico rag evaluate handbook questions.csv --method words --method vectors --method fused --chart out.svg",
        "portico rag evaluate handbook",
        "portico rag evaluate handbook --show 6f1c... --compare 0a9d... -o json",
    ],
)
@click.argument("name", shell_complete=suggest_rag)
@click.argument("questions_file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--method",
    "methods",
    multiple=True,
    type=click.Choice(METHODS),
    help="How to search; again for several. auto, the default, is as the assistant searches.",
)
@click.option("-k", "k", type=click.IntRange(1, 100), default=10, show_default=True, help="So many documents count.")
@click.option("--label", metavar="TEXT", help="What to call the run.")
@click.option("--chart", type=click.Path(dir_okay=False, path_type=Path), help="Draw the figures into this SVG file.")
@click.option("--compare", metavar="RUN", help="Compare with this run; else with the one before of these questions.")
@click.option("--show", metavar="RUN", help="Show a stored run.")
@click.option("--delete", metavar="RUN", help="Delete a stored run.")
@click.option("--yes", "-y", is_flag=True, help="With --delete: do not ask.")
def evaluate(
    name: str,
    questions_file: Path | None,
    methods: tuple[str, ...],
    k: int,
    label: str | None,
    chart: Path | None,
    compare: str | None,
    show: str | None,
    delete: str | None,
    yes: bool,
) -> None:
    """Measure how well questions find their documents.

    QUESTIONS_FILE has JSON lines, JSON or CSV: `question`, and `expected`, names or ids of documents (in CSV with |
    between them). Runs are kept on the server and compared; without a file they are listed.
    """
    _check(questions_file, methods, chart, compare, show, delete)
    if delete:
        if not yes:
            confirm(f"Delete evaluation {delete} of {name}?")
        emit(_ask(lambda client: client.delete_evaluation(name, delete)))
        note(f"evaluation {delete} deleted")
    elif show:
        _emit_runs([_ask(lambda client: client.get_evaluation(name, show, compare=compare))], chart, one=True)
    elif questions_file:
        _emit_runs(_run_all(name, questions_file, methods or ("auto",), k, label, compare), chart)
    else:
        answer = _ask(lambda client: client.list_evaluations(name, count=100))
        emit(answer, rows=[_row(run) for run in answer.get("evaluations", [])], columns=_LISTED)


def _check(
    file: Path | None, methods: Sequence[str], chart: Path | None, compare: str | None, show: str | None,
    delete: str | None,
) -> None:  # fmt: skip
    """Raises UsageError for what does not go together."""
    if sum(map(bool, (file, show, delete))) > 1:
        raise click.UsageError("say one of QUESTIONS_FILE, --show and --delete")
    if methods and not file:
        raise click.UsageError("--method needs a QUESTIONS_FILE")
    if (chart or compare) and not (file or show):
        raise click.UsageError("--chart and --compare need a QUESTIONS_FILE or --show RUN")
    if chart and chart.suffix.lower() != ".svg":
        raise click.UsageError(f"--chart {chart}: the chart is an SVG; name the file {chart.with_suffix('.svg')}")


def _run_all(
    name: str, file: Path, methods: Sequence[str], k: int, label: str | None, compare: str | None
) -> list[JsonObject]:
    from portico.sdk.errors import ApiError
    from portico.sdk.question_sets import read_question_set

    from .remote import opened

    questions = read_question_set(file)
    runs = []
    with opened() as remote:
        for method in methods:
            with _progress(f"{name} by {method}" if len(methods) > 1 else name, len(questions)) as tell:
                work = _run(remote.evaluations, name, questions, method, k, label, compare, tell)
                try:
                    runs.append(remote.run(work))
                except ApiError as error:
                    raise _placed(error, file, questions) from None
    return runs


async def _run(
    client: AsyncEvaluationsClient,
    name: str,
    questions: Sequence[AskedQuestion],
    method: str,
    k: int,
    label: str | None,
    compare: str | None,
    tell: Callable[[int], None],
) -> JsonObject:
    """Until it has ended. One that is given up with Ctrl-C goes on at the server."""
    asked = [one.as_json() for one in questions]
    run = await client.start_evaluation(name, asked, method=method, k=k, name=label)
    while run.get("status") not in ENDED:
        await asyncio.sleep(POLL_S)
        run = await client.get_evaluation(name, str(run["id"]))
        tell(int(run.get("done") or 0))
    return await client.get_evaluation(name, str(run["id"]), compare=compare) if compare else run


def _placed(error: Exception, file: Path, questions: Sequence[AskedQuestion]) -> Exception:
    """What the server said of one of the questions, with the line of the file it stands in."""
    found = _PLACE.search(str(error))
    if found is None or int(found[1]) >= len(questions):
        return error
    from portico.sdk.errors import PorticoError

    return PorticoError(f"{file.name}:{questions[int(found[1])].line}: {_PLACE.sub('', str(error), count=1)}")


@contextmanager
def _progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, a line at every quarter elsewhere; both on standard error."""
    if not sys.stderr.isatty():
        yield _Quarters(what, total)
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, no_color=not Options.current().color)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(escape(what), total=total)
        yield lambda done: bars.update(task, completed=done)


class _Quarters:
    def __init__(self, what: str, total: int) -> None:
        self._what, self._total, self._shown = what, total, 0

    def __call__(self, done: int) -> None:
        quarter = 4 * done // self._total
        if quarter > self._shown:
            self._shown = quarter
            note(f"{self._what}: {done} of {self._total} questions")


def _emit_runs(runs: Sequence[JsonObject], chart: Path | None, *, one: bool = False) -> None:
    failed = [run for run in runs if run.get("status") == "Failed"]
    data: Any = runs[0] if one or len(runs) == 1 else {"evaluations": list(runs)}
    emit(data, rows=[_row(run) for run in runs], columns=_columns(runs))
    for run in runs:
        _tell(run)
    if chart:
        _draw(runs, chart)
    if failed:
        from portico.sdk.errors import OperationFailed

        told = (f"evaluation {run['id']} failed: {run.get('detail') or 'no reason was given'}" for run in failed)
        raise OperationFailed("; ".join(told))


def _draw(runs: Sequence[JsonObject], chart: Path) -> None:
    from .rag_chart import write_chart

    bars = []
    for run in runs:
        other = run.get("compared")
        if other and len(runs) == 1:
            bars.append((f"{other['method']}, {other['createdAt']}", other["metrics"]))
        if run.get("metrics"):
            bars.append((str(run.get("name") or run["method"]), run["metrics"]))
    first = runs[0]
    told = f"{first['total']} questions, {first['settings'].get('documents', 0)} documents, {first['createdAt']} UTC"
    try:
        chart.write_text(write_chart([(str(first["profile"]), bars)], told, int(first["k"])), "utf-8")
    except OSError as error:
        raise click.UsageError(f"--chart {chart}: {error.strerror}") from None
    note(f"chart in {chart}")


def _tell(run: JsonObject) -> None:
    """What a table has no room for, on standard error."""
    unready = run.get("settings", {}).get("documentsNotIndexed")
    if unready:
        note(f"{unready} documents of this assistant are not indexed and cannot be found")
    other = run.get("compared")
    if not other:
        return
    named = other.get("name") or other["createdAt"]
    note(f"{run['method']} against {other['method']} ({named}): {other['better']} questions better,"
         f" {other['worse']} worse, {other['same']} the same")  # fmt: skip
    for change in [one for one in other.get("changes", []) if one["after"] < one["before"]][:_WORST]:
        note(f"  {change['before']:.2f} -> {change['after']:.2f}  {change['question']}")


def _row(run: Mapping[str, Any]) -> dict[str, Any]:
    metrics, other = run.get("metrics") or {}, run.get("compared")
    recall = metrics.get("recall") or {}
    row = {
        "id": run["id"],
        "method": run["method"],
        "label": run.get("name") or "",
        "status": run["status"] if run["status"] in ENDED else f"{run['done']} of {run['total']}",
        "questions": run["total"],
        "ndcg": _figure(metrics.get("ndcg")),
        "mrr": _figure(metrics.get("mrr")),
        "p50": _milliseconds(metrics.get("p50Ms")),
        "p95": _milliseconds(metrics.get("p95Ms")),
        "at": run.get("createdAt", ""),
        "change": "" if not (other and metrics) else f"{metrics['ndcg'] - other['metrics']['ndcg']:+.3f}",
    }
    return {**row, **{f"recall{depth}": _figure(value) for depth, value in recall.items()}}


_LISTED: Columns = {
    "Run": "id",
    "Method": "method",
    "Label": "label",
    "Status": "status",
    "Questions": "questions",
    "nDCG": "ndcg",
    "MRR": "mrr",
    "p95 ms": "p95",
    "Started": "at",
}


def _columns(runs: Sequence[JsonObject]) -> Columns:
    depths = sorted({int(depth) for run in runs for depth in (run.get("metrics") or {}).get("recall", {})})
    columns: dict[str, str | Callable[[Mapping[str, Any]], object]] = {"Method": "method", "Questions": "questions"}
    columns[f"nDCG@{runs[0]['k']}"] = "ndcg"
    columns |= {f"Recall@{depth}": f"recall{depth}" for depth in depths}
    columns |= {"MRR": "mrr", "p50 ms": "p50", "p95 ms": "p95"}
    if any(run.get("compared") for run in runs):
        columns["Change"] = "change"
    return {**columns, "Run": "id"}


def _figure(value: Any) -> str:
    return "" if value is None else f"{value:.3f}"


def _milliseconds(value: Any) -> str:
    return "" if value is None else f"{value:.1f}"


def _ask(call: Callable[[AsyncEvaluationsClient], Any]) -> JsonObject:
    from .remote import opened

    with opened() as remote:
        answer: JsonObject = remote.run(call(remote.evaluations))
        return answer
