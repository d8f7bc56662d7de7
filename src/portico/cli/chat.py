"""`portico chat`: a question from the command line, from files and from standard input, or a talk on a terminal."""

from __future__ import annotations

import sys
from typing import Any

import click
from click.core import ParameterSource

from .groups import Command
from .inputs import read_json, read_message, read_pairs, read_word
from .options import Options
from .suggest import suggest_chat_models


@click.command(
    cls=Command,
    examples=[
        'portico chat "Name three rivers of Chile"',
        "portico chat Summarise: @report.txt        # a file; two @@ for a text that begins with @",
        "git diff | portico chat 'Write a commit message:' -",
        "portico chat --assistant Translator --var language=French 'Good evening'",
        "portico chat --json-schema person.json 'Ada Lovelace, born 1815' | jq .name",
        "portico chat                               # a talk; /help shows its commands",
    ],
)
@click.argument("message", nargs=-1)
@click.option(
    "--model",
    "-m",
    envvar="PORTICO_MODEL",
    show_envvar=True,
    metavar="NAME",
    shell_complete=suggest_chat_models,
    help="Model, or saia:assistant:NAME, saia:search:NAME ... Default: the best local model that is ready.",
)
@click.option("--assistant", metavar="NAME", help="Ask this assistant: short for --model saia:assistant:NAME.")
@click.option(
    "--revision", type=click.IntRange(0), metavar="N", help="This revision of the assistant, not the active one."
)
@click.option("--system", "-s", metavar="TEXT", help="System prompt; @file reads it from a file.")
@click.option("--stream/--no-stream", default=None, help="Show the answer as it comes. Default: on a terminal.")
@click.option("--json-schema", metavar="FILE|JSON", help="Answer as JSON that fits this schema.")
@click.option("--temperature", type=click.FloatRange(0, 2), metavar="NUMBER", help="0 is the most predictable.")
@click.option("--max-tokens", type=click.IntRange(min=1), metavar="N", help="Longest answer, in tokens.")
@click.option("--reasoning-effort", metavar="LEVEL", help="How much a reasoning model thinks: low, medium, high.")
@click.option(
    "--var",
    "variables",
    multiple=True,
    metavar="KEY=VALUE",
    help="Fill {KEY} in the prompt of an assistant; may repeat, @file works.",
)
@click.option("--conversation-id", metavar="ID", help="Keep a flow's or an agent's conversation together.")
@click.option("--usage", is_flag=True, help="Say on standard error what it took: tokens, cost, time.")
def chat(message: tuple[str, ...], stream: bool | None, usage: bool, **values: Any) -> None:
    """Ask a model, an assistant, an agent or a flow.

    The answer is plain text, also in a pipe; -o json gives the whole answer of the server.
    Without MESSAGE it is read from standard input; on a terminal, a talk begins instead.
    MESSAGE may name a file (@file) and standard input (-) among its words.
    """
    from .ask import Question, answer_once

    question = Question(**_options(**values))
    if message or not sys.stdin.isatty():
        text = read_message(message or ["-"])
        if not text.strip():
            raise click.UsageError("the message is empty")
        whole = Options.current().output in ("json", "yaml")
        streams = sys.stdout.isatty() if stream is None else stream
        answer_once(question.asking(text), stream=streams and not whole, whole=whole, usage=usage)
        return
    if Options.current().output not in (None, "table"):
        raise click.UsageError("-o json and -o yaml need a message")
    from .talk import talk

    talk(question, usage=usage)


def _options(
    model: str | None,
    assistant: str | None,
    system: str | None,
    json_schema: str | None,
    variables: tuple[str, ...],
    **rest: Any,
) -> dict[str, Any]:
    if assistant and click.get_current_context().get_parameter_source("model") is ParameterSource.COMMANDLINE:
        raise click.UsageError("--model and --assistant name different things to ask: give one of them")
    schema = read_json(json_schema, "--json-schema") if json_schema else None
    if schema is not None and not isinstance(schema, dict):
        raise click.UsageError("--json-schema: a schema is a JSON object")
    return {
        "model": f"saia:assistant:{assistant}" if assistant else model,
        "system": read_word(system) if system else None,
        "json_schema": schema,
        "variables": read_pairs(variables, "--var"),
        **rest,
    }
