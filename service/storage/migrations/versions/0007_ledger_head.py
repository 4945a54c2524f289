"""The head of the ledger, kept apart from its entries: a last entry removed with all it wrote still shows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ledger_heads",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("entry_hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_heads"),
    )
    op.execute(
        "INSERT INTO ledger_heads (id, sequence, entry_hash) SELECT 1, sequence, entry_hash FROM ledger_entries "
        "WHERE sequence = (SELECT max(sequence) FROM ledger_entries)"
    )


def downgrade() -> None:
    op.drop_table("ledger_heads")
