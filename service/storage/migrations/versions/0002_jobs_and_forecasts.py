"""Jobs with their leases, and the forecasts that they compute."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _jobs()
    _forecasts()


def downgrade() -> None:
    op.drop_table("forecasts")
    op.drop_table("jobs")


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(36), nullable=False),
        sa.Column("live_key", sa.String(64), nullable=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("stage", sa.String(60), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(36), nullable=True),
        sa.Column("worker", sa.String(200), nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("started_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sa.UniqueConstraint("number", name="uq_jobs_number"),
        sa.UniqueConstraint("live_key", name="uq_jobs_live_key"),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name="ck_jobs_state"
        ),
        sa.CheckConstraint("state <> 'running' OR token IS NOT NULL", name="ck_jobs_running_has_token"),
    )
    op.create_index("ix_jobs_state_number", "jobs", ["state", "number"])


def _forecasts() -> None:
    op.create_table(
        "forecasts",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.String(36), nullable=False),
        sa.Column("draws_hash", sa.String(64), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("scenario_set_id", sa.String(36), nullable=True),
        sa.Column("scenario_set_version", sa.Integer(), nullable=True),
        sa.Column("scenario_set_hash", sa.String(64), nullable=True),
        sa.Column("data_vintage", sa.String(64), nullable=False),
        sa.Column("known_rows", sa.Integer(), nullable=False),
        sa.Column("model_version", sa.String(40), nullable=False),
        sa.Column("warnings", sa.Text(), nullable=False),
        sa.Column("edition_status", sa.String(20), nullable=False),
        sa.Column("created_by", sa.String(200), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_forecasts"),
        sa.UniqueConstraint("number", name="uq_forecasts_number"),
        sa.UniqueConstraint("job_id", name="uq_forecasts_job_id"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_forecasts_job_id"),
    )
    op.create_index("ix_forecasts_scenario_set_id", "forecasts", ["scenario_set_id"])
