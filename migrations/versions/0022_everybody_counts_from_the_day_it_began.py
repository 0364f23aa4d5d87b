"""whoever has an account is spoken for from the day on which that is first asked"""

import datetime as dt

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Nobody could speak for anybody before 0018. Counted from when it was made, an account of last year would be shut at the
    # next sign-in, by night and to everybody at once; counted from now, it stands on the page of those who are due in time.
    account = sa.table(
        "user_account",
        sa.column("attested_at", sa.DateTime(timezone=True)),
        sa.column("attested_by", sa.String()),
    )
    utc = dt.datetime.now(dt.UTC)  # noqa: TID251 - once, by whoever updates; no row says when that is
    now = utc if op.get_bind().dialect.name == "postgresql" else utc.replace(tzinfo=None)
    op.execute(
        account.update()
        .where(account.c.attested_at.is_(None))
        .values(attested_at=now, attested_by="operator")
    )


def downgrade() -> None:
    pass
