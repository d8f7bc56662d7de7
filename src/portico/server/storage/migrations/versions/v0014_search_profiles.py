"""RAG assistants, called search profiles on the wire, and their documents."""

from alembic import op

revision = "0014"
down_revision = "0013"

# `options` is what was set of searchOptions, indexOptions and welcomeData. `embedding` is what the vectors are made by;
# the first document decides it, and nothing changes it while there are documents. Of a document, `revision` grows with
# every order to index it, and `indexed_revision` is the one whose chunks are searched (0: none).
_TABLES = """
CREATE TABLE search_profiles (
    organization_id uuid NOT NULL,
    project_id uuid NOT NULL,
    profile_id uuid NOT NULL,
    name text NOT NULL,
    description text NOT NULL DEFAULT '',
    status smallint NOT NULL DEFAULT 1,
    options jsonb NOT NULL DEFAULT '{}',
    sealed bytea,
    embedding jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, project_id, profile_id),
    UNIQUE (organization_id, project_id, name),
    FOREIGN KEY (organization_id, project_id) REFERENCES projects (organization_id, project_id)
);
CREATE TABLE documents (
    organization_id uuid NOT NULL,
    project_id uuid NOT NULL,
    profile_id uuid NOT NULL,
    document_id uuid NOT NULL,
    name text NOT NULL,
    extension text NOT NULL,
    content_type text NOT NULL,
    size_bytes bigint NOT NULL,
    sha256 bytea NOT NULL,
    blob text NOT NULL,
    metadata jsonb NOT NULL DEFAULT '{}',
    parameters jsonb NOT NULL DEFAULT '{}',
    revision integer NOT NULL DEFAULT 1,
    indexed_revision integer NOT NULL DEFAULT 0,
    status text NOT NULL DEFAULT 'Unknown',
    detail text NOT NULL DEFAULT '',
    language text NOT NULL DEFAULT '',
    pages integer NOT NULL DEFAULT 0,
    chunks integer NOT NULL DEFAULT 0,
    embedded integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, project_id, profile_id, document_id),
    FOREIGN KEY (organization_id, project_id, profile_id)
        REFERENCES search_profiles (organization_id, project_id, profile_id) ON DELETE CASCADE
);
CREATE INDEX documents_by_age ON documents (organization_id, project_id, profile_id, created_at DESC, document_id);
CREATE INDEX documents_open ON documents (updated_at) WHERE status IN ('Unknown', 'Starting', 'Pending');
CREATE INDEX documents_by_blob ON documents (blob);
CREATE TABLE search_logs (
    organization_id uuid NOT NULL,
    project_id uuid NOT NULL,
    profile_id uuid NOT NULL,
    entry bigint GENERATED ALWAYS AS IDENTITY,
    step text NOT NULL,
    level smallint NOT NULL,
    name text NOT NULL,
    data text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, project_id, profile_id, entry),
    FOREIGN KEY (organization_id, project_id, profile_id)
        REFERENCES search_profiles (organization_id, project_id, profile_id) ON DELETE CASCADE
);
"""
# Every project has one; those that are there already get theirs now.
_DEFAULTS = """
INSERT INTO search_profiles (organization_id, project_id, profile_id, name)
SELECT organization_id, project_id, gen_random_uuid(), 'Default' FROM projects WHERE deleted_at IS NULL
"""


def upgrade() -> None:
    op.execute(_TABLES)
    op.execute(_DEFAULTS)


def downgrade() -> None:
    op.execute("DROP TABLE search_logs")
    op.execute("DROP TABLE documents")
    op.execute("DROP TABLE search_profiles")
