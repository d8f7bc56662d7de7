"""Failed sign-ins, counted over all processes: who guesses at a password gains nothing by meeting another worker."""

from alembic import op

revision = "0020"
down_revision = "0019"

# Keyed hashes: people type passwords where the address belongs, and these rows need to be compared only. A `forgiven`
# one counts no more for its account and address together, since the right password came after it.
_TABLES = """
CREATE TABLE failed_sign_ins (
    failure_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account bytea NOT NULL,
    address bytea NOT NULL,
    failed_at timestamptz NOT NULL,
    forgiven boolean NOT NULL DEFAULT false
);
CREATE INDEX failed_sign_ins_by_account ON failed_sign_ins (account, failed_at);
CREATE INDEX failed_sign_ins_by_address ON failed_sign_ins (address, failed_at);
CREATE INDEX failed_sign_ins_by_time ON failed_sign_ins (failed_at);
"""


def upgrade() -> None:
    op.execute(_TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE failed_sign_ins")
