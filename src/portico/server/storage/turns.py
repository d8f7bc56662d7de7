"""How many turns each run of the workers has had without coming further: who may have ended its worker so often.

A turn is counted when it begins, so that a worker that is killed in it need not say anything. A run that has recorded a
step since its last turn began is counted anew. The tables of the engine must be there.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# What the engine has recorded is the truth: a worker may die between a step and anything that we would say of it.
_STEPS = "(SELECT count(*) FROM dbos.operation_outputs WHERE workflow_uuid = :run)"
_FIND = text(f"SELECT CASE WHEN steps < {_STEPS} THEN 0 ELSE turns END FROM turns WHERE run_id = :run")
_ADD = text(
    f"INSERT INTO turns (run_id, turns, steps) VALUES (:run, 1, {_STEPS}) ON CONFLICT (run_id) DO UPDATE SET"
    " turns = CASE WHEN turns.steps < excluded.steps THEN 1 ELSE turns.turns + 1 END,"
    " steps = excluded.steps, taken_at = now()"
)
_GIVE_BACK = text("UPDATE turns SET turns = turns - 1 WHERE run_id = :run AND turns > 0")
_CLEAR = text("UPDATE turns SET turns = 0 WHERE run_id = :run")
_DELETE = text("DELETE FROM turns WHERE run_id = :run")
_FORGET = text(
    "DELETE FROM turns t WHERE NOT EXISTS (SELECT FROM dbos.workflow_status w WHERE w.workflow_uuid = t.run_id"
    " AND w.status IN ('PENDING', 'ENQUEUED', 'DELAYED'))"
)


async def count_turns(connection: AsyncConnection, run_id: str) -> int:
    """Without a step further, up to now."""
    return int(await connection.scalar(_FIND, {"run": run_id}) or 0)


async def add_turn(connection: AsyncConnection, run_id: str) -> None:
    """One more begins."""
    await connection.execute(_ADD, {"run": run_id})


async def give_turn_back(connection: AsyncConnection, run_id: str) -> None:
    """The turn ended in good order, before the run did."""
    await connection.execute(_GIVE_BACK, {"run": run_id})


async def clear_turns(connection: AsyncConnection, run_id: str) -> None:
    """The run has come further without a step: neither this turn nor those before it count."""
    await connection.execute(_CLEAR, {"run": run_id})


async def delete_turns(connection: AsyncConnection, run_id: str) -> None:
    """The run is over."""
    await connection.execute(_DELETE, {"run": run_id})


async def forget_ended_turns(connection: AsyncConnection) -> int:
    """Deletes what was left of runs that are over, however they ended; how many. Needs the tables of the engine."""
    return (await connection.execute(_FORGET)).rowcount
