"""Durable work: what was ordered and not yet taken over by a worker, and the workers that live."""

from alembic import op

revision = "0015"
down_revision = "0014"

# A job is written in the transaction that makes it necessary, so none is lost and none is without its cause. A worker
# takes it over under the same id, and only then it goes from here.
_TABLES = """
CREATE TABLE jobs (
    organization_id uuid NOT NULL,
    project_id uuid NOT NULL,
    job_id uuid NOT NULL,
    name text NOT NULL,
    arguments jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, project_id, job_id)
);
CREATE INDEX jobs_by_project ON jobs (organization_id, project_id, created_at);
CREATE TABLE workers (
    worker_id text PRIMARY KEY,
    host text NOT NULL,
    process integer NOT NULL,
    version text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now()
);
CREATE FUNCTION portico_tell_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('portico_jobs', '');
    RETURN NULL;
END $$;
CREATE TRIGGER jobs_told AFTER INSERT ON jobs FOR EACH STATEMENT EXECUTE FUNCTION portico_tell_jobs();
"""


def upgrade() -> None:
    op.execute(_TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE jobs")
    op.execute("DROP TABLE workers")
    op.execute("DROP FUNCTION portico_tell_jobs")
