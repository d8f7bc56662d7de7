"""Conversations with RAG assistants."""

from alembic import op

revision = "0017"
down_revision = "0016"

# `thread_id` is the caller's own name of it; `turns` are the last messages, oldest first: [{"role", "content"}].
_TABLES = """
CREATE TABLE search_threads (
    organization_id uuid NOT NULL,
    project_id uuid NOT NULL,
    profile_id uuid NOT NULL,
    thread_id text NOT NULL,
    turns jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, project_id, profile_id, thread_id),
    FOREIGN KEY (organization_id, project_id, profile_id)
        REFERENCES search_profiles (organization_id, project_id, profile_id) ON DELETE CASCADE
);
CREATE INDEX search_threads_by_age ON search_threads (updated_at);
"""


def upgrade() -> None:
    op.execute(_TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE search_threads")
