"""Secrets of a project, sealed, and what users said about answers."""

from alembic import op

revision = "0011"
down_revision = "0010"

_TABLES = """
CREATE TABLE secrets (
    organization_id uuid NOT NULL,
    project_id uuid NOT NULL,
    secret_id uuid NOT NULL,
    name text NOT NULL CHECK (name <> ''),
    description text NOT NULL DEFAULT '',
    status text NOT NULL DEFAULT 'active',
    sealed bytea NOT NULL,
    accesses jsonb NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, project_id, secret_id),
    FOREIGN KEY (organization_id, project_id) REFERENCES projects
);
CREATE UNIQUE INDEX secrets_name ON secrets (organization_id, project_id, name);

CREATE TABLE feedback (
    organization_id text NOT NULL,
    request_id text NOT NULL,
    project_id text NOT NULL,
    origin text NOT NULL,
    answer_score smallint NOT NULL CHECK (answer_score IN (1, 2)),
    comments text NOT NULL DEFAULT '',
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, request_id)
);
"""


def upgrade() -> None:
    op.execute(_TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE feedback")
    op.execute("DROP TABLE secrets")
