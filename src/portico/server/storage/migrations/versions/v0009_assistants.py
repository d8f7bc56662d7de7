"""Assistants and what their revisions said. A row of a revision is never changed: a new word on it is a new row."""

from alembic import op

revision = "0009"
down_revision = "0008"

# `changes` counts every change of an assistant, its revisions included: processes see by it what to read again.
_TABLES = """
CREATE TABLE assistants (
    organization_id uuid NOT NULL,
    project_id uuid NOT NULL,
    assistant_id uuid NOT NULL,
    type text NOT NULL,
    name text NOT NULL CHECK (name <> ''),
    description text NOT NULL DEFAULT '',
    enabled boolean NOT NULL DEFAULT true,
    intent_id uuid NOT NULL,
    active_revision integer NOT NULL DEFAULT 1,
    last_revision integer NOT NULL DEFAULT 1,
    last_serial integer NOT NULL DEFAULT 1,
    changes integer NOT NULL DEFAULT 0,
    welcome_data text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, project_id, assistant_id),
    FOREIGN KEY (organization_id, project_id) REFERENCES projects
);
CREATE UNIQUE INDEX assistants_name ON assistants (organization_id, project_id, name);

CREATE TABLE assistant_revisions (
    organization_id uuid NOT NULL,
    project_id uuid NOT NULL,
    assistant_id uuid NOT NULL,
    revision_id integer NOT NULL,
    serial integer NOT NULL,
    name text NOT NULL,
    description text NOT NULL DEFAULT '',
    prompt text NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    settings text NOT NULL DEFAULT '{}',
    created_by text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, project_id, assistant_id, revision_id, serial),
    FOREIGN KEY (organization_id, project_id, assistant_id) REFERENCES assistants ON DELETE CASCADE
);
"""


def upgrade() -> None:
    op.execute(_TABLES)
    op.execute(
        "CREATE TRIGGER assistants_announce AFTER INSERT OR UPDATE OR DELETE ON assistants"
        " FOR EACH ROW EXECUTE FUNCTION portico_announce()"
    )


def downgrade() -> None:
    op.execute("DROP TABLE assistant_revisions")
    op.execute("DROP TABLE assistants")
