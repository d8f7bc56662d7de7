"""The worker beside a server: it gets all settings, however they came, and there is one only when there is work."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from portico.server.app.worker_child import environment, is_work_left
from portico.server.ids import OrganizationId, ProjectId
from portico.server.settings import Secret, Settings
from portico.server.storage.database import Database
from portico.server.storage.jobs import insert_job


def test_every_setting_arrives_in_the_worker(tmp_path: Path) -> None:
    given = {
        "PORTICO_PROVIDER_OPENAI_API_KEY": "sk-1",
        "PORTICO_PROVIDER_OPENAI_BASE_URL": "http://127.0.0.1:1/v1",
        "PORTICO_PROVIDER_VERTEX_AI_PROJECT": "p",
        "PORTICO_LOCAL_MODELS": "false",
        "PORTICO_LIMITS_WEBHOOK": "https://hook.example.com",
    }
    settings = Settings.load(given, data_dir=tmp_path, secret_key=Secret("k" * 40), worker_jobs=7, keep_alive_s=0.25)
    ours = {
        "PATH": "/bin",
        "PORT": "1234",
        "PORTICO_WORKER_JOBS": "3",
        "PORTICO_DATABASE_URL": "postgresql://elsewhere",
    }
    made = environment(settings, ours)
    assert made["PATH"] == "/bin" and "PORT" not in made
    again = Settings.load(made)
    for setting in fields(Settings):
        assert getattr(again, setting.name) == getattr(settings, setting.name), setting.name


@pytest.mark.anyio
async def test_a_worker_is_wanted_for_a_job_and_not_without_one(database: Database) -> None:
    assert not await is_work_left(database)
    async with database.begin() as connection:
        organization = OrganizationId("5f0c2f6e-8f0a-4a5e-9b1a-7d6f1c2b3a49")
        await insert_job(connection, organization, ProjectId("5f0c2f6e-8f0a-4a5e-9b1a-7d6f1c2b3a50"), "any", {})
    assert await is_work_left(database)
