"""Which acceptance rates are part of an adopted forecast: those that were ready when it was adopted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_READY_BY_THEN = """
UPDATE adoptions SET rates_hash = (
    SELECT runs.result_hash FROM acceptance_runs AS runs JOIN jobs ON jobs.id = runs.job_id
    WHERE runs.forecast_id = adoptions.forecast_id AND jobs.state = 'succeeded'
    AND jobs.ended_at <= adoptions.adopted_at AND runs.created_at <= adoptions.adopted_at
)
"""


def upgrade() -> None:
    op.add_column("adoptions", sa.Column("rates_hash", sa.String(64), nullable=True))
    op.execute(_READY_BY_THEN)


def downgrade() -> None:
    with op.batch_alter_table("adoptions") as table:
        table.drop_column("rates_hash")
