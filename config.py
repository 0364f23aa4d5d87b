"""Every setting of the service, read from the environment once, typed, with its unit.

The rule kept: a missing or unsafe setting stops the start and is named; production never falls back to a demonstration value.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import limits


class BadSetting(Exception):
    """A setting is missing or wrong. The message names it, says what is wrong and never repeats its value."""


@dataclass(frozen=True)
class Settings:
    """All settings. Names in capitals are the environment's; times say their unit."""

    POS_ENV: str  # demo | test | production
    DATABASE_URL: str
    POS_SECRET_KEY: str
    POS_FIELD_KEYS: Mapping[str, bytes]  # key id -> 32 bytes; the first seals, all open
    POS_INDEX_KEY: bytes
    POS_PUBLIC_URL: str  # scheme and host this service answers on, without a final slash
    POS_TRUSTED_HOSTS: tuple[str, ...]
    POS_PROXIES: int  # how many proxies in front set X-Forwarded-*

    DUTY_NUMBER: str  # the duty line, as people read it; on every page where somebody may be stuck
    ON_CALL_MOBILE: str  # E.164; gets urgent alerts with everybody else, and those nobody on the rota could

    POS_SMS: str  # simulator | twilio
    TWILIO_ACCOUNT_SID: str
    TWILIO_KEY_SID: str
    TWILIO_KEY_SECRET: str
    TWILIO_AUTH_TOKENS: tuple[str, ...]  # newest first; two while rotating
    TWILIO_FROM: str  # E.164
    TWILIO_API_BASE: str  # empty: Twilio's own
    TWILIO_TIMEOUT_S: int
    TWILIO_BLANK_BODIES: bool  # whether Twilio is told to forget the words of a text once it is over
    POS_SMS_SECOND: str  # none | notify: the supplier for when the first fails
    NOTIFY_API_KEY: str
    NOTIFY_TEMPLATE_ID: str  # of a text template that holds ((body)) and nothing else
    NOTIFY_CALLBACK_TOKEN: str  # what Notify's calls bring with them
    NOTIFY_API_BASE: str  # empty: Notify's own
    SMS_PER_SECOND: int  # texts handed over by all processes together
    SMS_AT_ONCE: int  # texts one process has in hand at a time
    SMS_DAILY_TEXTS: int  # more than so many in 24 hours, and a coordinator hears of it
    TEXT_SILENT_S: int  # after so long without a word of it, a critical text counts as not delivered
    POS_CALLS: bool  # whether telephones are rung when texts do not get through

    POS_SMTP_URL: str  # empty: no e-mail is sent, and links are passed on by hand
    POS_MAIL_FROM: str
    POS_SMTP_TIMEOUT_S: int
    OFFICER_EMAIL_DOMAINS: tuple[
        str, ...
    ]  # of officers' work addresses; each stands for itself and all below it

    ANSWER_WITHIN_MIN: int
    ARRIVE_GRACE_MIN: int
    ARRIVAL_CHECK_MIN: int  # after the ETA
    LATE_STEP_MIN: int
    GATHER_MIN: int  # how long the people of one operation wait to be placed at once
    FAR_AHEAD_H: int  # an ETA further away goes to a coordinator
    STAY_WORKING_DAYS: int
    FRESH_H: int
    STALE_H: int
    CASCADE: int
    LADDER_MIN: tuple[int, ...]
    ROTA_AHEAD_DAYS: int  # how far ahead a gap in the rota is an alert
    CORRECT_WITHIN_MIN: int
    ADDRESS_CONFIRMED_DAYS: int
    ADDRESS_AFTER_ARRIVAL_MIN: int
    PROOF_FRESH_MIN: int
    ATTEST_DAYS: int  # after so long another person has to say again that somebody still needs their account
    ATTEST_GRACE_DAYS: int  # so much later they cannot sign in
    PHONE_VERIFIED_DAYS: int  # after so long a person's mobile is to be confirmed again
    DRAFT_KEEP_H: int
    RETENTION_DAYS: int  # after a referral closes; then all that is sealed of it is erased
    IDLE_MIN: int
    IDLE_HOLDING_MIN: int
    SESSION_MAX_H: int
    SIGN_IN_PER_ACCOUNT: str  # limits notation
    SIGN_IN_PER_SOURCE: str

    @property
    def production(self) -> bool:
        """Whether the strict rules apply."""
        return self.POS_ENV == "production"


# As of November 2026 every territorial force of the UK and British Transport Police write from somewhere below police.uk,
# the older pnn.police.uk among it; nobody but a police body can have a name there.
OFFICERS_AT = "police.uk"
_SMTP = r"smtps?://([^\s@/:]+:[^\s@/]+@)?[A-Za-z0-9.-]+(:\d{1,5})?"
_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*")
_E164 = re.compile(r"^\+[1-9]\d{7,14}$")
_DRAMA = re.compile(r"^\+44(7700900|1134960|2079460|1632960)")


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check the settings.

    `environ` defaults to the process environment. Raises BadSetting naming the first setting that is missing or wrong.
    """
    env = os.environ if environ is None else environ
    kind = _choice(env, "POS_ENV", ("demo", "test", "production"), "")
    strict = kind == "production"

    sms = _choice(env, "POS_SMS", ("simulator", "twilio"), "" if strict else "simulator")
    if strict and sms == "simulator":
        raise BadSetting("POS_SMS: the simulator sends no texts; production needs twilio")
    if strict and env.get("POS_FAILPOINTS"):
        raise BadSetting("POS_FAILPOINTS: failpoints are for tests; unset it")
    twilio = sms == "twilio"
    if not env.get("POS_SMS", "").strip():
        for name in ("TWILIO_ACCOUNT_SID", "TWILIO_KEY_SID", "TWILIO_KEY_SECRET", "TWILIO_AUTH_TOKENS"):
            if env.get(name, "").strip():
                raise BadSetting(
                    f"POS_SMS: is not set, though {name} is: twilio, or simulator to send nothing"
                )
    mail_server = _optional(env, "POS_SMTP_URL", _SMTP, "like smtps://user:password@mail.example.org")

    settings = Settings(
        POS_ENV=kind,
        DATABASE_URL=_database(env, strict=strict),
        POS_SECRET_KEY=_secret(env),
        POS_FIELD_KEYS=_keys(env),
        POS_INDEX_KEY=_key("POS_INDEX_KEY", _need(env, "POS_INDEX_KEY")),
        POS_PUBLIC_URL=_public_url(env, strict=strict),
        POS_TRUSTED_HOSTS=_list(env, "POS_TRUSTED_HOSTS", needed=strict),
        POS_PROXIES=_whole(env, "POS_PROXIES", 0, 0, 5),
        DUTY_NUMBER=_text(
            env, "DUTY_NUMBER", "" if strict else "0113 496 0100", r"[0-9 +()]{8,20}", "a telephone number"
        ),
        ON_CALL_MOBILE=_phone(env, "ON_CALL_MOBILE", "" if strict else "+447700900199", strict=strict),
        POS_SMS=sms,
        TWILIO_ACCOUNT_SID=_text(
            env, "TWILIO_ACCOUNT_SID", None if twilio else "-", r"AC[0-9a-f]{32}|-", "AC and 32 hex digits"
        ),
        TWILIO_KEY_SID=_text(
            env, "TWILIO_KEY_SID", None if twilio else "-", r"(SK|AC)[0-9a-f]{32}|-", "SK and 32 hex digits"
        ),
        TWILIO_KEY_SECRET=_text(
            env, "TWILIO_KEY_SECRET", None if twilio else "-", r"\S+", "the key's secret"
        ),
        TWILIO_AUTH_TOKENS=_list(env, "TWILIO_AUTH_TOKENS", needed=twilio),
        TWILIO_FROM=_phone(env, "TWILIO_FROM", "" if twilio else "+447700900000", strict=strict),
        TWILIO_API_BASE=_api_base(env, "TWILIO_API_BASE"),
        TWILIO_TIMEOUT_S=_whole(env, "TWILIO_TIMEOUT_S", 10, 1, 60),
        TWILIO_BLANK_BODIES=_choice(env, "TWILIO_BLANK_BODIES", ("no", "yes"), "no") == "yes",
        **_second(env, twilio=twilio),
        SMS_AT_ONCE=_whole(env, "SMS_AT_ONCE", 4, 1, 16),
        SMS_PER_SECOND=_whole(env, "SMS_PER_SECOND", 10, 1, 1000),
        SMS_DAILY_TEXTS=_whole(env, "SMS_DAILY_TEXTS", 2000, 1, 100_000),
        # With the 195 s of safety/fallback.py, less than five minutes.
        TEXT_SILENT_S=_whole(env, "TEXT_SILENT_S", 90, 30, 100),
        POS_CALLS=_choice(env, "POS_CALLS", ("yes", "no"), "yes") == "yes",
        POS_SMTP_URL=mail_server,
        POS_MAIL_FROM=_optional(
            env, "POS_MAIL_FROM", r"[^\s@<>]+@[^\s@<>]+", "an email address", needed=bool(mail_server)
        ),
        POS_SMTP_TIMEOUT_S=_whole(env, "POS_SMTP_TIMEOUT_S", 10, 1, 20),
        OFFICER_EMAIL_DOMAINS=_domains(env, OFFICERS_AT if strict else f"{OFFICERS_AT},example"),
        ANSWER_WITHIN_MIN=_whole(env, "ANSWER_WITHIN_MIN", 15, 2, 120),
        ARRIVE_GRACE_MIN=_whole(env, "ARRIVE_GRACE_MIN", 120, 30, 720),
        ARRIVAL_CHECK_MIN=_whole(env, "ARRIVAL_CHECK_MIN", 15, 5, 120),
        LATE_STEP_MIN=_whole(env, "LATE_STEP_MIN", 30, 10, 120),
        GATHER_MIN=_whole(env, "GATHER_MIN", 30, 5, 120),
        FAR_AHEAD_H=_whole(env, "FAR_AHEAD_H", 10, 2, 48),
        STAY_WORKING_DAYS=_whole(env, "STAY_WORKING_DAYS", 3, 1, 30),
        FRESH_H=_whole(env, "FRESH_H", 8, 1, 72),
        STALE_H=_whole(env, "STALE_H", 24, 2, 168),
        CASCADE=_whole(env, "CASCADE", 3, 1, 10),
        LADDER_MIN=tuple(_ladder(env)),
        ROTA_AHEAD_DAYS=_whole(env, "ROTA_AHEAD_DAYS", 7, 1, 28),
        CORRECT_WITHIN_MIN=_whole(env, "CORRECT_WITHIN_MIN", 60, 5, 1440),
        ADDRESS_CONFIRMED_DAYS=_whole(env, "ADDRESS_CONFIRMED_DAYS", 30, 1, 365),
        ADDRESS_AFTER_ARRIVAL_MIN=_whole(env, "ADDRESS_AFTER_ARRIVAL_MIN", 60, 0, 240),
        PROOF_FRESH_MIN=_whole(env, "PROOF_FRESH_MIN", 15, 1, 60),
        ATTEST_DAYS=_whole(env, "ATTEST_DAYS", 90, 7, 730),
        ATTEST_GRACE_DAYS=_whole(env, "ATTEST_GRACE_DAYS", 14, 1, 180),
        PHONE_VERIFIED_DAYS=_whole(env, "PHONE_VERIFIED_DAYS", 90, 1, 365),
        DRAFT_KEEP_H=_whole(env, "DRAFT_KEEP_H", 24, 1, 72),
        RETENTION_DAYS=_whole(env, "RETENTION_DAYS", 30, 1, 365),
        IDLE_MIN=_whole(env, "IDLE_MIN", 15, 2, 60),
        IDLE_HOLDING_MIN=_whole(env, "IDLE_HOLDING_MIN", 120, 15, 480),
        SESSION_MAX_H=_whole(env, "SESSION_MAX_H", 12, 1, 24),
        SIGN_IN_PER_ACCOUNT=env.get("SIGN_IN_PER_ACCOUNT", "5 per minute; 20 per hour"),
        SIGN_IN_PER_SOURCE=env.get("SIGN_IN_PER_SOURCE", "30 per minute; 300 per hour"),
    )
    if settings.POS_INDEX_KEY in settings.POS_FIELD_KEYS.values():
        raise BadSetting("POS_INDEX_KEY: is also one of POS_FIELD_KEYS; it needs a key of its own")
    if settings.TWILIO_KEY_SID.startswith("AC") and settings.TWILIO_KEY_SID != settings.TWILIO_ACCOUNT_SID:
        raise BadSetting("TWILIO_KEY_SID: is of another account than TWILIO_ACCOUNT_SID")
    for name in ("SIGN_IN_PER_ACCOUNT", "SIGN_IN_PER_SOURCE"):
        try:
            limits.parse_many(getattr(settings, name))
        except ValueError as problem:
            raise BadSetting(f"{name}: should be like 5 per minute; 20 per hour") from problem
    if settings.STALE_H <= settings.FRESH_H:
        raise BadSetting("STALE_H: must be longer than FRESH_H")
    return settings


def as_flask(settings: Settings) -> dict[str, Any]:
    """The settings as Flask wants them, with what follows from them for Flask and its extensions."""
    secure = settings.POS_PUBLIC_URL.startswith("https://")
    # hide_parameters: a database error is logged without the values it was about.
    options: dict[str, Any] = {"pool_pre_ping": True, "hide_parameters": True}
    if settings.DATABASE_URL.startswith("postgresql"):
        # A frozen process may not hold the one writer's place: the database ends its transaction after 10 s.
        options["connect_args"] = {
            "connect_timeout": 5,
            "options": "-c lock_timeout=10s -c statement_timeout=20s -c idle_in_transaction_session_timeout=10s",
        }
        options |= {"pool_size": 4, "max_overflow": 4, "pool_timeout": 10}
    return {
        **{field.name: getattr(settings, field.name) for field in fields(settings)},
        "SETTINGS": settings,
        "TESTING": settings.POS_ENV == "test",
        "SECRET_KEY": settings.POS_SECRET_KEY,
        "SQLALCHEMY_DATABASE_URI": settings.DATABASE_URL,
        "SQLALCHEMY_ENGINE_OPTIONS": options,
        "SESSION_COOKIE_NAME": "__Host-session" if secure else "session",
        "SESSION_COOKIE_SECURE": secure,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Strict",
        "WTF_CSRF_TIME_LIMIT": None,  # the token ends with the session; a form left open on the road must still go through
        "TRUSTED_HOSTS": list(settings.POS_TRUSTED_HOSTS) or None,
        "MAX_CONTENT_LENGTH": 64 * 1024,
        "MAX_FORM_PARTS": 200,
    }


def _need(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "").strip()
    if not value:
        raise BadSetting(f"{name}: is not set")
    return value


def _text(env: Mapping[str, str], name: str, default: str | None, pattern: str, wanted: str) -> str:
    value = env.get(name, "").strip() or default or ""
    if not value:
        raise BadSetting(f"{name}: is not set")
    if not re.fullmatch(pattern, value):
        raise BadSetting(f"{name}: should be {wanted}")
    return value


def _optional(env: Mapping[str, str], name: str, pattern: str, wanted: str, *, needed: bool = False) -> str:
    value = env.get(name, "").strip()
    if value and not re.fullmatch(pattern, value):
        raise BadSetting(f"{name}: should be {wanted}")
    if needed and not value:
        raise BadSetting(f"{name}: is not set")
    return value


def _choice(env: Mapping[str, str], name: str, allowed: tuple[str, ...], default: str) -> str:
    value = env.get(name, "").strip() or default
    if value not in allowed:
        raise BadSetting(f"{name}: should be one of {', '.join(allowed)}")
    return value


def _whole(env: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    value = env.get(name, "").strip() or str(default)
    if not re.fullmatch(r"\d{1,6}", value) or not least <= int(value) <= most:
        raise BadSetting(f"{name}: should be a whole number from {least} to {most}")
    return int(value)


def _ladder(env: Mapping[str, str]) -> list[int]:
    value = env.get("LADDER_MIN", "").strip() or "0,5,10,20"
    if not re.fullmatch(r"\d{1,3}(,\d{1,3})*", value):
        raise BadSetting("LADDER_MIN: should be minutes like 0,5,10,20")
    steps = [int(step) for step in value.split(",")]
    if steps != sorted(set(steps)) or steps[0] != 0:
        raise BadSetting("LADDER_MIN: should start at 0 and rise")
    return steps


def _list(env: Mapping[str, str], name: str, *, needed: bool) -> tuple[str, ...]:
    values = tuple(part.strip() for part in env.get(name, "").split(",") if part.strip())
    if needed and not values:
        raise BadSetting(f"{name}: is not set")
    return values


def _domains(env: Mapping[str, str], default: str) -> tuple[str, ...]:
    value = env.get("OFFICER_EMAIL_DOMAINS", "").strip() or default
    domains = tuple(part.strip().lower() for part in value.split(",") if part.strip())
    if not all(_DOMAIN.fullmatch(domain) for domain in domains):
        raise BadSetting("OFFICER_EMAIL_DOMAINS: should be names like police.uk, with commas between")
    return domains


def _phone(env: Mapping[str, str], name: str, default: str, *, strict: bool) -> str:
    value = env.get(name, "").strip() or default
    if not _E164.fullmatch(value):
        raise BadSetting(f"{name}: should be a number like +447…, with country code and no spaces")
    if strict and _DRAMA.match(value):
        raise BadSetting(f"{name}: is one of the numbers Ofcom keeps for drama; nobody would ever answer it")
    return value


def _secret(env: Mapping[str, str]) -> str:
    value = _need(env, "POS_SECRET_KEY")
    if len(value) < 32:
        raise BadSetting("POS_SECRET_KEY: is shorter than 32 characters")
    return value


def _key(name: str, value: str) -> bytes:
    try:
        key = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as problem:
        raise BadSetting(f"{name}: should be 32 bytes in base64") from problem
    if len(key) != 32:
        raise BadSetting(f"{name}: should be 32 bytes in base64")
    return key


def _keys(env: Mapping[str, str]) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for part in _need(env, "POS_FIELD_KEYS").split(","):
        name, _, value = part.strip().partition(":")
        if not re.fullmatch(r"[a-z0-9]{1,8}", name) or name in keys:
            raise BadSetting("POS_FIELD_KEYS: should be id:key pairs, each id different, like a:…,b:…")
        keys[name] = _key("POS_FIELD_KEYS", value)
    return keys


def _database(env: Mapping[str, str], *, strict: bool) -> str:
    url = _need(env, "DATABASE_URL")
    url = re.sub(r"^postgres(ql)?(\+psycopg)?://", "postgresql+psycopg://", url)
    if not url.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise BadSetting("DATABASE_URL: should start with sqlite:/// or postgresql://")
    if strict and url in ("sqlite://", "sqlite:///", "sqlite:///:memory:"):
        raise BadSetting("DATABASE_URL: a database in memory forgets everything")
    return url


_UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def _second(env: Mapping[str, str], *, twilio: bool) -> dict[str, str]:
    """The second supplier's settings: all of them or none."""
    wanted = _choice(env, "POS_SMS_SECOND", ("none", "notify"), "none")
    names = ("NOTIFY_API_KEY", "NOTIFY_TEMPLATE_ID", "NOTIFY_CALLBACK_TOKEN")
    if wanted == "none":
        for name in (*names, "NOTIFY_API_BASE"):
            if env.get(name, "").strip():
                raise BadSetting(f"POS_SMS_SECOND: is not notify, though {name} is set")
        return {"POS_SMS_SECOND": wanted, "NOTIFY_API_BASE": "", **dict.fromkeys(names, "")}
    if not twilio:
        raise BadSetting("POS_SMS_SECOND: stands in for twilio, which POS_SMS does not name")
    return {
        "POS_SMS_SECOND": wanted,
        "NOTIFY_API_KEY": _text(
            env,
            "NOTIFY_API_KEY",
            None,
            rf"\S+-{_UUID}-{_UUID}",
            "a whole key: its name and two ids, with - between",
        ),
        "NOTIFY_TEMPLATE_ID": _text(env, "NOTIFY_TEMPLATE_ID", None, _UUID, "the id of the template"),
        "NOTIFY_CALLBACK_TOKEN": _text(
            env, "NOTIFY_CALLBACK_TOKEN", None, r"[!-~]{20,200}", "20 to 200 letters, figures and signs"
        ),
        "NOTIFY_API_BASE": _api_base(env, "NOTIFY_API_BASE"),
    }


def _api_base(env: Mapping[str, str], name: str) -> str:
    base = env.get(name, "").strip().rstrip("/")
    if base and not re.fullmatch(r"https?://[^/\s]+", base):
        raise BadSetting(f"{name}: should be empty, or scheme and host like https://proxy.example")
    return base


def _public_url(env: Mapping[str, str], *, strict: bool) -> str:
    url = (env.get("POS_PUBLIC_URL", "").strip() or ("" if strict else "http://localhost:8000")).rstrip("/")
    if not re.fullmatch(r"https?://[^/\s]+", url):
        raise BadSetting("POS_PUBLIC_URL: should be the scheme and host people use, like https://example.org")
    if strict and not url.startswith("https://"):
        raise BadSetting("POS_PUBLIC_URL: production needs https")
    return url
