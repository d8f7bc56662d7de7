"""Organizations, projects, tokens, the check value of the installation key, usage, and the announcement of changes."""

from alembic import op

revision = "0001"
down_revision = None

_TABLES = """
CREATE TABLE installation (
    id smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    key_check bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE organizations (
    organization_id uuid PRIMARY KEY,
    name text NOT NULL CHECK (name <> ''),
    created_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);
CREATE UNIQUE INDEX organizations_name ON organizations (name) WHERE deleted_at IS NULL;

CREATE TABLE projects (
    organization_id uuid NOT NULL REFERENCES organizations,
    project_id uuid NOT NULL,
    name text NOT NULL CHECK (name <> ''),
    description text NOT NULL DEFAULT '',
    active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    PRIMARY KEY (organization_id, project_id)
);
CREATE UNIQUE INDEX projects_name ON projects (organization_id, name) WHERE deleted_at IS NULL;

CREATE TABLE tokens (
    organization_id uuid NOT NULL REFERENCES organizations,
    token_id uuid NOT NULL,
    project_id uuid,
    name text NOT NULL CHECK (name <> ''),
    description text NOT NULL DEFAULT '',
    hash bytea NOT NULL CHECK (length(hash) = 32),
    blocked boolean NOT NULL DEFAULT false,
    first_start boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    PRIMARY KEY (organization_id, token_id),
    UNIQUE (organization_id, hash),
    FOREIGN KEY (organization_id, project_id) REFERENCES projects
);
CREATE UNIQUE INDEX tokens_name ON tokens (organization_id, project_id, name) NULLS NOT DISTINCT
    WHERE revoked_at IS NULL;

-- No references: a usage line is kept whatever became of what it names. Columns in the order of the journal's line.
CREATE TABLE usage (
    request_id text PRIMARY KEY,
    organization_id text NOT NULL,
    project_id text NOT NULL,
    token_id text NOT NULL,
    at timestamptz NOT NULL,
    operation text NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    target text NOT NULL,
    stream boolean NOT NULL,
    status text NOT NULL,
    http_status integer NOT NULL,
    attempts integer NOT NULL,
    first_byte_ms double precision NOT NULL,
    total_ms double precision NOT NULL,
    finish_reason text NOT NULL,
    input_uncached bigint NOT NULL,
    cache_read bigint NOT NULL,
    cache_write_5m bigint NOT NULL,
    cache_write_1h bigint NOT NULL,
    output_visible bigint NOT NULL,
    reasoning bigint NOT NULL,
    audio bigint NOT NULL,
    images bigint NOT NULL,
    estimated boolean NOT NULL,
    cost_picousd bigint NOT NULL
);
CREATE INDEX usage_by_project ON usage (organization_id, project_id, at);
"""

# A trigger and not the code that writes: a row changed by hand in psql reaches every process as well.
_ANNOUNCE = """
CREATE FUNCTION portico_announce() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('portico_changes', TG_TABLE_NAME || ' ' || COALESCE(NEW.organization_id, OLD.organization_id));
    RETURN NULL;
END $$;
"""


def upgrade() -> None:
    op.execute(_TABLES)
    op.execute(_ANNOUNCE)
    for table in ("organizations", "projects", "tokens"):
        op.execute(
            f"CREATE TRIGGER {table}_announce AFTER INSERT OR UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION portico_announce()"
        )


def downgrade() -> None:
    for table in ("usage", "tokens", "projects", "organizations", "installation"):
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP FUNCTION portico_announce")
