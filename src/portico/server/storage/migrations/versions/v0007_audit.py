"""The audit log: one chain of entries per organization, to which only may be added."""

from alembic import op

revision = "0007"
down_revision = "0006"

# No references: an entry is kept whatever became of what it names. The organization of entries about the installation
# itself is the nil UUID.
_TABLES = """
CREATE TABLE audit (
    organization_id uuid NOT NULL,
    sequence bigint NOT NULL,
    at timestamptz NOT NULL,
    actor_kind text NOT NULL,
    actor_id text NOT NULL,
    actor_name text NOT NULL,
    action text NOT NULL,
    kind text NOT NULL,
    target_id text NOT NULL,
    target_name text NOT NULL,
    project_id text NOT NULL,
    request_id text NOT NULL,
    details text NOT NULL,
    previous bytea NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (organization_id, sequence)
);
CREATE INDEX audit_by_project ON audit (organization_id, project_id, sequence);

CREATE FUNCTION portico_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log can only be added to';
END $$;
CREATE TRIGGER audit_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION portico_refuse_change();
"""


def upgrade() -> None:
    op.execute(_TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE audit")
    op.execute("DROP FUNCTION portico_refuse_change")
