"""Tables and the promises the database keeps. One file a noun; everything is importable from here."""

from safety.models.alerts import Alert, AlertKind
from safety.models.asks import Ask
from safety.models.audit import AuditEvent, Seal
from safety.models.duty import Digest, Shift
from safety.models.jobs import Heartbeat, Lease, RateLimit
from safety.models.messages import (
    Channel,
    Inbound,
    MessageState,
    Receipt,
    SimulatedEmail,
    SimulatedText,
    SupplierError,
    Text,
    TextDifference,
)
from safety.models.people import (
    CallBack,
    Force,
    Invitation,
    Letter,
    LetterKind,
    PasswordLink,
    PhoneCode,
    SignIn,
    User,
)
from safety.models.placements import AddressOpening, Placement
from safety.models.premises import (
    BedReport,
    Bedspace,
    Cohort,
    Contact,
    Group,
    OutOfService,
    Premises,
    Provider,
)
from safety.models.referrals import Draft, KeepApart, Operation, Referral, UnmetNeed

__all__ = [
    "AddressOpening",
    "Alert",
    "AlertKind",
    "Ask",
    "AuditEvent",
    "BedReport",
    "Bedspace",
    "CallBack",
    "Channel",
    "Cohort",
    "Contact",
    "Digest",
    "Draft",
    "Force",
    "Group",
    "Heartbeat",
    "Inbound",
    "Invitation",
    "KeepApart",
    "Lease",
    "Letter",
    "LetterKind",
    "MessageState",
    "Operation",
    "OutOfService",
    "PasswordLink",
    "PhoneCode",
    "Placement",
    "Premises",
    "Provider",
    "RateLimit",
    "Receipt",
    "Referral",
    "Seal",
    "Shift",
    "SignIn",
    "SimulatedEmail",
    "SimulatedText",
    "SupplierError",
    "Text",
    "TextDifference",
    "UnmetNeed",
    "User",
]
