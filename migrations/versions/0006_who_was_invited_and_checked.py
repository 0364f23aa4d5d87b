"""who was invited, by whom, and whether their control room confirmed them; houses told apart by name"""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "call_back",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("called_by", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_call_back_user_id_user_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_back")),
        sa.UniqueConstraint("user_id", name=op.f("uq_call_back_user_id")),
    )
    op.create_table(
        "invitation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("force_id", sa.Uuid(), nullable=True),
        sa.Column("provider_id", sa.Uuid(), nullable=True),
        sa.Column("collar_number", sa.String(length=20), nullable=True),
        sa.Column("phone_sealed", sa.String(), nullable=True),
        sa.Column("phone_index", sa.String(length=32), nullable=True),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("invited_by", sa.String(length=40), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=40), nullable=True),
        sa.CheckConstraint(
            "role IN ('officer', 'lead', 'provider', 'coordinator', 'oversight')",
            name=op.f("ck_invitation_role_is_known"),
        ),
        sa.CheckConstraint(
            "(phone_sealed IS NULL) = (phone_index IS NULL)",
            name=op.f("ck_invitation_phone_sealed_with_phone_index"),
        ),
        sa.CheckConstraint(
            "(role IN ('officer', 'lead')) = (force_id IS NOT NULL)",
            name=op.f("ck_invitation_officers_have_a_force"),
        ),
        sa.CheckConstraint(
            "(role = 'provider') = (provider_id IS NOT NULL)",
            name=op.f("ck_invitation_house_staff_have_a_provider"),
        ),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_invitation_email_is_lower_case")),
        sa.CheckConstraint(
            "(used_at IS NULL) = (user_id IS NULL)", name=op.f("ck_invitation_used_at_with_user_id")
        ),
        sa.CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_by IS NULL)",
            name=op.f("ck_invitation_withdrawn_at_with_withdrawn_by"),
        ),
        sa.CheckConstraint(
            "used_at IS NULL OR withdrawn_at IS NULL", name=op.f("ck_invitation_used_or_withdrawn")
        ),
        sa.ForeignKeyConstraint(["force_id"], ["force.id"], name=op.f("fk_invitation_force_id_force")),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["provider.id"], name=op.f("fk_invitation_provider_id_provider")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_invitation_user_id_user_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitation_token_hash")),
        sa.UniqueConstraint("user_id", name=op.f("uq_invitation_user_id")),
    )
    still_open = sa.text("used_at IS NULL AND withdrawn_at IS NULL")
    op.create_index(
        "uq_invitation_open",
        "invitation",
        ["email"],
        unique=True,
        sqlite_where=still_open,
        postgresql_where=still_open,
    )
    _each_house_has_a_name_of_its_own()
    op.create_index("uq_premises_name", "premises", ["provider_id", "name"], unique=True)
    _whoever_is_in_was_checked()


def _each_house_has_a_name_of_its_own() -> None:
    # Nothing forbade two of one name: the later ones are numbered, so that they can still be told apart.
    house = sa.table(
        "premises",
        sa.column("id", sa.Uuid()),
        sa.column("provider_id", sa.Uuid()),
        sa.column("name", sa.String()),
    )
    rows = op.get_bind().execute(sa.select(house).order_by(house.c.provider_id, house.c.id)).all()
    taken: set[tuple[object, str]] = {(row.provider_id, row.name) for row in rows}
    seen: set[tuple[object, str]] = set()
    for row in rows:
        if (row.provider_id, row.name) not in seen:
            seen.add((row.provider_id, row.name))
            continue
        numbered = (f"{row.name[:56]} {number}" for number in range(2, len(rows) + 3))
        name = next(name for name in numbered if (row.provider_id, name) not in taken)
        taken.add((row.provider_id, name))
        op.execute(house.update().where(house.c.id == row.id).values(name=name))


def _whoever_is_in_was_checked() -> None:
    # Until now accounts were opened by whoever runs the service, who checked the officer by hand. After a step back and on
    # again there may be others: whoever was invited counts as checked only if the record says that their force was rung.
    person = sa.table(
        "user_account",
        sa.column("id", sa.Uuid()),
        sa.column("role", sa.String()),
        sa.column("created_at", sa.DateTime(timezone=True)),
    )
    call_back = sa.table(
        "call_back",
        sa.column("id", sa.Uuid()),
        sa.column("user_id", sa.Uuid()),
        sa.column("called_at", sa.DateTime(timezone=True)),
        sa.column("called_by", sa.String()),
    )
    event = sa.table(
        "audit_event",
        sa.column("id", sa.Uuid()),
        sa.column("what", sa.String()),
        sa.column("facts", sa.JSON()),
    )
    told = op.get_bind().execute(
        sa.select(event.c.what, event.c.facts)
        .where(event.c.what.in_(["invitation_used", "enable_account", "call_back"]))
        .order_by(event.c.id)
    )
    unchecked: set[str] = set()
    for row in told:
        account = str(row.facts.get("account", ""))
        if row.what == "call_back":
            unchecked.discard(account)
        else:
            unchecked.add(account)
    officers = op.get_bind().execute(
        sa.select(person.c.id, person.c.created_at).where(person.c.role.in_(["officer", "lead"]))
    )
    checked = [
        {"id": uuid.uuid4(), "user_id": row.id, "called_at": row.created_at, "called_by": "operator"}
        for row in officers
        if row.id.hex not in unchecked
    ]
    if checked:
        op.bulk_insert(call_back, checked)


def downgrade() -> None:
    op.drop_index("uq_premises_name", "premises")
    op.drop_table("invitation")
    op.drop_table("call_back")
