"""Chunks of documents, their vectors and their words."""

from alembic import op
from sqlalchemy import text

from portico.server.errors import StartError

revision = "0016"
down_revision = "0015"

# Every profile has one index, with a short number that the rows of its chunks carry. A chunk has an ordinal, which is
# never used again; an edition is one revision of one document: the ordinals from `first` on. Of `state`: 0 is being
# made, 1 is searched, 2 is gone, while some segment of words still holds its ordinals. `searched` counts the chunks
# that are found by themselves (parents are not), `words` their terms. What is searched of a chunk is its lead and its
# body, unless `searched` says something else.
# A vector has a table of its own and lies in the row itself, not beside it: a search reads nothing but vectors. The
# words of an edition are first one packed row; merges make one row per term of them.
_TABLES = """
CREATE TABLE search_indexes (
    organization_id uuid NOT NULL,
    project_id uuid NOT NULL,
    profile_id uuid NOT NULL,
    index_id integer GENERATED ALWAYS AS IDENTITY UNIQUE,
    next_ordinal bigint NOT NULL DEFAULT 0,
    chunks bigint NOT NULL DEFAULT 0,
    words bigint NOT NULL DEFAULT 0,
    dimensions integer NOT NULL DEFAULT 0,
    languages text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (organization_id, project_id, profile_id),
    FOREIGN KEY (organization_id, project_id, profile_id)
        REFERENCES search_profiles (organization_id, project_id, profile_id) ON DELETE CASCADE
);
CREATE TABLE editions (
    index_id integer NOT NULL,
    first bigint NOT NULL,
    ordinals integer NOT NULL,
    searched integer NOT NULL,
    words bigint NOT NULL,
    document_id uuid NOT NULL,
    revision integer NOT NULL,
    state smallint NOT NULL DEFAULT 0,
    language text NOT NULL DEFAULT '',
    own_metadata boolean NOT NULL DEFAULT false,
    digest uuid NOT NULL,
    PRIMARY KEY (index_id, first)
);
CREATE INDEX editions_by_document ON editions (index_id, document_id, revision);
CREATE INDEX editions_not_live ON editions (index_id) WHERE state <> 1;
CREATE TABLE chunks (
    index_id integer NOT NULL,
    ordinal bigint NOT NULL,
    document_id uuid NOT NULL,
    digest uuid NOT NULL,
    is_searched boolean NOT NULL,
    parent bigint,
    page integer,
    line_from integer,
    line_to integer,
    heading text NOT NULL DEFAULT '',
    lead text NOT NULL DEFAULT '',
    body text NOT NULL,
    searched text,
    metadata jsonb,
    PRIMARY KEY (index_id, ordinal)
);
CREATE INDEX chunks_by_digest ON chunks (index_id, digest) WHERE is_searched;
CREATE TABLE chunk_vectors (
    index_id integer NOT NULL,
    ordinal bigint NOT NULL,
    embedding halfvec NOT NULL,
    PRIMARY KEY (index_id, ordinal)
) WITH (toast_tuple_target = 8160);
ALTER TABLE chunk_vectors ALTER COLUMN embedding SET STORAGE MAIN;
CREATE TABLE word_segments (
    index_id integer NOT NULL,
    segment bigint GENERATED ALWAYS AS IDENTITY,
    level smallint NOT NULL,
    first bigint,
    entries bigint NOT NULL,
    packed bytea,
    PRIMARY KEY (index_id, segment)
);
ALTER TABLE word_segments ALTER COLUMN packed SET STORAGE EXTERNAL;
CREATE TABLE postings (
    index_id integer NOT NULL,
    term bigint NOT NULL,
    segment bigint NOT NULL,
    entries bytea NOT NULL,
    PRIMARY KEY (index_id, term, segment)
);
ALTER TABLE postings ALTER COLUMN entries SET STORAGE EXTERNAL;
CREATE FUNCTION portico_empty_index() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM editions WHERE index_id = OLD.index_id;
    DELETE FROM chunks WHERE index_id = OLD.index_id;
    DELETE FROM chunk_vectors WHERE index_id = OLD.index_id;
    DELETE FROM word_segments WHERE index_id = OLD.index_id;
    DELETE FROM postings WHERE index_id = OLD.index_id;
    RETURN OLD;
END $$;
CREATE TRIGGER index_emptied BEFORE DELETE ON search_indexes
    FOR EACH ROW EXECUTE FUNCTION portico_empty_index();
"""
_FOUND = "SELECT string_to_array(extversion, '.')::int[] >= ARRAY[0, 8] FROM pg_extension WHERE extname = 'vector'"
_OFFERED = """
SELECT 1 FROM pg_available_extension_versions
WHERE name = 'vector' AND string_to_array(version, '.')::int[] >= ARRAY[0, 8]
  AND (NOT superuser OR trusted OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user))
"""


def upgrade() -> None:
    _need_vectors()
    op.execute(_TABLES)


def _need_vectors() -> None:
    """Raises StartError when the database has no pgvector and cannot be given it."""
    connection = op.get_bind()
    found = connection.scalar(text(_FOUND))
    if found is None and connection.scalar(text(_OFFERED)):
        op.execute("CREATE EXTENSION vector")
    elif not found:
        what = "older than 0.8" if found is False else "not there, or needs a superuser to be created"
        raise StartError(
            f"Portico needs the extension pgvector 0.8 or newer in its database, and it is {what}: install it and "
            "run CREATE EXTENSION vector (or ALTER EXTENSION vector UPDATE), or leave PORTICO_DATABASE_URL out."
        )


def downgrade() -> None:
    for table in ("postings", "word_segments", "chunk_vectors", "chunks", "editions", "search_indexes"):
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP FUNCTION portico_empty_index")
