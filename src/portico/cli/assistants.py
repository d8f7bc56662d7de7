"""`portico assistants`: define assistants, their revisions, and ask them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import click

from .assistant_transfer import list_words, pack, read_pack
from .groups import Command, Group, Lazy
from .inputs import confirm, read_json, read_word
from .options import Options
from .output import Columns, chosen_format, emit, note, printable, to_json
from .shared_options import project_option

if TYPE_CHECKING:
    from portico.sdk.call import JsonObject
    from portico.sdk.clients.assistants import AssistantMembers, AsyncAssistantsClient

_REVISIONS: Columns = {
    "Revision": "revisionId",
    "Name": "revisionName",
    "Active": "active",
    "Model": lambda row: f"{row['providerName']}/{row['modelName']}" if row["providerName"] else row["modelName"],
    "Made": "timestamp",
    "Prompt": lambda row: " ".join(str(row["prompt"]).split())[:60],
}
_FLAGS = ("uploadFiles", "promptInjectionGuardrail", "inputModerationGuardrail", "llmOutputGuardrail")


@click.group(
    cls=Group,
    lazy={
        "run": Lazy("portico.cli.assistant_requests:run", "Ask an assistant, or begin a request to it."),
        "status": Lazy("portico.cli.assistant_requests:status", "Say what became of a request."),
        "cancel": Lazy("portico.cli.assistant_requests:cancel", "End a request that runs."),
    },
    examples=[
        "portico assistants create Translator 'Translate to {language}.' --model openai/gpt-4o-mini",
        "portico assistants update Translator --prompt @prompt.txt --publish",
        "portico assistants run Translator --var language=French 'Good evening'",
    ],
)
def assistants() -> None:
    """Define assistants, publish and compare their revisions, and ask them.

    NAME is the name of an assistant, or its id.
    """


@assistants.command("list", cls=Command, examples=["portico assistants list", "portico assistants list -o json"])
@project_option
def list_(project_id: str | None) -> None:
    """List the assistants of a project, by name."""
    answer = _ask(lambda client: client.list_assistants(project_id=project_id))
    emit(answer, rows=answer.get("assistants", []), columns={"Id": "assistantId", "Name": "assistantName"})


@assistants.command(cls=Command, examples=["portico assistants show Translator"])
@click.argument("name")
def show(name: str) -> None:
    """Show an assistant, with its active revision."""
    answer = _ask(lambda client: client.get_assistant(name))
    _emit_one(answer)


def _settings(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say how the model is called."""
    options = (
        click.option("--model", metavar="MODEL", help="provider/model, or an alias of the project."),
        click.option("--temperature", type=click.FloatRange(0, 2), help="How freely it speaks."),
        click.option("--max-tokens", type=click.IntRange(1), metavar="N", help="The longest answer."),
        click.option("--upload-files/--no-upload-files", default=None, help="{file:name} stands for a file."),
        click.option("--injection-guardrail/--no-injection-guardrail", default=None, help="Look for injections."),
        click.option("--input-guardrail/--no-input-guardrail", default=None, help="Moderate what comes in."),
        click.option("--output-guardrail/--no-output-guardrail", default=None, help="Check what goes out."),
        click.option("--welcome", metavar="JSON", help="The start page, as JSON, @file or - for standard input."),
        click.option("--description", metavar="TEXT", help="What it is for."),
        click.option("--openapi", metavar="JSON", help="Of type api: the OpenAPI document, as JSON, @file or -."),
        click.option("--api-key-secret", metavar="NAME", help="Of type api: the secret that opens the service."),
        click.option("--auth", type=click.Choice(["bearer", "basic", "none"]), help="How the secret is sent."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@assistants.command(
    cls=Command,
    examples=[
        "portico assistants create Translator 'Translate to {language}.'",
        "portico assistants create Reviewer @reviewer.txt --model anthropic/claude-sonnet-4-5 --temperature 0",
        "portico assistants create Weather 'Answer in one sentence.' --type api --openapi @weather.json --auth none",
    ],
)
@click.argument("name")
@click.argument("prompt")
@click.option("--type", "kind", type=click.Choice(["chat", "text", "api"]), default="chat", help="Kind of assistant.")
@_settings
def create(name: str, prompt: str, kind: str, **given: Any) -> None:
    """Make an assistant; PROMPT may be @file or - for standard input. Revision 1 is active at once."""
    members: AssistantMembers = {**_members(given), "name": name, "prompt": read_word(prompt)}
    _emit_one(_ask(lambda client: client.create_assistant(kind, **members)))


@assistants.command(
    cls=Command,
    examples=[
        "portico assistants update Translator --prompt @prompt.txt          # a new revision, not active yet",
        "portico assistants update Translator --prompt @prompt.txt --publish",
        "portico assistants update Translator --rename Interpreter",
    ],
)
@click.argument("name")
@click.option("--prompt", metavar="TEXT", help="What it says: a text, @file or - for standard input.")
@click.option("--publish", is_flag=True, help="The new revision becomes the active one.")
@click.option("--revision", type=click.IntRange(1), metavar="N", help="Save it in this revision, without a new one.")
@click.option("--revision-name", metavar="NAME", help="A name for the revision.")
@click.option("--rename", metavar="NAME", help="Its new name.")
@click.option("--enable/--disable", "enable", default=None, help="Whether it can be asked.")
@_settings
def update(
    name: str,
    prompt: str | None,
    publish: bool,
    revision: int | None,
    revision_name: str | None,
    rename: str | None,
    enable: bool | None,
    **given: Any,
) -> None:
    """Change an assistant: what is said of it, or what it says, which makes a revision.

    The start page stays as it is unless --welcome says otherwise.
    """
    if publish and revision is not None:
        raise click.UsageError("--publish makes a new revision; to activate an older one: portico assistants publish")
    members = _members(given)
    members["name"], members["revision_name"] = rename, revision_name
    members["status"] = None if enable is None else (1 if enable else 2)
    if not any(value is not None for value in members.values()) and prompt is None:
        raise click.UsageError("say what to change: --prompt, --model, --rename, --enable ...")
    text = None if prompt is None else read_word(prompt)
    _emit_one(_ask(lambda client: _update(client, name, members, text, publish, revision)))


async def _update(
    client: AsyncAssistantsClient,
    name: str,
    members: AssistantMembers,
    prompt: str | None,
    publish: bool,
    revision: int | None,
) -> JsonObject:
    """The API erases a start page that is not sent, and asks for a prompt with settings: both are brought along."""
    before = await client.get_assistant(name, detail="full")
    members.setdefault("welcome_data", None)
    if members["welcome_data"] is None:
        members["welcome_data"] = before.get("welcomeData")
    speaks = any(members.get(name) for name in ("llm_settings", "revision_name", "open_api", "authentication"))
    if prompt is None and (speaks or revision or publish):
        wanted = revision or before["intents"][0]["assistantIntentDefaultRevision"]
        prompt = next((word["prompt"] for word in list_words(before) if word["revisionId"] == wanted), None)
    if prompt is not None:
        members["prompt"] = prompt
        members["action"] = "save" if revision else ("savePublishNewRevision" if publish else "saveNewRevision")
        members["revision_id"] = revision
    return await client.update_assistant(name, **members)


@assistants.command(cls=Command, examples=["portico assistants publish Translator 3"])
@click.argument("name")
@click.argument("revision", type=click.IntRange(1))
def publish(name: str, revision: int) -> None:
    """Make a revision the active one; also an older one again."""
    _emit_one(_ask(lambda client: client.update_assistant(name, action="publish", revision_id=revision)))


@assistants.command(
    cls=Command,
    examples=["portico assistants revisions Translator", "portico assistants revisions Translator --history 2"],
)
@click.argument("name")
@click.option("--history", type=click.IntRange(1), metavar="N", help="What revision N has ever said.")
def revisions(name: str, history: int | None) -> None:
    """List the revisions of an assistant."""
    if history is not None:
        answer = _ask(lambda client: client.get_revision_history(name, history))
        columns = {title: member for title, member in _REVISIONS.items() if title != "Active"}
        emit(answer, rows=answer["words"], columns=columns)
        return
    answer = _ask(lambda client: client.get_assistant(name, detail="full"))
    active = answer["intents"][0]["assistantIntentDefaultRevision"]
    rows = [{**word, "active": word["revisionId"] == active} for word in list_words(answer)]
    emit(list_words(answer), rows=rows, columns=_REVISIONS)


@assistants.command(
    cls=Command,
    examples=["portico assistants diff Translator        # the active revision and the newest",
              "portico assistants diff Translator 1 3"],
)  # fmt: skip
@click.argument("name")
@click.argument("before", type=click.IntRange(1), required=False)
@click.argument("after", type=click.IntRange(1), required=False)
def diff(name: str, before: int | None, after: int | None) -> None:
    """Compare two revisions: settings, and the prompt line by line."""
    answer = _ask(lambda client: client.compare_revisions(name, before=before, after=after))
    if chosen_format() != "table":
        emit(answer)
        return
    for change in answer["changes"]:
        click.echo(printable(f"{change['key']}: {_said(change.get('before'))} -> {_said(change.get('after'))}"))
    colors = {"+": "green", "-": "red", "@": "cyan"} if Options.current().color else {}
    for line in answer["prompt"].splitlines():
        color = colors.get(line[:1])
        click.echo(click.style(printable(line), fg=color) if color else printable(line))
    if not answer["changes"] and not answer["prompt"]:
        note("both say the same")


def _said(value: str | None) -> str:
    return "(nothing)" if value in (None, "") else str(value)


@assistants.command(cls=Command, examples=["portico assistants delete Translator --yes"])
@click.argument("name")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def delete(name: str, yes: bool) -> None:
    """Delete an assistant and its revisions."""
    if not yes:
        confirm(f"Delete assistant {name} and all its revisions?")
    emit(_ask(lambda client: client.delete_assistant(name)))
    note(f"assistant {name} deleted")


@assistants.command("export", cls=Command, examples=["portico assistants export Translator > translator.json"])
@click.argument("name")
def export_(name: str) -> None:
    """Write an assistant with all its revisions as JSON, to be imported elsewhere."""
    answer = _ask(lambda client: client.get_assistant(name, detail="full"))
    click.echo(to_json(pack(answer)))


@assistants.command(
    "import",
    cls=Command,
    examples=[
        "portico assistants import translator.json",
        "portico assistants export Translator --alias test | portico assistants import - --alias production",
    ],
)
@click.argument("file")
@click.option("--name", metavar="NAME", help="Another name than the file says.")
def import_(file: str, name: str | None) -> None:
    """Make an assistant of an exported file; revisions are numbered anew, from 1."""
    packed = read_pack(read_json(file, "FILE"))
    _emit_one(_ask(lambda client: _import(client, packed, name or packed["name"])))


async def _import(client: AsyncAssistantsClient, packed: JsonObject, name: str) -> JsonObject:
    """All of it or nothing: when a revision is refused, the assistant is deleted again."""
    from portico.sdk.errors import PorticoError

    first, *others = packed["revisions"]
    page = packed.get("welcomeData")
    said = packed.get("description")
    made = await client.create_assistant(packed["type"], name=name, description=said, welcome_data=page, **first)
    assistant = made["assistantId"]
    try:
        for revision in others:
            await client.update_assistant(assistant, action="saveNewRevision", welcome_data=page, **revision)
        return await client.update_assistant(assistant, action="publish", revision_id=packed["active"])
    except PorticoError:
        await client.delete_assistant(assistant)
        raise


def _members(given: dict[str, Any]) -> AssistantMembers:
    """The options of `_settings` as the API has them; what was not said is None."""
    provider, slash, model = (given["model"] or "").partition("/")
    settings = {
        "providerName": provider if slash else None,
        "modelName": (model if slash else provider) or None,
        "temperature": given["temperature"],
        "maxTokens": given["max_tokens"],
        **dict(zip(_FLAGS, (given[name] for name in _GIVEN), strict=True)),
    }
    told = {name: value for name, value in settings.items() if value is not None}
    welcome = None if given["welcome"] is None else read_json(given["welcome"], "--welcome")
    return {
        "llm_settings": told or None,
        "welcome_data": welcome,
        "description": given["description"],
        "open_api": None if given["openapi"] is None else read_json(given["openapi"], "--openapi"),
        "authentication": _authentication(given["auth"], given["api_key_secret"]),
    }


def _authentication(auth: str | None, secret: str | None) -> JsonObject | None:
    """What `--auth` and `--api-key-secret` say together; a secret alone is a bearer's."""
    if auth == "none" or (auth is None and secret is None):
        if secret is not None:
            raise click.UsageError("--auth none sends no secret: leave --api-key-secret out")
        return {"type": "none"} if auth else None
    if secret is None:
        raise click.UsageError("name the secret of the project: --api-key-secret NAME")
    return {"type": "apiKey", "authType": (auth or "bearer").capitalize(), "apiKeySecret": secret}


def _emit_one(answer: JsonObject) -> None:
    """An assistant with one revision; as a table their members one below the other."""
    short = {name: value for name, value in answer.items() if name != "intents"}
    for word in list_words(answer)[:1]:
        short["activeRevision"] = answer["intents"][0]["assistantIntentDefaultRevision"]
        short |= {name: value for name, value in word.items() if name not in _LONG}
        short |= {one["key"]: one["value"] for one in word.get("metadata") or []}
        short["variables"] = " ".join(one["key"] for one in word.get("variables") or [])
    emit(answer, short=short)


_LONG = ("metadata", "variables", "openApi")
_GIVEN = ("upload_files", "injection_guardrail", "input_guardrail", "output_guardrail")


def _ask(call: Callable[[AsyncAssistantsClient], Coroutine[Any, Any, JsonObject]]) -> JsonObject:
    from .remote import opened

    with opened() as remote:
        return remote.run(call(remote.assistants))
