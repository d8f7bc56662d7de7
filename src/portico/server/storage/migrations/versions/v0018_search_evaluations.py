"""Evaluations of RAG assistants: what was asked, and how good it was."""

from alembic import op

revision = "0018"
down_revision = "0017"

# `questions` and the settings are written once; an answer is written when its question was asked, so that a worker
# that takes over goes on where the last one was. `digest` is that of the questions: only runs of the same questions can
# be compared.
_TABLES = """
CREATE TABLE search_evaluations (
    organization_id uuid NOT NULL,
    project_id uuid NOT NULL,
    profile_id uuid NOT NULL,
    evaluation_id uuid NOT NULL,
    name text NOT NULL DEFAULT '',
    method text NOT NULL,
    k integer NOT NULL,
    status text NOT NULL DEFAULT 'Pending',
    detail text NOT NULL DEFAULT '',
    digest text NOT NULL,
    questions jsonb NOT NULL,
    total integer NOT NULL,
    metrics jsonb,
    settings jsonb NOT NULL DEFAULT '{}',
    created_by text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    PRIMARY KEY (organization_id, project_id, profile_id, evaluation_id),
    FOREIGN KEY (organization_id, project_id, profile_id)
        REFERENCES search_profiles (organization_id, project_id, profile_id) ON DELETE CASCADE
);
CREATE INDEX search_evaluations_by_age
    ON search_evaluations (organization_id, project_id, profile_id, created_at DESC, evaluation_id);
CREATE TABLE search_evaluation_answers (
    organization_id uuid NOT NULL,
    project_id uuid NOT NULL,
    profile_id uuid NOT NULL,
    evaluation_id uuid NOT NULL,
    number integer NOT NULL,
    found text[] NOT NULL,
    latency_ms double precision NOT NULL,
    PRIMARY KEY (organization_id, project_id, profile_id, evaluation_id, number),
    FOREIGN KEY (organization_id, project_id, profile_id, evaluation_id)
        REFERENCES search_evaluations (organization_id, project_id, profile_id, evaluation_id) ON DELETE CASCADE
);
"""


def upgrade() -> None:
    op.execute(_TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE search_evaluation_answers")
    op.execute("DROP TABLE search_evaluations")
