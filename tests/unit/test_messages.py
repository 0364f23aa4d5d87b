"""Every text, word for word: one plain text, nothing that unsubscribes whoever answers with it."""

from __future__ import annotations

import re

import pytest

from safety import inbox, lifecycle, messages
from safety.messages import Matter, Wording
from safety.models.alerts import ALERT_WORDS
from safety.referrals import asking

# The longest that the service itself can put into each place. The clock words are those of the hour that comes twice.
_CLOCK = "01:30 BST"
LONGEST = {
    "reference": "K7M-4QX",
    "code": "4821",
    "group": "W",
    "answer_by": _CLOCK,
    "arrive_by": _CLOCK,
    "eta": _CLOCK,
    "stay_until": "Wednesday 29 September 2027 12:00",
    "officer": "Officer " + "Q" * 20,
    "switchboard": "0" * 20,
    "ring": "0" * 20,
}
STATES = tuple(lifecycle.STATE_WORDS.values())
WORDS = {
    "urgent": tuple(ALERT_WORDS.values()),
    "digest": ("X" * messages.DIGEST_ROOM,),
    "which_reason": (inbox.FIRST_LETTERS,),
    "counts_same": (
        "W2 M1 F12 S3 L4 A5 B6 C7 D8 E9 free",
        "all as they were",
        "X" * messages.COUNTS_ROOM + " free",
    ),
    "counts_changed": ("X" * messages.COUNTS_ROOM + " free", "all as they were"),
    "counts_while_closed": ("X" * messages.COUNTS_ROOM + " free",),
    "counts_undone": ("X" * messages.COUNTS_ROOM + " free",),
    "counts_refused": (
        "W can have 12 free at most, the rest are used",
        "That bed has been given since. Decline it if they cannot come",
        "A bed is just coming free, send it again in 2 minutes",
        "You have no group W",
    ),
    "figures_asked": ("X" * messages.COUNTS_ROOM + " free", "all as they were"),
    "which_group": ("W1 M1 F1",),
    "make_room_in": ("W", "A, B, C, D or E", asking.ON_PAGE),
    "no_such_room": ("group W", "your house"),
    "which_room": ("W", "A, B, C, D or E", asking.ON_PAGE),
    "address_due": ("29 September",),
    "declined_room_out": ("tomorrow 20:00",),
    "mobile_code": ("482159",),
    "force_goes": ("Wednesday 29 September 2027",),
    "force_comes": ("Wednesday 29 September 2027",),
    "force_stays": ("Wednesday 29 September 2027",),
    "noted": STATES,
    "conflict": STATES,
}
# Twilio's own words for leaving (its page on advanced opt-out).
LEAVING = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}

every_wording = pytest.mark.parametrize("wording", messages.WORDINGS, ids=lambda wording: wording.__name__)


def bodies(wording: Wording) -> list[str]:
    """The wording with the longest matter there can be, for each thing `words` may hold."""
    return [wording(Matter(**LONGEST, words=words)) for words in WORDS.get(wording.__name__, ("",))]


@every_wording
def test_a_text_with_the_longest_matter_is_one_plain_text(wording: Wording) -> None:
    for body in bodies(wording):
        assert messages.segments_problem(body) is None, body


@every_wording
def test_a_text_that_cannot_be_answered_asks_to_be_rung_and_is_still_one_text(wording: Wording) -> None:
    for body in bodies(wording):
        said = messages.by_telephone(body)
        assert messages.segments_problem(said) is None, said
        assert "reply" not in said.lower(), said
        assert (said == body) == ("reply" not in body.lower())
        assert LONGEST["ring"] in said


@every_wording
def test_none_of_our_words_unsubscribes_whoever_answers_with_it(wording: Wording) -> None:
    for body in bodies(wording):
        assert not LEAVING & set(re.findall(r"[A-Z]+", body.upper())), body


@every_wording
def test_a_text_says_who_it_is_from_and_whom_to_ring(wording: Wording) -> None:
    for body in bodies(wording):
        assert body.startswith("Places of Safety"), body
        assert LONGEST["ring"] in body, body


@every_wording
def test_what_a_wording_says_in_words_is_tried_here_with_all_it_may_hold(wording: Wording) -> None:
    marked = wording(Matter(**LONGEST, words="XYZZY"))
    assert ("XYZZY" in marked) == (wording.__name__ in WORDS)


@every_wording
def test_every_wording_says_for_whom_it_is(wording: Wording) -> None:
    assert wording.__doc__ and wording.__doc__.strip()


def test_a_collar_number_typed_at_length_or_in_strange_letters_still_makes_a_plain_text() -> None:
    body = messages.on_the_way(Matter(**{**LONGEST, "officer": "Officer Łódź’" + "9" * 80}))
    assert messages.segments_problem(body) is None
    assert "Officer ??d??999" in body


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("x" * 160, None),
        ("x" * 161, "161 characters"),
        ("it’s", "outside GSM-7"),
        ("ŵ", "outside GSM-7"),
        ("£5 à è", None),
        ("{}", "outside GSM-7"),  # two septets each: counted as outside, so that a length is a length
    ],
)
def test_what_does_not_travel_as_one_plain_text_is_told(body: str, problem: str | None) -> None:
    told = messages.segments_problem(body)
    assert told is None if problem is None else problem in (told or "")


def test_every_reason_letter_of_a_no_is_offered() -> None:
    for letter in lifecycle.DECLINE_LETTERS:
        assert re.search(rf"\b{letter} \w+", inbox.FIRST_LETTERS)
