"""When a token was last used; invitations to projects and organizations, and what became of them."""

from alembic import op

revision = "0013"
down_revision = "0012"

# Apart from the tokens: a row there is announced to every process, and a use is no change of a token.
_TABLES = """
CREATE TABLE token_uses (
    organization_id uuid NOT NULL,
    token_id uuid NOT NULL,
    last_used_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, token_id)
);
"""


def upgrade() -> None:
    op.execute(_TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE token_uses")
