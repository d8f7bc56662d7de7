"""Files of a project: what is known of them; their bytes lie in a folder or a bucket."""

from alembic import op

revision = "0010"
down_revision = "0009"

_TABLES = """
CREATE TABLE files (
    organization_id uuid NOT NULL,
    project_id uuid NOT NULL,
    file_id uuid NOT NULL,
    folder text NOT NULL DEFAULT '',
    name text NOT NULL CHECK (name <> ''),
    extension text NOT NULL DEFAULT '',
    content_type text NOT NULL,
    purpose text NOT NULL DEFAULT '',
    size_bytes bigint NOT NULL,
    sha256 bytea NOT NULL,
    blob text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    PRIMARY KEY (organization_id, project_id, file_id),
    FOREIGN KEY (organization_id, project_id) REFERENCES projects
);
CREATE UNIQUE INDEX files_name ON files (organization_id, project_id, folder, name, extension);
CREATE INDEX files_by_expiry ON files (expires_at) WHERE expires_at IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(_TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE files")
