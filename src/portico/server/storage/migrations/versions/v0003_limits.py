"""Usage limits, per-minute rates, and the leases of both: what each worker holds and has spent of an account."""

from alembic import op

revision = "0003"
down_revision = "0002"

# Amounts are whole numbers: 1e-12 USD, requests or tokens. The account of a limit has the limit's id.
_TABLES = """
CREATE TABLE usage_limits (
    organization_id uuid NOT NULL REFERENCES organizations,
    limit_id uuid NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY,
    project_id uuid,
    subscription_type text NOT NULL CHECK (subscription_type IN ('Freemium', 'Daily', 'Weekly', 'Monthly')),
    usage_unit text NOT NULL CHECK (usage_unit IN ('Requests', 'Cost')),
    soft numeric(38, 0) NOT NULL CHECK (soft >= 0),
    hard numeric(38, 0) NOT NULL CHECK (hard > 0),
    renewable boolean NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_until timestamptz,
    cancelled_at timestamptz,
    expired_at timestamptz,
    soft_told_at timestamptz,
    latest boolean NOT NULL DEFAULT true,
    PRIMARY KEY (organization_id, limit_id),
    FOREIGN KEY (organization_id, project_id) REFERENCES projects,
    CHECK (soft <= hard)
);
CREATE UNIQUE INDEX usage_limits_current ON usage_limits (organization_id, project_id) NULLS NOT DISTINCT
    WHERE cancelled_at IS NULL AND expired_at IS NULL;
-- What every process keeps in memory, however long the history is.
CREATE UNIQUE INDEX usage_limits_latest ON usage_limits (organization_id, project_id) NULLS NOT DISTINCT WHERE latest;
CREATE INDEX usage_limits_history ON usage_limits (organization_id, project_id, number DESC);

CREATE TABLE usage_rates (
    organization_id uuid NOT NULL REFERENCES organizations,
    rate_id uuid NOT NULL,
    project_id uuid NOT NULL,
    token_id uuid,
    requests_per_minute bigint CHECK (requests_per_minute > 0),
    tokens_per_minute bigint CHECK (tokens_per_minute > 0),
    PRIMARY KEY (organization_id, rate_id),
    FOREIGN KEY (organization_id, project_id) REFERENCES projects,
    FOREIGN KEY (organization_id, token_id) REFERENCES tokens
);
CREATE UNIQUE INDEX usage_rates_whose ON usage_rates (organization_id, project_id, token_id) NULLS NOT DISTINCT;

-- used + reserved <= hard. `passing`: the allowance of one minute, gone when the minute is over.
CREATE TABLE lease_accounts (
    organization_id uuid NOT NULL,
    account_id uuid NOT NULL,
    hard numeric(38, 0) NOT NULL,
    used numeric(38, 0) NOT NULL DEFAULT 0,
    reserved numeric(38, 0) NOT NULL DEFAULT 0,
    closes_at timestamptz,
    emptied boolean NOT NULL DEFAULT false,
    passing boolean NOT NULL DEFAULT false,
    PRIMARY KEY (organization_id, account_id)
) WITH (fillfactor = 50);
CREATE INDEX lease_accounts_passing ON lease_accounts (closes_at) WHERE passing;

-- Totals since the worker began, so that a report which is sent twice counts once. granted - spent is what it holds,
-- `held` the part of it that stands behind requests under way.
CREATE TABLE leases (
    organization_id uuid NOT NULL,
    account_id uuid NOT NULL,
    worker_id uuid NOT NULL,
    granted numeric(38, 0) NOT NULL,
    spent numeric(38, 0) NOT NULL,
    held numeric(38, 0) NOT NULL,
    PRIMARY KEY (organization_id, account_id, worker_id),
    FOREIGN KEY (organization_id, account_id) REFERENCES lease_accounts ON DELETE CASCADE
) WITH (fillfactor = 50);
CREATE INDEX leases_by_worker ON leases (worker_id);

CREATE TABLE lease_workers (
    worker_id uuid PRIMARY KEY,
    seen_at timestamptz NOT NULL DEFAULT now(),
    lost boolean NOT NULL DEFAULT false
);
"""

# One round trip for all accounts of a worker: reports, gives back and takes. Rows are locked in the order of their ids.
_LEASE = """
CREATE FUNCTION portico_lease(
    p_worker uuid, p_organizations uuid[], p_accounts uuid[], p_opens numeric[], p_closes timestamptz[],
    p_spends numeric[], p_keeps numeric[], p_helds numeric[], p_needs numeric[], p_leasts numeric[], p_aheads numeric[]
) RETURNS TABLE (
    o_account uuid, o_granted numeric, o_used numeric, o_hard numeric, o_free numeric, o_idle numeric, o_emptied boolean
) LANGUAGE plpgsql AS $$
DECLARE
    i integer;
    a lease_accounts;
    l leases;
    v_spent numeric;
    v_base numeric;
    v_free numeric;
    v_grant numeric;
BEGIN
    INSERT INTO lease_workers AS w (worker_id) VALUES (p_worker)
        ON CONFLICT (worker_id) DO UPDATE SET seen_at = now(), lost = false
        WHERE w.lost OR w.seen_at < now() - interval '5 seconds';
    FOR i IN SELECT n FROM generate_subscripts(p_accounts, 1) AS n ORDER BY p_organizations[n], p_accounts[n] LOOP
        IF p_opens[i] IS NOT NULL THEN
            INSERT INTO lease_accounts (organization_id, account_id, hard, closes_at, passing)
                VALUES (p_organizations[i], p_accounts[i], p_opens[i], p_closes[i], true) ON CONFLICT DO NOTHING;
        END IF;
        SELECT * INTO a FROM lease_accounts
            WHERE organization_id = p_organizations[i] AND account_id = p_accounts[i] FOR UPDATE;
        CONTINUE WHEN NOT FOUND;
        SELECT * INTO l FROM leases
            WHERE organization_id = a.organization_id AND account_id = a.account_id AND worker_id = p_worker;
        IF NOT FOUND THEN
            l.granted := 0;
            l.spent := 0;
        END IF;
        v_spent := greatest(p_spends[i], l.spent);
        v_base := greatest(least(p_keeps[i], l.granted), v_spent);
        a.used := a.used + v_spent - l.spent;
        a.reserved := a.reserved - (l.granted - l.spent) + (v_base - v_spent);
        v_free := CASE WHEN a.closes_at <= clock_timestamp() THEN 0 ELSE a.hard - a.used - a.reserved END;
        v_grant := CASE
            WHEN v_free < 0 THEN 0
            WHEN v_free >= p_needs[i] THEN p_needs[i] + least(p_aheads[i], div(v_free - p_needs[i], 8))
            WHEN v_free >= p_leasts[i] THEN v_free
            ELSE 0 END;
        o_idle := 0;
        IF p_needs[i] > 0 THEN
            IF v_grant > 0 THEN
                a.emptied := false;
            ELSIF a.hard - a.used < p_leasts[i] THEN
                a.emptied := true;
            END IF;
            IF v_grant < p_needs[i] THEN
                SELECT coalesce(sum(granted - spent - held), 0) INTO o_idle FROM leases
                    WHERE organization_id = a.organization_id AND account_id = a.account_id AND worker_id <> p_worker;
                IF o_idle > 0 THEN
                    PERFORM pg_notify('portico_changes', 'lease_accounts ' || a.organization_id);
                END IF;
            END IF;
        END IF;
        a.reserved := a.reserved + v_grant;
        UPDATE lease_accounts SET used = a.used, reserved = a.reserved, emptied = a.emptied
            WHERE organization_id = a.organization_id AND account_id = a.account_id;
        INSERT INTO leases VALUES (a.organization_id, a.account_id, p_worker, v_base + v_grant, v_spent, p_helds[i])
            ON CONFLICT (organization_id, account_id, worker_id)
            DO UPDATE SET granted = excluded.granted, spent = excluded.spent, held = excluded.held;
        o_account := a.account_id;
        o_granted := v_base + v_grant;
        o_used := a.used;
        o_hard := a.hard;
        o_free := greatest(v_free - v_grant, 0);
        o_emptied := a.emptied;
        RETURN NEXT;
    END LOOP;
END $$;

-- The end of a worker, told by itself or by who found its records: what it spent is counted, the rest comes back.
CREATE FUNCTION portico_lease_end(p_worker uuid, p_accounts uuid[], p_spends numeric[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    l leases;
    v_spent numeric;
BEGIN
    FOR l IN SELECT * FROM leases WHERE worker_id = p_worker ORDER BY organization_id, account_id LOOP
        PERFORM 1 FROM lease_accounts
            WHERE organization_id = l.organization_id AND account_id = l.account_id FOR UPDATE;
        DELETE FROM leases WHERE organization_id = l.organization_id AND account_id = l.account_id
            AND worker_id = p_worker RETURNING * INTO l;
        CONTINUE WHEN NOT FOUND;
        v_spent := greatest(l.spent, coalesce(p_spends[array_position(p_accounts, l.account_id)], 0));
        UPDATE lease_accounts SET used = used + v_spent - l.spent, reserved = reserved - (l.granted - l.spent)
            WHERE organization_id = l.organization_id AND account_id = l.account_id;
    END LOOP;
    DELETE FROM lease_workers WHERE worker_id = p_worker;
END $$;

-- Workers that nobody has heard of for so long: what they hold comes back, what they have reported stays, and their
-- rows stay too, so that records which turn up later are still counted, once.
CREATE FUNCTION portico_lease_reap(p_after interval) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    l leases;
    v_lost uuid[];
BEGIN
    DELETE FROM lease_accounts WHERE passing AND closes_at < now() - interval '5 minutes';
    SELECT array_agg(worker_id) INTO v_lost FROM (
        SELECT worker_id FROM lease_workers WHERE NOT lost AND seen_at < now() - p_after FOR UPDATE SKIP LOCKED) AS w;
    IF v_lost IS NULL THEN
        RETURN 0;
    END IF;
    FOR l IN SELECT * FROM leases WHERE worker_id = ANY (v_lost) ORDER BY organization_id, account_id LOOP
        PERFORM 1 FROM lease_accounts
            WHERE organization_id = l.organization_id AND account_id = l.account_id FOR UPDATE;
        SELECT * INTO l FROM leases
            WHERE organization_id = l.organization_id AND account_id = l.account_id AND worker_id = l.worker_id;
        CONTINUE WHEN NOT FOUND;
        UPDATE lease_accounts SET reserved = reserved - (l.granted - l.spent)
            WHERE organization_id = l.organization_id AND account_id = l.account_id;
        UPDATE leases SET granted = spent, held = 0
            WHERE organization_id = l.organization_id AND account_id = l.account_id AND worker_id = l.worker_id;
    END LOOP;
    UPDATE lease_workers SET lost = true WHERE worker_id = ANY (v_lost);
    RETURN array_length(v_lost, 1);
END $$;
"""


def upgrade() -> None:
    op.execute(_TABLES)
    op.execute(_LEASE)
    for table, columns in (
        ("usage_limits", "UPDATE OF soft, hard, renewable, valid_until, cancelled_at, expired_at"),
        ("usage_rates", "UPDATE"),
    ):
        op.execute(
            f"CREATE TRIGGER {table}_announce AFTER INSERT OR DELETE OR {columns} ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION portico_announce()"
        )


def downgrade() -> None:
    op.execute("DROP FUNCTION portico_lease_reap, portico_lease_end, portico_lease")
    for table in ("lease_workers", "leases", "lease_accounts", "usage_rates", "usage_limits"):
        op.execute(f"DROP TABLE {table}")
