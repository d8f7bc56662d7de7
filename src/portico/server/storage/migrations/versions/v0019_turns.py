"""Which run of the workers is at fault when they die: the turns that each has had without coming further."""

from alembic import op

revision = "0019"
down_revision = "0018"

# A row is there while a run is under way; `steps` are those that the run had done when its last turn began. The states
# of a profile's documents are counted by the index alone.
_TABLES = """
CREATE TABLE turns (
    run_id text PRIMARY KEY,
    turns integer NOT NULL,
    steps integer NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX documents_by_status ON documents (organization_id, project_id, profile_id, status);
"""


def upgrade() -> None:
    op.execute(_TABLES)


def downgrade() -> None:
    op.execute("DROP INDEX documents_by_status")
    op.execute("DROP TABLE turns")
