"""Every setting of the server, typed, with default, unit and one line of help. Read once, in `app.py`.

Sources, last wins: default, environment (`PORTICO_<NAME>`), arguments of `portico serve`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit


class Secret(str):
    """A string that does not print: `str()` of it works where it is needed, `repr()` never shows it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret('***')"

    def __format__(self, spec: str) -> str:
        return "***"


class SettingError(ValueError):
    """A setting has a value that cannot be used; the message names it and says what to write."""


def _setting(default: Any, text: str) -> Any:
    if callable(default):
        return field(default_factory=default, metadata={"help": text})
    return field(default=default, metadata={"help": text})


def default_data_dir() -> Path:
    """`.portico` in a clone (a folder with our Makefile and pyproject), else the user's data folder."""
    root = Path(__file__).resolve().parents[3]
    if (root / "Makefile").is_file() and (root / "pyproject.toml").is_file():
        return root / ".portico"
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "portico"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    host: str = _setting("127.0.0.1", "Address to listen on.")
    port: int = _setting(8080, "Port to listen on; 0 takes a free one.")
    workers: int = _setting(1, "Server processes on this host.")
    data_dir: Path = _setting(default_data_dir, "Folder of the database, the models, the journal and the keys.")
    models_dir: Path | None = _setting(None, "Folder of the model files; default: `models` in the data folder.")
    catalog_dir: Path | None = _setting(
        None, "Folder of own catalog entries (*.toml); default: `catalog` in the data folder."
    )
    database_url: Secret | None = _setting(
        None, "PostgreSQL to use instead of the embedded one: postgresql://user:password@host/name."
    )
    secret_key: Secret | None = _setting(
        None,
        "Key for hashing and encryption, 32 or more characters, equal on all hosts. Default: made at first start.",
    )
    body_limit_bytes: int = _setting(50 * 1024 * 1024, "Largest request body.")
    request_timeout_s: float = _setting(600.0, "Longest wait for a plain answer of a provider.")
    first_byte_timeout_s: float = _setting(
        300.0,
        "Longest wait for the first byte of an answer while another target could be tried instead. A plain answer has "
        "it when the model is done.",
    )
    gap_timeout_s: float = _setting(120.0, "Longest silence of a provider's stream.")
    connect_timeout_s: float = _setting(10.0, "Longest wait for a connection to a provider.")
    keep_alive_s: float = _setting(10.0, "Silence on a stream after which a keep-alive comment is sent.")
    retries: int = _setting(2, "Further tries before the first byte when a provider fails.")
    retry_budget_s: float = _setting(30.0, "Time within which a further try may begin.")
    breaker_failures: int = _setting(10, "Failures in a row after which a provider is left alone; 0 = never.")
    breaker_open_s: float = _setting(5.0, "How long a failing provider is left alone.")
    strict_parameters: bool = _setting(
        False, "Refuse parameters that a model does not take, instead of dropping them with a note."
    )
    shutdown_grace_s: float = _setting(10.0, "How long open answers may go on after a stop is asked for.")
    local_models: bool = _setting(True, "Serve the embedded models (provider `local`).")
    starter_pull: Literal["auto", "off"] = _setting(
        "auto", "Pull the starter chat model in the background at first start."
    )
    local_context: int = _setting(8192, "Context of a local chat model in tokens, shared by its slots.")
    local_slots: int = _setting(4, "Requests that one local chat model works on at once.")
    local_queue: int = _setting(32, "Requests that may wait for a local model before 503.")
    local_threads: int = _setting(0, "Threads of the local models for prompts and batches; 0 = all cores.")
    local_idle_unload_s: float = _setting(0.0, "Unload a local model after so long without a request; 0 = never.")
    chat_cache: bool = _setting(True, "Answer a chat request that was answered before from the cache.")
    cache_ttl_s: float = _setting(7 * 24 * 3600.0, "How long a cached answer lives.")
    cache_memory_bytes: int = _setting(64 * 1024 * 1024, "Memory of one process for cached answers.")
    cache_rows: int = _setting(200_000, "Cached answers that PostgreSQL keeps; the oldest go first.")
    cache_entry_limit_bytes: int = _setting(1024 * 1024, "Longest answer that is cached.")
    fetch_hosts: str = _setting(
        "",
        "Private hosts and networks that files may be fetched from, that API assistants may call, and whose model "
        "servers may be given addresses to fetch: `files.lan,10.1.0.0/16`.",
    )
    fetch_limit_bytes: int = _setting(20 * 1024 * 1024, "Largest file that is fetched for a caller.")
    fetch_timeout_s: float = _setting(30.0, "Longest time for fetching a file.")
    files_limit_bytes: int = _setting(2 * 1024**3, "Largest file that may be uploaded.")
    files_temporary_s: float = _setting(24 * 3600.0, "How long a file lives that was uploaded without a folder.")
    files_reserve_bytes: int = _setting(1024**3, "Room on the disk that uploads leave free.")
    documents_limit_bytes: int = _setting(512 * 1024**2, "Largest document that a RAG assistant takes.")
    documents_extensions: str = _setting(
        "txt,pdf,doc,docx,ppt,pptx,xls,xlsx,odt,odp,ods,rtf,rst,epub,json,jsonl,csv,tsv,java,cs,py,js,ts,web,custom,"
        "md,png,gif,jpeg,jpg,mp3,m4a,mkv,aac,ogg,flac,wav,mp4,avi,mov,msg,org,tiff,bmp,eml,xml,html",
        "Types of documents that RAG assistants take, by the endings of their names, with commas.",
    )
    crawl_pages: int = _setting(200, "Most pages that one crawl order (.web) of a RAG assistant asks for.")
    files_text_timeout_s: float = _setting(60.0, "Longest time for reading the text of one file.")
    files_text_memory_bytes: int = _setting(1024**3, "Most memory of the process that reads the text of a file.")
    files_bucket_url: str | None = _setting(
        None, "S3-compatible bucket for files instead of the data folder: https://s3.eu-west-1.amazonaws.com/my-bucket."
    )
    files_bucket_region: str = _setting("us-east-1", "Region that requests to the bucket are signed for.")
    files_bucket_prefix: str = _setting("", "Beginning of all names in the bucket, for one that others use too.")
    files_bucket_access_key: Secret | None = _setting(None, "Access key id for the bucket.")
    files_bucket_secret_key: Secret | None = _setting(None, "Secret access key for the bucket.")
    files_bucket_session_token: Secret | None = _setting(None, "Session token, for temporary keys of the bucket.")
    guardrail_hosts: str = _setting(
        "",
        "Private hosts and networks that a project may name as its moderation endpoint: `moderation.lan,10.1.0.0/16`.",
    )
    access_log: bool = _setting(False, "Write one line per request to standard error.")
    log_level: Literal["debug", "info", "warning", "error"] = _setting("info", "Least severe message that is logged.")
    metrics: Literal["off", "open", "token"] = _setting(
        "off", "GET /metrics for Prometheus: `open` to everybody, or `token`: with an organization token."
    )
    otel_endpoint: str | None = _setting(
        None, "OpenTelemetry collector that gets a span per request, by OTLP over HTTP: http://127.0.0.1:4318."
    )
    request_log: Literal["off", "on"] = _setting("off", "Keep the texts of requests and answers for the export.")
    request_log_limit_bytes: int = _setting(32 * 1024, "Longest text that the request log keeps; the rest is cut off.")
    request_log_days: int = _setting(30, "Days after which the request log forgets a text.")
    assistant_model: str = _setting(
        "",
        "Model of an assistant that names none, as provider/model; "
        "empty: openai/gpt-4o-mini where OpenAI has a key, else the best local chat model.",
    )
    assistant_request_days: int = _setting(
        7, "Days for which the answer to a request that an assistant was given to work on can be fetched."
    )
    transcription_model: str = _setting(
        "",
        "Model that writes down what is said in sounds and films of RAG assistants, as provider/model; "
        "empty: the first one of a provider that has a key.",
    )
    search_thread_days: int = _setting(30, "Days for which a conversation with a RAG assistant is kept.")
    limits_webhook: Secret | None = _setting(
        None, "Address that is told by POST when a soft limit is reached: https://... or http://..."
    )
    worker: Literal["auto", "off"] = _setting(
        "auto", "Index documents on this host, in a process beside the server that starts when there is work."
    )
    worker_jobs: int = _setting(2, "Documents that one worker works on at once.")
    access_token_s: float = _setting(540_000.0, "How long an access token of a user is good.")
    refresh_token_s: float = _setting(30 * 24 * 3600.0, "How long a session can be refreshed after its last refresh.")
    password_length: int = _setting(12, "Shortest password that a user may choose.")
    sign_in_attempts: int = _setting(
        10, "Failed sign-ins of one account from one address in 15 minutes, after which more are refused."
    )
    sign_in_by_query: bool = _setting(
        False, "Serve GET /oauth/gam/v2.0/access_token: the password then stands in an address, which proxies log."
    )
    sign_in_hosts: str = _setting(
        "",
        "Hosts to which the sign-in page may lead back by https, beside a program on the user's own: "
        "app.example.com,...",
    )
    public_url: str | None = _setting(
        None, "How this server is reached from outside, for the links that it makes: https://ai.example.com."
    )
    root_token: Secret | None = _setting(
        None, "Token, 32 or more characters, with which /v2/admin/organizations and /v2/users can be called."
    )
    oidc_issuer: str = _setting("", "OpenID Connect issuers whose tokens are accepted: `https://id.example.com,...`.")
    oidc_audience: str = _setting("", "Audiences that such a token must name one of, with commas.")
    oidc_groups_claim: str = _setting("groups", "Claim of such a token with the groups of the user.")
    oidc_roles: str = _setting(
        "",
        "What the groups stand for: `group=Organization/Project/Role`, `group=Organization//Role` or "
        "`group=System Administrator`, with commas.",
    )
    provider_keys: Mapping[str, Secret] = _setting(
        dict, "PORTICO_PROVIDER_<NAME>_API_KEY: the key of a provider, by its name in the catalog."
    )
    provider_urls: Mapping[str, str] = _setting(
        dict,
        "PORTICO_PROVIDER_<NAME>_BASE_URL: where a provider is reached, instead of the catalog's address.",
    )
    provider_hosts: str = _setting(
        "", "Private hosts and networks where organizations may have providers: `llm.lan,10.1.0.0/16`."
    )
    provider_options: Mapping[str, Mapping[str, str]] = _setting(
        dict,
        "PORTICO_PROVIDER_<NAME>_<OPTION>: what else a provider needs, such as a region or a project; see the catalog.",
    )

    @property
    def models(self) -> Path:
        return self.models_dir or self.data_dir / "models"

    @property
    def own_catalog(self) -> Path:
        return self.catalog_dir or self.data_dir / "catalog"

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, **arguments: object) -> Settings:
        """Settings from the environment, overridden by the arguments that are not None. Raises SettingError."""
        env = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        hints = get_type_hints(cls)
        for f in fields(cls):
            raw = env.get(f"PORTICO_{f.name.upper()}")
            if raw is None and f.name in ("port", "data_dir"):
                raw = env.get({"port": "PORT", "data_dir": "DATA"}[f.name])
            if raw is not None and raw.strip():
                values[f.name] = _convert(f.name, hints[f.name], raw.strip())
        values["provider_keys"] = {k: Secret(v) for k, v in _providers(env, "API_KEY").items()}
        values["provider_urls"] = _providers(env, "BASE_URL")
        values["provider_options"] = _provider_options(env)
        values.update({k: v for k, v in arguments.items() if v is not None})
        _check(values)
        values["data_dir"] = Path(values.get("data_dir") or default_data_dir()).expanduser().absolute()
        return cls(**values)


def _providers(env: Mapping[str, str], what: str) -> dict[str, str]:
    """Values of PORTICO_PROVIDER_<NAME>_<what>, keyed by the lower-case name."""
    pattern = re.compile(rf"PORTICO_PROVIDER_(\w+)_{what}")
    found = ((pattern.fullmatch(key), value) for key, value in env.items())
    return {m.group(1).lower(): value.strip() for m, value in found if m and value.strip()}


OPTIONS = (
    "REGION", "LOCATION", "PROJECT", "API_VERSION", "ACCESS_TOKEN", "TOKEN_URL", "TENANT_ID", "CLIENT_ID",
    "CLIENT_SECRET", "TOOL_SCHEMA",
)  # fmt: skip
"""Known names of PORTICO_PROVIDER_<NAME>_<OPTION>; which provider takes which stands in its catalogue entry."""


def _provider_options(env: Mapping[str, str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for option in OPTIONS:
        for name, value in _providers(env, option).items():
            found.setdefault(name, {})[option.lower()] = value
    return found


_NUMBERS: Mapping[str, tuple[float, float]] = {
    "port": (0, 65_535),
    "workers": (1, 1_024),
    "body_limit_bytes": (1, 2**40),
    "request_timeout_s": (0.001, 1e9),
    "first_byte_timeout_s": (0.001, 1e9),
    "gap_timeout_s": (0.001, 1e9),
    "connect_timeout_s": (0.001, 1e9),
    "keep_alive_s": (0.1, 1e9),
    "retries": (0, 100),
    "retry_budget_s": (0, 1e9),
    "breaker_failures": (0, 1e6),
    "breaker_open_s": (0.1, 1e6),
    "shutdown_grace_s": (0, 1e6),
    "request_log_limit_bytes": (1, 16 * 1024 * 1024),
    "request_log_days": (1, 36_500),
    "assistant_request_days": (1, 36_500),
    "cache_ttl_s": (1, 1e9),
    "cache_memory_bytes": (0, 2**50),
    "cache_rows": (0, 1e9),
    "cache_entry_limit_bytes": (0, 2**40),
    "fetch_limit_bytes": (0, 2**40),
    "fetch_timeout_s": (0.1, 1e6),
    "files_limit_bytes": (1, 64 * 1024**3),
    "documents_limit_bytes": (1, 64 * 1024**3),
    "files_temporary_s": (1, 1e9),
    "files_reserve_bytes": (0, 2**50),
    "crawl_pages": (1, 10_000),
    "files_text_timeout_s": (0.1, 1e6),
    "files_text_memory_bytes": (128 * 1024**2, 2**50),
    "local_context": (1, 2**31),
    "local_slots": (1, 1_024),
    "local_queue": (0, 1e6),
    "local_threads": (0, 4_096),
    "local_idle_unload_s": (0, 1e9),
    "worker_jobs": (1, 256),
    "access_token_s": (1, 1e9),
    "refresh_token_s": (1, 1e9),
    "password_length": (8, 128),
    "sign_in_attempts": (1, 1e6),
}
"""Least and greatest value; a silence of 0 s would be broken without end, a timeout of 0 s would end every answer."""


def _check(values: Mapping[str, Any]) -> None:
    """Raises SettingError for what would be understood only at the first request."""
    for name, (least, greatest) in _NUMBERS.items():
        if name in values and not least <= values[name] <= greatest:  # no number at all ("nan") fails, too
            raise SettingError(f"PORTICO_{name.upper()}={values[name]}: write a number from {least:g} to {greatest:g}")
    for name, key in values["provider_keys"].items():
        if not key.startswith("{") and not re.fullmatch(r"[!-~]+", key):  # { is a JSON document: Google's accounts
            raise SettingError(
                f"PORTICO_PROVIDER_{name.upper()}_API_KEY has blanks or other characters that no key has: copy it again"
            )
    if values.get("root_token") and not re.fullmatch(r"[!-~]{32,}", values["root_token"]):
        raise SettingError("PORTICO_ROOT_TOKEN is too short or has blanks: write 32 or more characters")
    if values.get("public_url") and not _is_address(values["public_url"]):
        raise SettingError("PORTICO_PUBLIC_URL is no address: write it like https://ai.example.com")
    issuers = [one.strip() for one in values.get("oidc_issuer", "").split(",") if one.strip()]
    if any(not _is_address(one) for one in issuers):
        raise SettingError("PORTICO_OIDC_ISSUER is no address: write it like https://id.example.com")
    if issuers and not values.get("oidc_audience", "").strip():
        raise SettingError("PORTICO_OIDC_AUDIENCE is missing: write what the issuer's tokens name as `aud`")
    if values.get("otel_endpoint") and not _is_address(values["otel_endpoint"]):
        raise SettingError("PORTICO_OTEL_ENDPOINT is no address: write it like http://127.0.0.1:4318")
    for name, url in values["provider_urls"].items():
        if not _is_address(url):
            raise SettingError(
                f"PORTICO_PROVIDER_{name.upper()}_BASE_URL is no address: write it like https://api.example.com/v1"
            )


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    plain = re.fullmatch(r"[!-~]+", url) is not None and not (parts.query or parts.fragment or parts.username)
    return plain and parts.scheme in ("http", "https") and bool(parts.hostname)


def _convert(name: str, hint: Any, raw: str) -> object:
    label = f"PORTICO_{name.upper()}"
    kinds = [k for k in (get_args(hint) or (hint,)) if k is not type(None)]
    if get_origin(hint) is Literal:
        if raw.lower() not in get_args(hint):
            raise SettingError(f"{label}={raw!r}: write one of {', '.join(get_args(hint))}")
        return raw.lower()
    kind = kinds[0]
    if kind is bool:
        if raw.lower() not in ("1", "0", "true", "false", "yes", "no", "on", "off"):
            raise SettingError(f"{label}={raw!r}: write true or false")
        return raw.lower() in ("1", "true", "yes", "on")
    if kind is Path:
        return Path(raw).expanduser().absolute()
    try:
        return kind(raw)
    except ValueError:
        raise SettingError(f"{label}={raw!r}: write a number") from None
