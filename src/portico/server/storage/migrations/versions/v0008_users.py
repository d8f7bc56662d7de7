"""People: users of the installation, their sessions, their roles in organizations and projects."""

from alembic import op

revision = "0008"
down_revision = "0007"

# A user belongs to the installation; memberships say where it may act. Roles without a project are the organization's.
_TABLES = """
CREATE TABLE users (
    user_id uuid PRIMARY KEY,
    email text NOT NULL CHECK (email = lower(email) AND email <> ''),
    first_name text NOT NULL DEFAULT '',
    last_name text NOT NULL DEFAULT '',
    password_hash text,
    issuer text NOT NULL DEFAULT '',
    subject text NOT NULL DEFAULT '',
    system_administrator boolean NOT NULL DEFAULT false,
    active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_login_at timestamptz
);
CREATE UNIQUE INDEX users_email ON users (email);
CREATE UNIQUE INDEX users_subject ON users (issuer, subject) WHERE issuer <> '';

CREATE TABLE sessions (
    session_id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    client_id text NOT NULL,
    access_hash bytea NOT NULL UNIQUE,
    refresh_hash bytea NOT NULL UNIQUE,
    scope text NOT NULL DEFAULT '',
    access_expires_at timestamptz NOT NULL,
    refresh_expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    ended_by text NOT NULL DEFAULT ''
);
CREATE INDEX sessions_by_user ON sessions (user_id);

CREATE TABLE spent_refreshes (
    hash bytea PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE
);
CREATE INDEX spent_refreshes_by_session ON spent_refreshes (session_id);

CREATE TABLE sign_in_codes (
    hash bytea PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    client_id text NOT NULL,
    redirect_uri text NOT NULL,
    challenge text NOT NULL,
    scope text NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE TABLE setup_links (
    hash bytea PRIMARY KEY,
    kind text NOT NULL,
    user_id uuid REFERENCES users ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);

CREATE TABLE roles (
    organization_id uuid NOT NULL REFERENCES organizations,
    role_id uuid NOT NULL,
    project_id uuid,
    name text NOT NULL CHECK (name <> ''),
    external_id text NOT NULL,
    type text NOT NULL CHECK (type IN ('Backend', 'Frontend')),
    origin text NOT NULL CHECK (origin IN ('System', 'User')),
    assistants uuid[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, role_id),
    FOREIGN KEY (organization_id, project_id) REFERENCES projects
);
CREATE UNIQUE INDEX roles_name ON roles (organization_id, project_id, lower(name)) NULLS NOT DISTINCT;

CREATE TABLE memberships (
    organization_id uuid NOT NULL,
    role_id uuid NOT NULL,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    granted_by text NOT NULL DEFAULT '',
    granted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, role_id, user_id),
    FOREIGN KEY (organization_id, role_id) REFERENCES roles ON DELETE CASCADE
);
CREATE INDEX memberships_by_user ON memberships (user_id);
"""

# Users and sessions belong to no organization: the payload names the user.
_ANNOUNCE = """
CREATE FUNCTION portico_announce_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('portico_changes', TG_TABLE_NAME || ' ' || COALESCE(NEW.user_id, OLD.user_id));
    RETURN NULL;
END $$;
"""

# What every organization and project made from now on begins with; the subquery gives one id for both columns.
_SYSTEM_ROLES = """
INSERT INTO roles (organization_id, role_id, project_id, name, external_id, type, origin)
SELECT organization_id, id, NULL, name, id::text, 'Backend', 'System' FROM (
    SELECT o.organization_id, gen_random_uuid() AS id, r.name FROM organizations o
    CROSS JOIN (VALUES ('Organization Member'), ('Organization Administrator')) AS r (name)
    WHERE o.deleted_at IS NULL) AS made;
INSERT INTO roles (organization_id, role_id, project_id, name, external_id, type, origin)
SELECT organization_id, id, project_id, name, id::text, type, 'System' FROM (
    SELECT p.organization_id, p.project_id, gen_random_uuid() AS id, r.name, r.type FROM projects p
    CROSS JOIN (VALUES ('Project Member', 'Backend'), ('Project Administrator', 'Backend'),
                       ('Access all Project Assistants', 'Frontend')) AS r (name, type)
    WHERE p.deleted_at IS NULL) AS made;
"""


def upgrade() -> None:
    op.execute(_TABLES)
    op.execute(_SYSTEM_ROLES)
    op.execute(_ANNOUNCE)
    for table in ("roles", "memberships"):
        op.execute(
            f"CREATE TRIGGER {table}_announce AFTER INSERT OR UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION portico_announce()"
        )
    for table in ("users", "sessions"):
        op.execute(
            f"CREATE TRIGGER {table}_announce AFTER INSERT OR UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION portico_announce_user()"
        )


def downgrade() -> None:
    for table in ("memberships", "roles", "sign_in_codes", "setup_links", "spent_refreshes", "sessions", "users"):
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP FUNCTION portico_announce_user")
