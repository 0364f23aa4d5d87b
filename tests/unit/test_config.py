"""A bad setting stops the start and is named, and its value is never repeated."""

from __future__ import annotations

import base64

import pytest

import config

GOOD = {
    "POS_ENV": "production",
    "DATABASE_URL": "postgresql://places@db.example/places",
    "POS_SECRET_KEY": "k" * 40,
    "POS_FIELD_KEYS": "a:" + base64.b64encode(b"a" * 32).decode(),
    "POS_INDEX_KEY": base64.b64encode(b"i" * 32).decode(),
    "POS_PUBLIC_URL": "https://places.example",
    "POS_TRUSTED_HOSTS": "places.example",
    "DUTY_NUMBER": "0300 123 4567",
    "ON_CALL_MOBILE": "+447400123456",
    "POS_SMS": "twilio",
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_KEY_SID": "SK" + "0" * 32,
    "TWILIO_KEY_SECRET": "hidden-secret",
    "TWILIO_AUTH_TOKENS": "hidden-token",
    "TWILIO_FROM": "+447400123457",
}
BAD = [
    ("POS_ENV", ""),
    ("POS_ENV", "live"),
    ("DATABASE_URL", ""),
    ("DATABASE_URL", "mysql://hidden@db"),
    ("DATABASE_URL", "sqlite:///:memory:"),
    ("POS_SECRET_KEY", "short-hidden"),
    ("POS_FIELD_KEYS", "hidden"),
    ("POS_FIELD_KEYS", "a:" + base64.b64encode(b"hidden").decode()),
    ("POS_INDEX_KEY", "hidden!"),
    ("POS_INDEX_KEY", base64.b64encode(b"a" * 32).decode()),
    ("POS_PUBLIC_URL", "http://places.example"),
    ("POS_PUBLIC_URL", ""),
    ("OFFICER_EMAIL_DOMAINS", "@hidden.uk"),
    ("POS_SMTP_URL", "http://hidden"),
    ("POS_SMTP_URL", "smtp://hidden:pass@word@mail.example"),
    ("POS_SMTP_TIMEOUT_S", "60"),
    ("POS_TRUSTED_HOSTS", ""),
    ("DUTY_NUMBER", ""),
    ("ON_CALL_MOBILE", "07400 hidden"),
    ("ON_CALL_MOBILE", "+447700900123"),
    ("POS_SMS", "simulator"),
    ("POS_SMS", "pigeon"),
    ("TWILIO_ACCOUNT_SID", "hidden"),
    ("TWILIO_ACCOUNT_SID", ""),
    ("TWILIO_KEY_SID", ""),
    ("TWILIO_KEY_SID", "AC" + "1" * 32),
    ("TWILIO_API_BASE", "hidden.example"),
    ("TWILIO_API_BASE", "https://hidden.example/path"),
    ("TWILIO_KEY_SECRET", ""),
    ("TWILIO_AUTH_TOKENS", ""),
    ("TWILIO_FROM", ""),
    ("POS_SMS_SECOND", "pigeon"),
    ("TWILIO_BLANK_BODIES", "perhaps-hidden"),
    ("SMS_PER_SECOND", "0"),
    ("SMS_DAILY_TEXTS", "hidden"),
    ("POS_FAILPOINTS", "outbox.called:kill"),
    ("ANSWER_WITHIN_MIN", "soon-hidden"),
    ("ANSWER_WITHIN_MIN", "0"),
    ("LADDER_MIN", "5,0"),
    ("STALE_H", "2"),
    ("SIGN_IN_PER_ACCOUNT", "a hidden few"),
    ("POS_PROXIES", "-1"),
]


@pytest.mark.parametrize(
    "name", ["TWILIO_ACCOUNT_SID", "TWILIO_KEY_SID", "TWILIO_KEY_SECRET", "TWILIO_AUTH_TOKENS"]
)
def test_half_an_account_is_never_taken_for_the_demonstration(name: str) -> None:
    demo = GOOD | {"POS_ENV": "demo", "POS_SMS": ""}
    for other in list(demo):
        if other.startswith("TWILIO_") and other != name:
            del demo[other]
    with pytest.raises(config.BadSetting, match=f"^POS_SMS: .*{name}"):
        config.load(demo)
    # Whoever says that nothing is to be sent is believed.
    assert config.load(demo | {"POS_SMS": "simulator"}).POS_SMS == "simulator"


def test_the_accounts_own_sid_and_token_are_a_key_too() -> None:
    own = {"TWILIO_KEY_SID": GOOD["TWILIO_ACCOUNT_SID"], "TWILIO_API_BASE": "http://127.0.0.1:4010/"}
    settings = config.load(GOOD | own)
    assert settings.TWILIO_KEY_SID == settings.TWILIO_ACCOUNT_SID
    assert settings.TWILIO_API_BASE == "http://127.0.0.1:4010"


def test_good_settings_are_taken() -> None:
    settings = config.load(GOOD)
    assert settings.production and settings.ANSWER_WITHIN_MIN == 15
    assert config.as_flask(settings)["SESSION_COOKIE_NAME"] == "__Host-session"


def test_officers_are_of_the_police_unless_it_is_said_otherwise() -> None:
    assert config.load(GOOD).OFFICER_EMAIL_DOMAINS == ("police.uk",)
    assert config.load(GOOD | {"OFFICER_EMAIL_DOMAINS": " "}).OFFICER_EMAIL_DOMAINS == ("police.uk",)
    several = GOOD | {"OFFICER_EMAIL_DOMAINS": "Police.UK, nca.example"}
    assert config.load(several).OFFICER_EMAIL_DOMAINS == ("police.uk", "nca.example")


def test_whoever_has_a_mail_server_says_whom_it_writes_as() -> None:
    mail = GOOD | {"POS_SMTP_URL": "smtps://places:p%40ss@mail.example:465"}
    with pytest.raises(config.BadSetting, match="POS_MAIL_FROM: is not set"):
        config.load(mail)
    assert config.load(mail | {"POS_MAIL_FROM": "places@mail.example"}).POS_MAIL_FROM == "places@mail.example"
    assert config.load(GOOD).POS_SMTP_URL == ""


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_setting_is_named_and_its_value_is_not_repeated(name: str, value: str) -> None:
    with pytest.raises(config.BadSetting) as refused:
        config.load(GOOD | {name: value})
    assert str(refused.value).startswith(f"{name}: ")
    assert "hidden" not in str(refused.value)


_ID = "00000000-0000-0000-0000-000000000001"
NOTIFY = {
    "POS_SMS_SECOND": "notify",
    "NOTIFY_API_KEY": f"places-{_ID}-{_ID}",
    "NOTIFY_TEMPLATE_ID": _ID,
    "NOTIFY_CALLBACK_TOKEN": "t" * 20,
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NOTIFY_API_KEY", ""),
        ("NOTIFY_API_KEY", f"hidden-{_ID}"),
        ("NOTIFY_TEMPLATE_ID", ""),
        ("NOTIFY_TEMPLATE_ID", "hidden"),
        ("NOTIFY_CALLBACK_TOKEN", ""),
        ("NOTIFY_CALLBACK_TOKEN", "hidden"),
        ("NOTIFY_API_BASE", "https://hidden.example/path"),
    ],
)
def test_a_second_supplier_that_is_half_given_stops_the_start_by_name(name: str, value: str) -> None:
    assert config.load(GOOD | NOTIFY).POS_SMS_SECOND == "notify"
    with pytest.raises(config.BadSetting) as refused:
        config.load(GOOD | NOTIFY | {name: value})
    assert str(refused.value).startswith(f"{name}: ")
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    "name", ["NOTIFY_API_KEY", "NOTIFY_TEMPLATE_ID", "NOTIFY_CALLBACK_TOKEN", "NOTIFY_API_BASE"]
)
def test_settings_of_a_second_supplier_that_nobody_chose_are_no_accident(name: str) -> None:
    given = NOTIFY | {"NOTIFY_API_BASE": "https://proxy.example"}
    with pytest.raises(config.BadSetting, match=f"^POS_SMS_SECOND: .*{name}"):
        config.load(GOOD | {name: given[name]})


def test_a_second_supplier_stands_in_for_a_real_first() -> None:
    demo = {
        name: GOOD[name] for name in ("POS_SECRET_KEY", "POS_FIELD_KEYS", "POS_INDEX_KEY", "DATABASE_URL")
    }
    with pytest.raises(config.BadSetting, match=r"^POS_SMS_SECOND: "):
        config.load(demo | NOTIFY | {"POS_ENV": "demo", "POS_SMS": "simulator"})
