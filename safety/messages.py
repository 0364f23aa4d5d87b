"""Every text message, word for word. Each fits one GSM-7 text (160 characters) and names nobody, no house and no need.

None of our own words is one the supplier takes for an opt-out (STOP, CANCEL, END, QUIT…): whoever answered with it would
never hear from us again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
LIMIT = 160
OFFICER_ROOM = 28
COUNTS_ROOM = 40  # letters that counts_same has left for the figures
_REPLY = re.compile(r"\b([Rr])eply\b")
DIGEST_ROOM = 88  # letters that digest has left for what waits


@dataclass(frozen=True)
class Matter:
    """What a wording may draw on: codes, clock times and numbers to ring. Nothing else reaches a text.

    reference: "K7M-4QX"; code: four digits, or three for an alert; group: a letter; the times are words in UK time;
    officer: collar number and force; switchboard: the force's number as we hold it; ring: the duty line.
    """

    reference: str = ""
    code: str = ""
    group: str = ""
    answer_by: str = ""
    arrive_by: str = ""
    eta: str = ""
    stay_until: str = ""
    officer: str = ""
    switchboard: str = ""
    ring: str = ""
    words: str = ""


Wording = Callable[[Matter], str]


def asked(m: Matter) -> str:
    """To the house: a bed of yours is held; say yes or no."""
    return f"Places of Safety: room for {m.reference} in group {m.group}? Reply YES {m.code} or NO {m.code} by {m.answer_by}. Ring {m.ring}"


def reminded(m: Matter) -> str:
    """To the house: half the time to answer is gone."""
    return f"Places of Safety: still waiting on {m.reference}. Reply YES {m.code} or NO {m.code} by {m.answer_by}. Ring {m.ring}"


def longer_to_answer(m: Matter) -> str:
    """To the house: a coordinator gives you longer to answer."""
    return f"Places of Safety: you have until {m.answer_by} to answer for {m.reference}. Reply YES {m.code} or NO {m.code}. Ring {m.ring}"


def longer_for_officer(m: Matter) -> str:
    """To the officer: the house was given longer to answer."""
    return f"Places of Safety {m.reference}: the bed is still held. The house now answers by {m.answer_by}. Do not set off yet. Ring {m.ring}"


def held(m: Matter) -> str:
    """To the officer: a bed is held, the house has been asked."""
    return f"Places of Safety {m.reference}: a bed is held. The house answers by {m.answer_by}. Do not set off yet. Ring {m.ring}"


def confirmed(m: Matter) -> str:
    """To the officer: the house said yes."""
    return (
        f"Places of Safety {m.reference}: CONFIRMED. Set off by {m.arrive_by}: press "
        f"We are on our way on your page to see where. Ring {m.ring}"
    )


def agreed(m: Matter) -> str:
    """To the house: the bed is taken without asking, as it wished."""
    return f"Places of Safety: {m.reference} is coming to group {m.group}, by {m.arrive_by}. Sign in for needs. Not possible? Ring {m.ring}"


def make_room(m: Matter) -> str:
    """To a house of one group that could make room: asked at once with every other."""
    return f"Places of Safety: can you make room for {m.reference} in group {m.group}? Reply YES {m.code} or NO {m.code} by {m.answer_by}. Ring {m.ring}"


def make_room_in(m: Matter) -> str:
    """To a house of several groups that could make room: asked at once with every other."""
    return (
        f"Places of Safety: can you make room for {m.reference} in group {m.words}? Reply YES {m.code} and the letter, "
        f"or NO {m.code}, by {m.answer_by}. Ring {m.ring}"
    )


def declined(m: Matter) -> str:
    """To the officer: that house said no."""
    return f"Places of Safety {m.reference}: that house cannot take them. We are trying the next one now. Ring {m.ring}"


def lapsed(m: Matter) -> str:
    """To the house: the time to answer is over."""
    return f"Places of Safety: the hold for {m.reference} is over, the bed is yours again. Room after all? YES {m.code} or ring {m.ring}"


def lapsed_for_officer(m: Matter) -> str:
    """To the officer: the house did not answer."""
    return f"Places of Safety {m.reference}: the house did not answer. We are trying the next one now. Ring {m.ring}"


def withdrawn(m: Matter) -> str:
    """To the officer: the house took its yes back."""
    return f"Places of Safety {m.reference}: DO NOT GO THERE, the house can no longer take them. Ring {m.ring} now. We are finding the next bed"


def cancelled(m: Matter) -> str:
    """To the house: the officer no longer needs the bed."""
    return f"Places of Safety: {m.reference} is not coming, the bed is yours again. Ring {m.ring}"


def on_the_way(m: Matter) -> str:
    """To the house: who is coming and how to check them."""
    return (
        f"Places of Safety: {m.reference} on the way, about {m.eta}. {_plain(m.officer)}. "
        f"Check by ringing {m.switchboard}. Not here? Ring {m.ring}"
    )


def running_late(m: Matter) -> str:
    """To the house: later than said."""
    return f"Places of Safety: {m.reference} is running late, now about {m.eta}. Ring {m.ring}"


def arrived_for_officer(m: Matter) -> str:
    """To the officer: the house has them."""
    return f"Places of Safety {m.reference}: arrival recorded. Thank you. The stay is until {m.stay_until}. Ring {m.ring}"


def arrived_for_house(m: Matter) -> str:
    """To the house: arrival is on record."""
    return f"Places of Safety: {m.reference} recorded as arrived. The stay is until {m.stay_until}. Ring {m.ring}"


def released(m: Matter) -> str:
    """To both: nobody set off, the bed is free again."""
    return f"Places of Safety: {m.reference} did not set off by {m.arrive_by}, so the bed is free again. Still needed? Ring {m.ring}"


def not_arrived(m: Matter) -> str:
    """To both: recorded as not arrived."""
    return f"Places of Safety: {m.reference} is recorded as not arrived and the bed is free again. If that is wrong ring {m.ring} now"


def release_soon(m: Matter) -> str:
    """To the officer: the bed comes free unless they set off."""
    return (
        f"Places of Safety {m.reference}: the bed comes free at {m.arrive_by} unless you press "
        f"We are on our way, or reply LATE {m.code}. Ring {m.ring}"
    )


def arrived_yet(m: Matter) -> str:
    """To the house: have they arrived?"""
    return f"Places of Safety: has {m.reference} arrived? Reply ARRIVED {m.code} or NOT ARRIVED {m.code}. Ring {m.ring}"


def departed(m: Matter) -> str:
    """To the force's lead: the stay is over."""
    return f"Places of Safety: the stay of {m.reference} is over. Sign in to see what was recorded. Ring {m.ring}"


def extended(m: Matter) -> str:
    """To the house and the lead: the stay is longer."""
    return f"Places of Safety: the stay of {m.reference} is now until {m.stay_until}. Ring {m.ring}"


def transferred(m: Matter) -> str:
    """To the old house and the lead: they move to another house."""
    return f"Places of Safety: {m.reference} moves to another house. Sign in or ring {m.ring}"


def corrected(m: Matter) -> str:
    """To whoever was told: the last thing we said was put right."""
    return (
        f"Places of Safety: the last thing recorded for {m.reference} was put right. Sign in or ring {m.ring}"
    )


def stay_ends(m: Matter) -> str:
    """To the house and the lead: the stay is nearly over."""
    return f"Places of Safety: the stay of {m.reference} is until {m.stay_until}. Onward place not known? Ring {m.ring}"


def handed_over(m: Matter) -> str:
    """To the officer a coordinator handed a request to: it is yours now."""
    return f"Places of Safety: you now hold {m.reference}. Sign in to see it. Not expected? Ring {m.ring} now"


def taken_over(m: Matter) -> str:
    """To the officer who held the referral, and the lead."""
    return f"Places of Safety: a colleague has taken {m.reference} over. If you did not expect that ring {m.ring}"


def address_opened(m: Matter) -> str:
    """To the house: the officer on the way has looked where it is."""
    return f"Places of Safety: the officer bringing {m.reference} has opened your address. Not expected? Ring {m.ring} now"


def address_changed(m: Matter) -> str:
    """To the officer on the way who has looked where the house is: it is somewhere else."""
    return (
        f"Places of Safety {m.reference}: the ADDRESS HAS CHANGED. Do not go by the one you saw. "
        f"Press See the address on your page again. Ring {m.ring}"
    )


def address_due(m: Matter) -> str:
    """To the house, a week before: its address has to be confirmed again."""
    return f"Places of Safety: is your address still right? Sign in and confirm it, or nobody is sent to you from {m.words}. Ring {m.ring}"


def address_over(m: Matter) -> str:
    """To the house: nobody is sent there, because nobody confirmed the address."""
    return f"Places of Safety: nobody is sent to you until somebody signs in and confirms your address. It takes a minute. Ring {m.ring}"


def ring_us_now(m: Matter) -> str:
    """To every telephone of a house that may not be safe any more: ring before anything else happens."""
    return f"Places of Safety: please ring {m.ring} NOW about the safety of your house. Keep everybody inside. Nobody new is sent to you"


def do_not_go_yet(m: Matter) -> str:
    """To the officer on the way to a house that may not be safe any more: the bed is kept, nobody drives there."""
    return f"Places of Safety {m.reference}: DO NOT GO THERE YET and keep them with you. Ring {m.ring} now, before anything else. The bed is kept"


def telephones_changed(m: Matter) -> str:
    """To whoever answers for a house, before and after: who answers was changed."""
    return f"Places of Safety: who answers for your house was changed, sign in to see it. Not expected? Ring {m.ring} now"


def nothing_fits(m: Matter) -> str:
    """To the officer: no bed yet."""
    return f"Places of Safety {m.reference}: no bed fits yet. A coordinator knows and we keep looking. Ring {m.ring}"


def urgent(m: Matter) -> str:
    """To whoever is on call: something needs a person."""
    return (
        f"Places of Safety URGENT {m.reference}: {m.words}. Reply OK {m.code} to take it. Duty line {m.ring}"
    )


def digest(m: Matter) -> str:
    """To whoever is on call, once a day: how much there is that could wait."""
    return f"Places of Safety: {m.words}. Sign in to see them. Duty line {m.ring}"


# What is said on the telephone when a text may not have been read. Said twice, with reference and numbers spelt out.


def call_do_not_go(m: Matter) -> str:
    """Call to the officer: the house took its yes back."""
    return f"Places of Safety, about {m.reference}. Do not go to that house, it can no longer take them. Ring {m.ring} now. We are finding the next bed"


def call_officer(m: Matter) -> str:
    """Call to the officer: a text that matters did not reach them."""
    return f"Places of Safety, about {m.reference}. A text to you did not arrive. Please look at your page now, or ring {m.ring}"


def call_house(m: Matter) -> str:
    """Call to the house: a text that matters reached none of its telephones."""
    return f"Places of Safety, about {m.reference}. Our text did not reach your house. Please sign in now and see it, or ring {m.ring}"


def trying(m: Matter) -> str:
    """To whoever sets the service up: a test from the command line."""
    return (
        f"Places of Safety: this is a test of our texts and asks nothing of you. Not expected? Ring {m.ring}"
    )


# What we say back to a text. `words` is already one of ours.


def late_noted(m: Matter) -> str:
    """To the officer: +30 minutes is noted."""
    return f"Places of Safety {m.reference}: noted, arrive by {m.arrive_by}. Ring {m.ring}"


def noted(m: Matter) -> str:
    """The reply was understood and is recorded."""
    return f"Places of Safety: thank you, {m.reference} is recorded as {m.words}. Ring {m.ring}"


def which_reason(m: Matter) -> str:
    """A no is recorded; why?"""
    return f"Places of Safety: {m.reference} noted. Why? NO {m.code} and a letter: {m.words}. Ring {m.ring}"


def settled(m: Matter) -> str:
    """To a house that was asked, or said yes too late: the person has a bed elsewhere, or needs none."""
    return f"Places of Safety: {m.reference} is settled, thank you. Nothing more to do. Ring {m.ring}"


def declined_room_out(m: Matter) -> str:
    """To a house that said no because of the room: nobody else is sent there for now, and how to change that."""
    return f"Places of Safety: noted, {m.reference} declined. Nobody is sent to that room until {m.words}. Free before? Text BEDS and how many. Ring {m.ring}"


def no_room_noted(m: Matter) -> str:
    """To a house that was asked to make room: its no is recorded."""
    return f"Places of Safety: thank you, noted that you have no room for {m.reference}. Nothing more to do. Ring {m.ring}"


def which_room(m: Matter) -> str:
    """To a house of several groups that said yes without naming one."""
    return f"Places of Safety: nothing was changed yet. Which group for {m.reference}? Reply YES {m.code} and its letter: {m.words}. Ring {m.ring}"


def no_such_room(m: Matter) -> str:
    """To a house whose yes found no room that can be brought back for them."""
    return f"Places of Safety: nothing was changed, no room out of service in {m.words} fits {m.reference}. Sign in, or ring {m.ring}"


def keep_them_safe(m: Matter) -> str:
    """Arrived, and the bed is gone."""
    return f"Places of Safety: {m.reference} has arrived and has no bed. Keep them safe inside, we are ringing you now. {m.ring}"


def not_yours_now(m: Matter) -> str:
    """To an officer who no longer holds the referral."""
    return f"Places of Safety: you no longer hold that referral, so nothing was changed. Ring {m.ring}"


def code_not_known(m: Matter) -> str:
    """The code is not one of this number's."""
    return f"Places of Safety: we do not know that code for this phone. Check the code and send it again, or ring {m.ring}"


def code_needed(m: Matter) -> str:
    """What was meant is understood, but not of whom."""
    return (
        "Places of Safety: that needs its code, so nothing was changed. "
        f"Send the same words with the four digits, or ring {m.ring}"
    )


def conflict(m: Matter) -> str:
    """What was asked cannot be done any more."""
    return f"Places of Safety: {m.reference} could not be changed, it is recorded as {m.words}. Ring {m.ring}"


def not_understood(m: Matter) -> str:
    """We could not tell what was meant."""
    return f"Places of Safety: sorry, we could not tell what you meant and did nothing. Reply YES or NO and the four digits, or ring {m.ring}"


def came_too_late(m: Matter) -> str:
    """A text without a code that reached us long after it was sent, or after a later one."""
    return (
        "Places of Safety: your text reached us too late, so nothing was changed. "
        f"Please send it again if it is still so, or ring {m.ring}"
    )


def alert_taken(m: Matter) -> str:
    """To a coordinator who claimed an alert."""
    return (
        f"Places of Safety: {m.code} is yours. It stays on the board until the cause is gone. Ring {m.ring}"
    )


def alert_taken_already(m: Matter) -> str:
    """To a coordinator: somebody else has it."""
    return f"Places of Safety: {m.code} is already taken or over. Thank you. Ring {m.ring}"


def counts_same(m: Matter) -> str:
    """To the house: its figures are marked as still true."""
    return f"Places of Safety: thank you, your beds are marked the same as before: {m.words}. Ring {m.ring}"


def figures_asked(m: Matter) -> str:
    """To the house: its figures are old, are they still true?"""
    return f"Places of Safety: your figures are old. Still {m.words}? Reply SAME, or BEDS {m.group}2 if 2 are free. Ring {m.ring}"


def info(m: Matter) -> str:
    """What may be replied."""
    return f"Places of Safety: reply YES or NO and the code we sent, ARRIVED or NOT ARRIVED and the code, SAME, or BEDS 2. Ring {m.ring}"


def counts_changed(m: Matter) -> str:
    """To the house: the figures it sent, as they were understood."""
    return f"Places of Safety: thank you, {m.words} now. Not right? Reply UNDO within 10 minutes, or ring {m.ring}"


def counts_while_closed(m: Matter) -> str:
    """To a house marked closed that sent figures: they count, and nobody is sent all the same."""
    return f"Places of Safety: thank you, {m.words}. But you are closed, so nobody is sent. To open sign in or ring {m.ring}"


def counts_undone(m: Matter) -> str:
    """To the house: its last change is taken back."""
    return f"Places of Safety: undone. Your beds are as before: {m.words}. Ring {m.ring}"


def nothing_to_undo(m: Matter) -> str:
    """To a house: no change of figures is young enough."""
    return f"Places of Safety: no change of the last 10 minutes to undo. Nothing was changed. Send BEDS and your figures, or ring {m.ring}"


def counts_refused(m: Matter) -> str:
    """To a house whose figures cannot be: what is in the way."""
    return f"Places of Safety: nothing was changed. {m.words}. Sign in to see more, or ring {m.ring}"


def which_group(m: Matter) -> str:
    """To a house with several groups that sent one figure: which group it is of."""
    return f"Places of Safety: nothing was changed. Of which group? Send each with its letter, like BEDS {m.words}, or ring {m.ring}"


def which_house(m: Matter) -> str:
    """To a telephone of several houses that sent a letter which more than one of them has."""
    return f"Places of Safety: nothing was changed, more than one of your houses has that letter. Please sign in to change it, or ring {m.ring}"


def use_page(m: Matter) -> str:
    """A thing that needs more than a text."""
    return f"Places of Safety: please sign in to record that for {m.reference}, or ring {m.ring}. Nothing was changed"


def account_open(m: Matter) -> str:
    """To an officer: their control room confirmed them, so they can sign in."""
    return f"Places of Safety: your control room confirmed you, so your account is open. Sign in with your email address. Not you? Ring {m.ring}"


def mobile_code(m: Matter) -> str:
    """To the mobile of a person: the code by which they show that it is theirs."""
    return f"Places of Safety: {m.words} is your code to confirm this mobile, for 10 minutes. Nobody ever asks you for it. Not expected? Ring {m.ring}"


def mobile_changed(m: Matter) -> str:
    """To the mobile a person had until now: their account has another."""
    return f"Places of Safety: your account has another mobile now, and this one gets no more texts. Was it not you? Ring {m.ring} now"


def password_changed(m: Matter) -> str:
    """To the mobile of a person: their account has a new password."""
    return f"Places of Safety: your password was changed, and you are signed out everywhere. Was it not you? Ring {m.ring} now"


def force_goes(m: Matter) -> str:
    """To the leads of a force: from a day on it is part of another."""
    return f"Places of Safety: from {m.words} your force is part of another here. Live requests and officers go with you. Not so? Ring {m.ring}"


def force_comes(m: Matter) -> str:
    """To the leads of a force: from a day on another is part of it."""
    return f"Places of Safety: from {m.words} another force is part of yours here, with its live requests and officers. Not so? Ring {m.ring}"


def force_stays(m: Matter) -> str:
    """To the leads of two forces: what was announced for a day is off."""
    return f"Places of Safety: the two forces are not made one on {m.words} after all. Nothing changes. Questions? Ring {m.ring}"


WORDINGS: tuple[Wording, ...] = tuple(
    value
    for name, value in list(globals().items())
    if callable(value) and getattr(value, "__module__", "") == __name__ and not isinstance(value, type)
)


def by_telephone(body: str) -> str:
    """A text as it reads when no answer to it can reach us: it asks to be rung where it asked for a reply. At most LIMIT long.

    What does not fit is left out, the plainest words last.
    """
    if not _REPLY.search(body):
        return body
    for instead, after in (("ing to say", " Texts here are not read"), ("ing to say", ""), ("ing:", "")):
        said = _REPLY.sub(lambda found, words=instead: found[1] + words, body) + after  # type: ignore[misc]
        if len(said) <= LIMIT:
            return said
    raise AssertionError("unreachable: the last is no longer than what it replaces")


def _plain(typed: str) -> str:
    """The one thing of a text that somebody typed freely (a collar number), kept to plain letters and its share of room."""
    return "".join(letter if letter in GSM7 else "?" for letter in typed)[:OFFICER_ROOM]


def segments_problem(words: str) -> str | None:
    """Why `words` would not travel as one plain text, or nothing if it would."""
    odd = sorted({letter for letter in words if letter not in GSM7})
    if odd:
        return f"letters outside GSM-7: {''.join(odd)}"
    if len(words) > LIMIT:
        return f"{len(words)} characters, {LIMIT} at most"
    return None
