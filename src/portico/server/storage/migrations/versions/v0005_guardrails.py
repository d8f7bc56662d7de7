"""What each project checks of what goes to a model and of what comes back."""

from alembic import op

revision = "0005"
down_revision = "0004"

_TABLES = """
CREATE TABLE guardrails (
    organization_id uuid NOT NULL,
    project_id uuid NOT NULL,
    settings text NOT NULL,
    sealed_key bytea,
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, project_id),
    FOREIGN KEY (organization_id, project_id) REFERENCES projects
);
CREATE TRIGGER guardrails_announce AFTER INSERT OR UPDATE OR DELETE ON guardrails
    FOR EACH ROW EXECUTE FUNCTION portico_announce();
"""


def upgrade() -> None:
    op.execute(_TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE guardrails")
