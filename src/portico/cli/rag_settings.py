"""Options and files to the members of a RAG assistant, as the API has them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

import click
import msgspec

from .inputs import read_file, read_json, read_stdin, read_word

FORMAT = "portico-rag/1"
Json = dict[str, Any]
_GUARDRAILS = {
    "injection": "prompt-injection-guardrail",
    "input": "input-moderation-guardrail",
    "output": "llm-output-guardrail",
}
_RETRIEVERS = ["vectorStore", "multiQuery", "selfQuery", "hyde", "contextualCompression", "scoreThreshold"]
# Where an option that is simply one member stands.
_PLACES = {
    "history": "searchOptions.historyCount",
    "temperature": "searchOptions.llm.temperature",
    "max_tokens": "searchOptions.llm.maxTokens",
    "cache": "searchOptions.llm.cache",
    "dimensions": "searchOptions.embeddings.dimensions",
    "k": "searchOptions.search.k",
    "search_type": "searchOptions.search.type",
    "score_threshold": "searchOptions.search.scoreThreshold",
    "sources": "searchOptions.search.returnSourceDocuments",
    "retriever": "searchOptions.retriever.type",
    "step": "searchOptions.retriever.step",
    "chunk_size": "indexOptions.chunks.chunkSize",
    "chunk_overlap": "indexOptions.chunks.chunkOverlap",
}
_KNOWN = ("name", "description", "template", "status", "searchOptions", "indexOptions", "welcomeData")


def search_settings(command: Callable[..., None]) -> Callable[..., None]:
    """The options of `create` and `update` alike."""
    options = (
        click.option("--description", metavar="TEXT", help="What it is for; needed to be offered in chats."),
        click.option("--model", metavar="MODEL", help="Who writes the answer: provider/model, or an alias."),
        click.option("--temperature", type=click.FloatRange(0, 2), help="How freely it speaks."),
        click.option("--max-tokens", type=click.IntRange(1), metavar="N", help="The longest answer."),
        click.option("--prompt", metavar="TEXT", help="What it is told; needs {context} and {question}; @file works."),
        click.option("--history", type=click.IntRange(0), metavar="N", help="Earlier messages that count; 0: none."),
        click.option("-k", "--k", type=click.IntRange(1), metavar="N", help="Passages given to the model."),
        click.option("--search-type", type=click.Choice(["similarity", "mmr"]), help="mmr: passages that differ."),
        click.option(
            "--score-threshold", type=click.FloatRange(0, 1), metavar="NUMBER", help="Weaker passages are dropped."
        ),
        click.option("--retriever", type=click.Choice(_RETRIEVERS), help="How passages are looked for."),
        click.option(
            "--step", type=click.Choice(["all", "documents"]), help="documents: only passages, no answer of a model."
        ),
        click.option("--sources/--no-sources", default=None, help="Whether answers come with their passages."),
        click.option("--cache/--no-cache", default=None, help="Whether the same question may get the same answer."),
        click.option(
            "--guardrail",
            "guardrails",
            multiple=True,
            type=click.Choice([*_GUARDRAILS, "none"]),
            help="Check questions or answers; may repeat.",
        ),
        click.option("--embedding-model", metavar="MODEL", help="What makes the vectors: provider/model."),
        click.option("--dimensions", type=click.IntRange(1), metavar="N", help="Width of the vectors."),
        click.option("--welcome", metavar="JSON", help="The start page, as JSON, @file or - for standard input."),
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="PATH=VALUE",
            help="Any other member: searchOptions.search.lambda=0.3; may repeat, @file works.",
        ),
        click.option("--file", "file", metavar="FILE", help="A definition as JSON or YAML; options go before it."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def index_settings(command: Callable[..., None]) -> Callable[..., None]:
    """The options of `create` alone: how documents are cut never changes."""
    options = (
        click.option("--template", metavar="NAME", help="Begin with the settings of this RAG assistant."),
        click.option("--chunk-size", type=click.IntRange(1), metavar="N", help="Characters of a passage."),
        click.option("--chunk-overlap", type=click.IntRange(0), metavar="N", help="Characters two neighbours share."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def read_members(given: Mapping[str, Any]) -> Json:
    """The file, and over it what the options said, with the names of the API. Raises a usage error."""
    members = read_definition(given["file"]) if given["file"] else {}
    for option, place in _PLACES.items():
        if given.get(option) is not None:
            _put(members, place, given[option])
    for option, section in (("model", "llm"), ("embedding_model", "embeddings")):
        if given[option]:
            provider, slash, model = given[option].partition("/")
            named = {"provider": provider, "modelName": model} if slash else {"modelName": provider}
            for name, value in named.items():
                _put(members, f"searchOptions.{section}.{name}", value)
    if given["prompt"] is not None:
        _put(members, "searchOptions.search.prompt", read_word(given["prompt"]))
    if given["guardrails"]:
        wanted = [_GUARDRAILS[name] for name in dict.fromkeys(given["guardrails"]) if name != "none"]
        _put(members, "searchOptions.llm.guardrails", wanted)
    if given["welcome"] is not None:
        members["welcomeData"] = read_json(given["welcome"], "--welcome")
    for name in ("description", "template"):
        if given.get(name) is not None:
            members[name] = given[name]
    for setting in given["settings"]:
        _put(members, *_read_setting(setting))
    return members


def read_definition(file: str) -> Json:
    """A file of members, JSON or YAML; `-` is standard input. Raises a usage error for another one."""
    text = read_stdin() if file == "-" else read_file(file.removeprefix("@"))
    value = _parse(text, file)
    if not isinstance(value, dict):
        raise click.UsageError(f"{file}: a definition is an object with searchOptions, indexOptions ...")
    if value.get("format", FORMAT) != FORMAT:
        raise click.UsageError(f'{file}: this is no RAG assistant: "format" is "{value["format"]}"')
    if strange := sorted(set(value) - {*_KNOWN, "format"}):
        raise click.UsageError(f"{file}: there is no member {strange[0]!r}; there are {', '.join(_KNOWN)}")
    return {name: given for name, given in value.items() if name != "format" and given is not None}


def pack(profile: Mapping[str, Any]) -> Json:
    """Everything that makes the RAG assistant, to be made again elsewhere; its documents are not part of it."""
    return {"format": FORMAT, **{name: profile[name] for name in _KNOWN if profile.get(name) not in (None, "", {})}}


def as_arguments(members: Mapping[str, Any]) -> Json:
    """The members with the names of the SDK, without the name."""
    renamed = {"searchOptions": "search_options", "indexOptions": "index_options", "welcomeData": "welcome_data"}
    return {renamed.get(name, name): value for name, value in members.items() if name != "name"}


def read_value(text: str) -> Any:
    """A value as it is typed: a number, true, false, null or a list are what they look like, all else is text."""
    try:
        return msgspec.json.decode(text)
    except ValueError:
        return text


def read_metadata(words: Iterable[str], option: str = "--metadata") -> Json | None:
    """`key=value` pairs and files of JSON objects (`@file`), later ones before earlier; None without any."""
    found: Json = {}
    given = list(words)
    for word in given:
        if word.startswith(("@", "{")):
            value = read_json(word, option)
            if not isinstance(value, dict):
                raise click.UsageError(f"{option} {word}: metadata is a JSON object")
            found |= value
            continue
        key, equals, text = word.partition("=")
        if not (key and equals):
            raise click.UsageError(f"{option} {word}: write key=value or @file")
        found[key] = read_word(text) if text.startswith("@") else read_value(text)
    return found if given else None


def _read_setting(setting: str) -> tuple[str, Any]:
    place, equals, text = setting.partition("=")
    if not (equals and place.split(".")[0] in _KNOWN and all(place.split("."))):
        raise click.UsageError(f"--set {setting}: write searchOptions.search.k=5, or indexOptions...")
    return place, read_word(text) if text.startswith("@") else read_value(text)


def _put(members: Json, place: str, value: Any) -> None:
    *path, last = place.split(".")
    for name in path:
        inner = members.setdefault(name, {})
        if not isinstance(inner, dict):
            raise click.UsageError(f"{place}: {name} is no object")
        members = inner
    members[last] = value


def _parse(text: str, file: str) -> Any:
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except ValueError as error:
            raise click.UsageError(f"{file}: not valid JSON: {error}") from None
    try:
        yaml = import_module("yaml")
    except ImportError:
        raise click.UsageError(f"{file}: reading YAML needs the package PyYAML; write it as JSON") from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise click.UsageError(f"{file}: not valid YAML: {error}") from None
