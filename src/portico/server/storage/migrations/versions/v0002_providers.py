"""Provider credentials, catalogue entries and model aliases that are set while the server runs."""

from alembic import op

revision = "0002"
down_revision = "0001"

# No organization: the installation itself. Its changes are announced without a tenant, at which everybody looks at
# everything. `sealed` holds the key and secret options; `tail` is what may be shown of it.
_TABLES = """
CREATE TABLE provider_keys (
    key_id uuid PRIMARY KEY,
    organization_id uuid REFERENCES organizations,
    project_id uuid,
    provider text NOT NULL CHECK (provider <> ''),
    name text NOT NULL DEFAULT '',
    weight integer NOT NULL CHECK (weight > 0),
    base_url text NOT NULL DEFAULT '',
    options jsonb NOT NULL DEFAULT '{}',
    sealed bytea NOT NULL,
    tail text NOT NULL DEFAULT '',
    blocked boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (organization_id, project_id) REFERENCES projects,
    CHECK (project_id IS NULL OR organization_id IS NOT NULL)
);
CREATE INDEX provider_keys_owner ON provider_keys (organization_id, provider);
CREATE UNIQUE INDEX provider_keys_name ON provider_keys (organization_id, project_id, provider, name)
    NULLS NOT DISTINCT WHERE name <> '';

CREATE TABLE model_aliases (
    alias_id uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations,
    project_id uuid,
    name text NOT NULL CHECK (name <> ''),
    targets jsonb NOT NULL,
    strategy text NOT NULL CHECK (strategy IN ('weighted', 'least_busy')),
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (organization_id, project_id) REFERENCES projects
);
CREATE UNIQUE INDEX model_aliases_name ON model_aliases (organization_id, project_id, lower(name)) NULLS NOT DISTINCT;

-- A provider of somebody's own (`model` is empty), or a model of it or of a provider of the catalogue.
CREATE TABLE catalog_entries (
    entry_id uuid PRIMARY KEY,
    organization_id uuid REFERENCES organizations,
    provider text NOT NULL CHECK (provider <> ''),
    model text NOT NULL DEFAULT '',
    entry jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX catalog_entries_name ON catalog_entries (organization_id, lower(provider), model)
    NULLS NOT DISTINCT;
"""


def upgrade() -> None:
    op.execute(_TABLES)
    for table in ("provider_keys", "model_aliases", "catalog_entries"):
        op.execute(
            f"CREATE TRIGGER {table}_announce AFTER INSERT OR UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION portico_announce()"
        )


def downgrade() -> None:
    for table in ("catalog_entries", "model_aliases", "provider_keys"):
        op.execute(f"DROP TABLE {table}")
