"""What a supplier's code for a failure means, in words for whoever sets the service up, and what to do about it.

Codes are those of Refused, Unanswered, Sent.error and Text.error: Twilio's own (its documentation explains each), an HTTP status
where it gave none, or the name of what went wrong on the way. The rule kept: no words of the supplier's, which quote numbers.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Trouble:
    """What is wrong, and what to do next. Whole sentences."""

    wrong: str
    next: str


_KEY = Trouble(
    "Twilio does not accept our key.",
    "Compare TWILIO_ACCOUNT_SID, TWILIO_KEY_SID and TWILIO_KEY_SECRET with Twilio's console, one by one. The key must be of this "
    "very account; its secret was shown only once: if in doubt make a new key.",
)
_NO_ACCOUNT = Trouble(
    "Twilio knows no such account, or nothing at that address.",
    "Compare TWILIO_ACCOUNT_SID with the first page of Twilio's console, and leave TWILIO_API_BASE empty unless a proxy needs it.",
)
_ACCOUNT = Trouble(
    "Twilio has closed or suspended our account, or does not let this key do that.",
    "Sign in to Twilio's console: it says at the top what it waits for, often a payment or a proof of who you are. Then see that "
    "the key is a standard key.",
)
_UNVERIFIED = Trouble(
    "The account is a trial account, which texts only numbers that were verified in its console.",
    "Verify this number under Phone Numbers, Verified Caller IDs; or upgrade the account, which has to be done before real use.",
)
_NO_NUMBER = Trouble(
    "There is no such telephone number.",
    "Look at the number you gave, with its country code, and try again.",
)
_NOT_A_MOBILE = Trouble(
    "That number is not a mobile, or is not in use, and cannot get texts.",
    "Try a mobile that is switched on and in your hand.",
)
_UNSUBSCRIBED = Trouble(
    "That telephone has unsubscribed: it once answered our number with STOP or a word like it.",
    "Text START from it to our number and try again. Then read about opt-out in docs/running.md, so that no house gets there.",
)
_OUR_NUMBER = Trouble(
    "Our own number is wrong, or cannot send texts from this account.",
    "Compare TWILIO_FROM with the account's active numbers, country code first and without spaces, and see that it can do SMS.",
)
_COUNTRY = Trouble(
    "Our account may not send texts to that country.",
    "Allow it under Messaging, Settings, Geo permissions. The service itself needs the United Kingdom and nothing else.",
)
_NO_CALLS = Trouble(
    "Our own number cannot make calls from this account.",
    "See that the number of TWILIO_FROM can do voice, or set POS_CALLS=no: then nobody is rung, and a coordinator hears at once.",
)
_COUNTRY_OF_CALLS = Trouble(
    "Our account may not make calls to that country.",
    "Allow it under Voice, Settings, Geo permissions. The service itself needs the United Kingdom and nothing else.",
)
_NOT_FROM_OURS = Trouble(
    "That number cannot be reached from ours.",
    "Try a mobile of another network. If none can be reached, ask Twilio's support about TWILIO_FROM.",
)
_TOO_MANY = Trouble(
    "Twilio takes no more texts from us just now: too many at once.",
    "Wait a few minutes and try again. If nothing else is being sent, look in Twilio's console for what is.",
)
_OUT_OF_REACH = Trouble(
    "The telephone is switched off or out of reach, or its network gave no reason.",
    "Switch it on where it has a signal and try again; then try one of another network.",
)
_BLOCKED = Trouble(
    "The network or the telephone blocks texts from our number.",
    "See whether the telephone blocks it; try one of another network; then ask Twilio's support.",
)
_FILTERED = Trouble(
    "A network filtered the text as unwanted.",
    "Ask Twilio's support why, with the time of this try. Do not open the service on this number before it is clear.",
)
_OUR_WORDS = Trouble(
    "Twilio does not take the text as it is written.",
    "That is a mistake of this service. Tell whoever maintains it the code above.",
)
_SLOW = Trouble(
    "Twilio did not answer in time. It may have the text all the same.",
    "Look at the telephone first. Then try again, and if it stays so see that this machine may call api.twilio.com on port 443, "
    "or raise TWILIO_TIMEOUT_S.",
)
_NO_WAY = Trouble(
    "Twilio could not be reached, or the connection was cut.",
    "See that this machine has a way out to api.twilio.com on port 443, that names are resolved, and that TWILIO_API_BASE is "
    "empty unless a proxy needs it.",
)
_NOT_TWILIO = Trouble(
    "What answered was not Twilio, or not in a way that can be read. It may have the text all the same.",
    "Look at the telephone first. Then see that TWILIO_API_BASE is empty, or is a proxy that passes everything on unchanged.",
)
_THEIR_SIDE = Trouble(
    "Twilio has trouble of its own. It may have the text all the same.",
    "Look at the telephone first, then at status.twilio.com, and try again later.",
)
_TOO_LATE = Trouble(
    "It was worth nothing any more before it could be handed over.",
    "See whether the jobs process stood still then, or whether too many texts were due at once.",
)
_NEVER_KNOWN = Trouble(
    "The supplier did not say whether it has it, and by now it is worth nothing.",
    "It may have arrived. Look for it in the supplier's console.",
)
_SEALED = Trouble(
    "It was sealed with a key this service was not given.",
    "Compare POS_FIELD_KEYS with the keys of the time it was written.",
)
_NO_REASON = Trouble(
    "The network did not deliver it, and gave no reason.",
    "Ring whoever it was for; ask whether their telephone gets other texts.",
)
_THEIRS = Trouble(
    "GOV.UK Notify could not pass it to any network.",
    "Look at status.notifications.service.gov.uk, and ring whoever it was for.",
)
_UNKNOWN = Trouble(
    "Twilio gives a reason that this service does not know.",
    "Look its number up at twilio.com/docs/api/errors.",
)

_TROUBLE: dict[str, Trouble] = {
    code: trouble
    for trouble, codes in {
        _KEY: "20003 401",
        _NO_ACCOUNT: "20404 404",
        _ACCOUNT: "20005 30002 403",
        _UNVERIFIED: "21608",
        _NO_NUMBER: "21211",
        _UNSUBSCRIBED: "21610",
        _OUR_NUMBER: "21212 21606 21659",
        _NO_CALLS: "21210",
        _COUNTRY: "21408",
        _COUNTRY_OF_CALLS: "21215",
        _NOT_FROM_OURS: "21612",
        _TOO_MANY: "20429 429 14107 21611 30001",
        _BLOCKED: "30004",
        _FILTERED: "30007",
        _OUR_WORDS: "21602 21617",
        _SLOW: "ReadTimeout ConnectTimeout Timeout",
        _NO_WAY: "ConnectionError SSLError ProxyError OSError",
        # Ours: how a text ended that no supplier gave a reason for.
        _TOO_LATE: "expired too_late asked_to_wait",
        _NEVER_KNOWN: "unknown",
        _SEALED: "sealed",
        # GOV.UK Notify's.
        _NOT_A_MOBILE: "21614 30005 30006 permanent-failure",
        _OUT_OF_REACH: "30003 30008 30410 temporary-failure",
        _THEIRS: "technical-failure",
        _NO_REASON: "undelivered failed",
        _NOT_TWILIO: "JSONDecodeError ValueError KeyError TypeError no_sid",
    }.items()
    for code in codes.split()
}


def explain(code: str | None) -> Trouble:
    """What this code means; for one that is not known, where to look it up."""
    if code in _TROUBLE:
        return _TROUBLE[code]
    # Of Twilio's own codes none has three digits.
    return _THEIR_SIDE if code and code.isdecimal() and 500 <= int(code) <= 599 else _UNKNOWN
