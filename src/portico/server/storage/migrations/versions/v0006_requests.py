"""What a usage line says beyond counts, and the texts of requests for those who ask to keep them."""

from alembic import op

revision = "0006"
down_revision = "0005"

# In the order of the journal's line.
_COLUMNS = (
    "cache",
    "key_id",
    "provider_request_id",
    "adjusted",
    "audio_in",
    "units",
    "error",
    "saia_req_id",
    "saia_parent_req_id",
    "saia_trace_id",
    "saia_user_id",
    "saia_source",
    "end_user",
    "conversation_id",
    "metadata",
    "assistant",
    "traceparent",
)
_NUMBERS = ("audio_in", "units")

# By organization the export is read newest first, page after page; by project `usage_by_project` serves it.
# Texts have no reference to their line: both come in batches of their own, and either may be first.
_TABLES = """
CREATE INDEX usage_by_organization ON usage (organization_id, at);

CREATE TABLE request_texts (
    organization_id text NOT NULL,
    request_id text NOT NULL,
    project_id text NOT NULL,
    at timestamptz NOT NULL,
    prompt text NOT NULL,
    input_text text NOT NULL,
    output text NOT NULL,
    PRIMARY KEY (organization_id, request_id)
);
CREATE INDEX request_texts_by_age ON request_texts (at);
"""


def upgrade() -> None:
    kinds = ("bigint NOT NULL DEFAULT 0" if name in _NUMBERS else "text NOT NULL DEFAULT ''" for name in _COLUMNS)
    columns = (f"ADD COLUMN {name} {kind}" for name, kind in zip(_COLUMNS, kinds, strict=True))
    op.execute("ALTER TABLE usage " + ", ".join(columns))  # constant defaults: no row is rewritten
    op.execute(_TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE request_texts")
    op.execute("DROP INDEX usage_by_organization")
    op.execute("ALTER TABLE usage " + ", ".join(f"DROP COLUMN {name}" for name in _COLUMNS))
