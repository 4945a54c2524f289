"""Which acceptance rates are part of an adopted forecast: those that were ready when it was adopted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TABLE = "adopted_rates"
_READY_BY_THEN = f"""
INSERT INTO {_TABLE} (forecast_id, result_hash)
SELECT runs.forecast_id, runs.result_hash FROM acceptance_runs AS runs
JOIN jobs ON jobs.id = runs.job_id JOIN adoptions ON adoptions.forecast_id = runs.forecast_id
WHERE jobs.state = 'succeeded' AND jobs.ended_at <= adoptions.adopted_at AND runs.created_at <= adoptions.adopted_at
"""


def upgrade() -> None:
    op.create_table(
        _TABLE,
        sa.Column("forecast_id", sa.String(36), nullable=False),
        sa.Column("result_hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("forecast_id", name="pk_adopted_rates"),
        sa.ForeignKeyConstraint(
            ["forecast_id"], ["adoptions.forecast_id"], name="fk_adopted_rates_forecast_id"
        ),
    )
    op.execute(_READY_BY_THEN)
    _refuse_changes()


def downgrade() -> None:
    op.drop_table(_TABLE)


def _refuse_changes() -> None:
    """As for the other append-only tables."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {_TABLE}_no_{verb.lower()} BEFORE {verb} ON {_TABLE} "
                f"BEGIN SELECT RAISE(ABORT, '{_TABLE} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE TRIGGER {_TABLE}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {_TABLE} "
        "FOR EACH STATEMENT EXECUTE FUNCTION instroom_append_only()"
    )
