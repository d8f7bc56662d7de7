"""Requests to assistants that are answered later: what they gave, until somebody asks. The revision in usage lines."""

from alembic import op

revision = "0012"
down_revision = "0011"

# `seen_at` is written by the process that works on a request, again and again: an old one means that it is gone.
_TABLES = """
CREATE TABLE assistant_requests (
    organization_id uuid NOT NULL,
    project_id uuid NOT NULL,
    request_id text NOT NULL,
    status text NOT NULL,
    provider text NOT NULL DEFAULT '',
    answer text NOT NULL DEFAULT '',
    error_code integer NOT NULL DEFAULT 0,
    error_message text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    PRIMARY KEY (organization_id, project_id, request_id)
);
CREATE INDEX assistant_requests_by_age ON assistant_requests (created_at);
CREATE INDEX assistant_requests_open ON assistant_requests (seen_at) WHERE ended_at IS NULL;
ALTER TABLE usage ADD COLUMN revision integer NOT NULL DEFAULT 0;
"""


def upgrade() -> None:
    op.execute(_TABLES)


def downgrade() -> None:
    op.execute("ALTER TABLE usage DROP COLUMN revision")
    op.execute("DROP TABLE assistant_requests")
