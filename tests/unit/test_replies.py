"""What a text that comes in means, row by row, and what must hold for any text at all."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from safety import messages, replies
from safety.replies import Kind, Reply, parse

MARK = "\u200f"  # right to left


def yes(code=None, group=None):
    return Reply(Kind.YES, code=code, group=group)


def no(code=None, reason=None):
    return Reply(Kind.NO, code=code, reason=reason)


def late(code=None):
    return Reply(Kind.LATE, code=code)


def arrived(code=None):
    return Reply(Kind.ARRIVED, code=code)


def not_arrived(code=None, reason=None):
    return Reply(Kind.NOT_ARRIVED, code=code, reason=reason)


def departed(code=None, reason=None):
    return Reply(Kind.DEPARTED, code=code, reason=reason)


def beds(total=None, **counts):
    return Reply(Kind.BEDS, total=total, counts=tuple(counts.items()))


UNDERSTOOD = [
    # yes
    ("YES 4821", yes("4821")),
    ("yes 4821", yes("4821")),
    ("Yes 4821.", yes("4821")),
    ("YES4821", yes("4821")),
    ("yes-4821", yes("4821")),
    ("yes_4821", yes("4821")),
    ("4821 yes", yes("4821")),
    ("4821yes", yes("4821")),
    ("(4821) YES!!!", yes("4821")),
    ("yes #4821", yes("4821")),
    ("yes, code: 4821", yes("4821")),
    ("YES\n4821", yes("4821")),
    ("\t yes \r\n 4821 \n", yes("4821")),
    ("yes" + " " * 1590 + "4821", yes("4821")),
    ("Yes please 4821", yes("4821")),
    ("Yes thank you 4821", yes("4821")),
    ("yes yes 4821 4821", yes("4821")),
    ("Hi, yes we can 4821 thanks xx", yes("4821")),
    ("Yes 4821 x", yes("4821")),
    ("yes of course 4821", yes("4821")),
    ("Yes, we have a room 4821", yes("4821")),
    ("yes bed is ready 4821", yes("4821")),
    ("Yes that's fine 4821", yes("4821")),
    ("ok yes 4821", yes("4821")),
    ("yes 48 21", yes("4821")),
    ("yes 4-8-2-1", yes("4821")),
    ("Y 4821", yes("4821")),
    ("y4821", yes("4821")),
    ("yeah 4821", yes("4821")),
    ("yep 4821", yes("4821")),
    ("yup 4821", yes("4821")),
    ("aye 4821", yes("4821")),
    ("IE 4821", yes("4821")),
    ("ie 4821 diolch", yes("4821")),
    ("Oes 4821", yes("4821")),
    ("YES 0007", yes("0007")),
    ("ＹＥＳ ４８２１", yes("4821")),
    ("𝐘𝐄𝐒 𝟒𝟖𝟐𝟏", yes("4821")),
    ("YES ٤٨٢١", yes("4821")),
    ("yes ४८२१", yes("4821")),
    (f"{MARK}YES{MARK} 48{MARK}21{MARK}", yes("4821")),
    ("y\u00ades 48\u200b21", yes("4821")),
    ("YES\u00a04821", yes("4821")),
    ("yés 4821", yes("4821")),
    ("YES 4821 👍", yes("4821")),
    ("👍🏽 yes 4821 ❤️🎉", yes("4821")),
    ("yes 4️⃣8️⃣2️⃣1️⃣", yes("4821")),
    ('"YES 4821"', yes("4821")),
    ("“YES” 4821", yes("4821")),
    ('yes "4821 thank you', yes("4821")),
    ("YES 4821\nSent from my iPhone", yes("4821")),
    ("YES", yes()),
    ("yes.", yes()),
    ("Y", yes()),
    ("yes please", yes()),
    ("Yeah", yes()),
    ("ie", yes()),
    ("YES 4821 W", yes("4821", "W")),
    ("YES W 4821", yes("4821", "W")),
    ("yes4821w", yes("4821", "W")),
    ("yes group f 4821", yes("4821", "F")),
    ("yes 4821 group S please", yes("4821", "S")),
    ("YES A 4821", yes("4821", "A")),
    ("yes w", yes(None, "W")),
    # no
    ("NO 4821", no("4821")),
    ("No4821", no("4821")),
    ("4821 no", no("4821")),
    ("n 4821", no("4821")),
    ("nope 4821", no("4821")),
    ("NA 4821", no("4821")),
    ("na, diolch 4821", no("4821")),
    ("no thanks 4821", no("4821")),
    ("No thank you 4821", no("4821")),
    ("no sorry 4821", no("4821")),
    ('no "sorry we are full" 4821', no("4821")),
    ("No, sorry, we're full 4821", no("4821")),
    ("no beds 4821", no("4821")),
    ("no room 4821 sorry", no("4821")),
    ("NO 4821 👎", no("4821")),
    ("NO 4821 A", no("4821", "A")),
    ("NO 4821 (b)", no("4821", "B")),
    ("no4821c", no("4821", "C")),
    ("NO D 4821", no("4821", "D")),
    ("no 4821 reason e", no("4821", "E")),
    ("no 4821, a a", no("4821", "A")),
    ("no", no()),
    ("NA", no()),
    ("no a", no(None, "A")),
    # arrived, or not
    ("ARRIVED 4821", arrived("4821")),
    ("arrived4821", arrived("4821")),
    ("4821 arrived", arrived("4821")),
    ("Arrived safely 4821, thank you", arrived("4821")),
    ("they've arrived 4821", arrived("4821")),
    ("She has just arrived 4821", arrived("4821")),
    ("yes arrived 4821", arrived("4821")),
    ("Yes, they have arrived 4821", arrived("4821")),
    ("arived 4821", arrived("4821")),
    ("ARRIVED 4821 ✅", arrived("4821")),
    ("arrived", arrived()),
    ("NOT ARRIVED 4821", not_arrived("4821")),
    ("notarrived4821", not_arrived("4821")),
    ("4821 not arrived", not_arrived("4821")),
    ("no not arrived 4821", not_arrived("4821")),
    ("No, they have not arrived 4821", not_arrived("4821")),
    ("hasn't arrived 4821", not_arrived("4821")),
    ("has’nt arrived 4821", not_arrived("4821")),
    ("did not arrive 4821", not_arrived("4821")),
    ("they didn't arrive 4821", not_arrived("4821")),
    ("not arrived 4821 b", not_arrived("4821", "B")),
    ("not arrived", not_arrived()),
    # late
    ("LATE 4821", late("4821")),
    ("late4821", late("4821")),
    ("running late 4821", late("4821")),
    ("Sorry, we are running a bit late 4821", late("4821")),
    ("delayed 4821", late("4821")),
    ("late 30 mins 4821", late("4821")),
    ("late by 30min 4821", late("4821")),
    ("late 30", late()),
    ("late", late()),
    # departed
    ("DEPARTED 4821", departed("4821")),
    ("left 4821", departed("4821")),
    ("She has left 4821", departed("4821")),
    ("departed 4821 C", departed("4821", "C")),
    ("departed", departed()),
    # beds
    ("BEDS 3", beds(3)),
    ("beds3", beds(3)),
    ("Beds: 3.", beds(3)),
    ("beds three", beds(3)),
    ("3 beds", beds(3)),
    ("we have 3 beds free", beds(3)),
    ("bed 1", beds(1)),
    ("beds 03", beds(3)),
    ("BEDS ３", beds(3)),
    ("beds ③", beds(3)),
    ("beds 0", beds(0)),
    ("beds none", beds(0)),
    ("beds zero", beds(0)),
    ("beds full", beds(0)),
    ("BEDS 99", beds(99)),
    ("ok beds 2", beds(2)),
    ("BEDS W2 F1", beds(W=2, F=1)),
    ("bedsw2f1", beds(W=2, F=1)),
    ("beds w 2 f 1", beds(W=2, F=1)),
    ("beds w2,f1", beds(W=2, F=1)),
    ("beds w2/f1", beds(W=2, F=1)),
    ("beds W=2; F=1", beds(W=2, F=1)),
    ("beds w two and f one", beds(W=2, F=1)),
    ("beds 2w 1f", beds(W=2, F=1)),
    ("beds 2 women 1 family", beds(W=2, F=1)),
    ("Beds: women's 2, men's 0", beds(W=2, M=0)),
    ("beds f1 w2", beds(F=1, W=2)),
    ("beds w0 m none", beds(W=0, M=0)),
    ("beds w2 w2", beds(W=2)),
    # the rest
    ("SAME", Reply(Kind.SAME)),
    ("same as before thanks", Reply(Kind.SAME)),
    ("beds same", Reply(Kind.SAME)),
    ("UNDO", Reply(Kind.UNDO)),
    ("undo that please", Reply(Kind.UNDO)),
    ("OK 123", Reply(Kind.OK, code="123")),
    ("ok123", Reply(Kind.OK, code="123")),
    ("123 okay", Reply(Kind.OK, code="123")),
    ("Ok 007 got it", Reply(Kind.OK, code="007")),
    ("INFO", Reply(Kind.INFO)),
    ("info?", Reply(Kind.INFO)),
    ("help", Reply(Kind.INFO)),
]

DOES_NOTHING = [
    # nothing in it
    ("", "blank"),
    ("   \n\t ", "blank"),
    (MARK, "blank"),
    ("...", "nothing but punctuation"),
    ("👍", "no answer in it"),
    ("✅", "no answer in it"),
    ("4821", "only a number"),
    ("👍 4821", "only a number"),
    ("hello", "no answer in it"),
    ("who is this", "no answer in it"),
    ("accepted 4821", "only a number"),
    ("thanks 4821", "only a number"),
    ("نعم 4821", "only a number"),
    ("YЕS 4821", "only a number"),  # the E is Cyrillic
    ("stop 4821", "only a number"),
    ("please cancel 4821", "only a number"),
    ("UNSTOP", "no answer in it"),
    ("K7M-4QX", "only a number"),
    ("\ud800", "blank"),
    # two things at once
    ("yes no 4821", "yes and no"),
    ("NO 4821 YES 4821", "yes and no"),
    ("no wait yes 4821", "yes and no"),
    ("YES 4821 or NO 4821", "yes and no"),
    ("y/n 4821", "yes and no"),
    ("yes 4821 4822", "two codes"),
    ("YES 4821 YES 4822", "two codes"),
    ("no beds", "two answers"),
    ("yes beds 3", "two answers"),
    ("yes not arrived 4821", "two answers"),
    ("no arrived 4821", "two answers"),
    ("late not arrived 4821", "two answers"),
    ("ok no 4821", "two answers"),
    ("arrived 4821, not arrived 4822", "arrived and not arrived"),
    ("2 beds left", "two answers"),
    ("late left 4821", "two answers"),
    ("same undo", "two answers"),
    # refusals and doubts a yes-word must not hide
    ("yes but not tonight 4821", "not"),
    ("not yes 4821", "not"),
    ("4821 yes not", "not"),
    ("not late 4821", "not"),
    ("not the same", "not"),
    ("not left 4821", "not"),
    ("not yet arrived 4821", "not"),
    ("yes if she is alone 4821", "words we do not know"),
    ("yes but after ten 4821", "words we do not know"),
    ("yes maybe 4821", "words we do not know"),
    ("yes tomorrow 4821", "words we do not know"),
    ("yesterday 4821", "only a number"),
    ("no problem 4821", "words we do not know"),
    ("no worries 4821", "words we do not know"),
    ("no need 4821", "words we do not know"),
    ("not arrived yet 4821", "words we do not know"),
    ("still not arrived 4821", "words we do not know"),
    ("arriving soon 4821", "only a number"),
    ("should have arrived 4821", "words we do not know"),
    ("too late 4821", "words we do not know"),
    ("reply yes 4821", "words we do not know"),
    ("yes 4821 👎", "words and signs disagree"),
    ("yes ❌ 4821", "words and signs disagree"),
    ("no 4821 👍", "words and signs disagree"),
    ("not arrived 4821 ✅", "words and signs disagree"),
    # questions
    ("yes 4821?", "a question"),
    ("YES 4821？", "a question"),
    ("yes 4821 🤔", "a question"),
    ("arrived 4821?", "a question"),
    ("have they arrived 4821", "a question"),
    ("can you do yes 4821", "a question"),
    ("beds 3?", "a question"),
    # codes that are none
    ("YES 482", "a code has four digits"),
    ("YES 48211", "a code has four digits"),
    ("yes 4 and 821", "a code has four digits"),
    ("yes 4821 2", "another number"),
    ("yes 1 bed 4821", "another number"),
    ("arrived 4821 at 22:15", "another number"),
    ("late 45 4821", "another number"),
    ("YES 4821 K7M-4QX", "another number"),
    ("yes four eight two one", "words we do not know"),
    ("ok", "no code"),
    ("Okay thanks", "no code"),
    ("ok 4821", "ok takes three digits"),
    ("ok 12", "ok takes three digits"),
    ("ok 123 124", "two codes"),
    ("yes ok 123", "a code has four digits"),
    ("undo 4821", "undo takes no number"),
    ("same 3", "same takes no number"),
    # letters
    ("no 4821 a b", "two letters"),
    ("yes 4821 w f", "two letters"),
    ("no sorry a we are full 4821", "a letter by itself"),
    ("arrived 4821 w", "words we do not know"),
    ("yes 4821 o", "words we do not know"),
    # beds that cannot be counted
    ("beds", "no number of beds"),
    ("beds w", "no number of beds"),
    ("beds -1", "not a plain number of beds"),
    ("beds −1", "not a plain number of beds"),
    ("beds minus 1", "not a plain number of beds"),
    ("beds w-2", "not a plain number of beds"),
    ("beds +2", "not a plain number of beds"),
    ("beds 2-3", "not a plain number of beds"),
    ("beds 2.5", "not a plain number of beds"),
    ("beds 1/2", "not a plain number of beds"),
    ("beds <3", "not a plain number of beds"),
    ("beds ½", "letters and numbers do not pair"),
    ("beds 2,5", "letters and numbers do not pair"),
    ("beds 3 w2", "letters and numbers do not pair"),
    ("beds w2 f", "letters and numbers do not pair"),
    ("beds w f 2 1", "letters and numbers do not pair"),
    ("beds 3 4821", "too many beds"),
    ("beds 100", "too many beds"),
    ("beds " + "9" * 900, "too many beds"),
    ("beds w2 w3", "two numbers for one letter"),
    ("beds 2w 1w", "two numbers for one letter"),
    ("beds 2 or 3", "words we do not know"),
    ("beds about 3", "words we do not know"),
    ("beds ፫", "words we do not know"),
    ("beds not full", "not"),
    # somebody's answer with our text in it
    ("YES 4821\n> Places of Safety: room for K7M-4QX? Reply YES 4821 or NO 4821", "our own text"),
    ("yes 4821 I am driving", "an automatic answer"),
    ("x" * 1601, "too long"),
    ("yes " * 401, "too long"),
]

OURS = messages.asked(
    messages.Matter(reference="K7M-4QX", code="4821", group="W", answer_by="22:15", ring="01632 960123")
)

AUTOMATIC = [
    f"Liked “{OURS}”",
    f"Loved “{OURS}”",
    f"Disliked “{OURS}”",
    f"Laughed at “{OURS}”",
    f"Emphasised “{OURS}”",
    f"Emphasized “{OURS}”",
    f"Questioned “{OURS}”",
    f'LIKED "{OURS}"',
    f"Liked « {OURS} »",
    f"Liked „{OURS}“",
    f"\u200eLiked “{OURS[:40]}…”",
    "Liked “YES 4821”",
    "Liked ‘YES 4821’",
    "Loved an image",
    "Reacted 👍 to “YES 4821”",
    f"Reacted 👍🏽 to “{OURS}”",
    f"Removed a like from “{OURS}”",
    "Removed a heart from “YES 4821”",
    "👍 to “YES 4821”",
    f"👍 to “{OURS}”",
    f'👍🏽 to "{OURS}"',
    "👍 “YES 4821”",
    f"❤️ “{OURS}”",
    f"A aimé « {OURS} »",
    f"Gefällt „{OURS}“",
    f"Le gustó “{OURS}”",
    f"「{OURS}」に「いいね」",
    "A ri de « YES 4821, ok YES 4821 »",
    OURS,
    OURS.upper(),
    OURS.replace(" ", "\n"),
    f"Fwd: {OURS}",
    f"FW: {OURS}",
    "Fwd: YES 4821",
    "Forwarded message: yes 4821",
    f"> {OURS}",
    "I am driving",
    "I'm driving – I'll get back to you later.",
    "I’m driving with Do Not Disturb While Driving turned on. I’ll see your message when I get where I’m going.",
    "(I’m not receiving notifications. If this is urgent, reply “urgent” to send a notification through with Do Not Disturb.)",
    "Automatic reply: out of office",
    "AUTO-REPLY yes we are open 4821",
    "Autoreply: thank you for your message",
    "Auto response",
    "This is an automated message. Yes 4821.",
    "I am on annual leave until Monday 4 January",
    "Out of the office, back at 0900",
    "Sorry, I can't talk right now.",
    "This number is not monitored",
    "Message could not be delivered",
    "Undeliverable: YES 4821",
]

LEAVING = [
    "STOP", "stop", "Stop.", " STOP \n", "STOPALL", "stop all", "UNSUBSCRIBE", "Cancel", "END", "quit!", "REVOKE", "OptOut",
    "opt out", "OPT-OUT", f"{MARK}STOP{MARK}", "ＳＴＯＰ", "“stop”",
]  # fmt: skip


def test_the_tables_are_long_enough_to_mean_something():
    assert len(UNDERSTOOD) + len(DOES_NOTHING) + len(AUTOMATIC) + len(LEAVING) > 300


@pytest.mark.parametrize(("body", "meaning"), UNDERSTOOD)
def test_a_text_that_is_clear_means_what_it_says(body, meaning):
    assert parse(body) == meaning


@pytest.mark.parametrize(("body", "why"), DOES_NOTHING)
def test_a_text_that_is_not_clear_does_nothing_and_says_why(body, why):
    assert parse(body) == Reply(Kind.NOT_UNDERSTOOD, why=why)


@pytest.mark.parametrize("body", AUTOMATIC)
def test_what_nobody_typed_is_never_an_answer(body):
    meaning = parse(body)
    assert meaning.kind is Kind.AUTOMATIC
    assert meaning == Reply(Kind.AUTOMATIC, why=meaning.why)


@pytest.mark.parametrize("body", LEAVING)
def test_who_leaves_by_the_suppliers_own_word_is_heard(body):
    assert parse(body) == Reply(Kind.OPT_OUT)


# --- our own texts -----------------------------------------------------------------------------------------------------

MATTER = messages.Matter(
    reference="K7M-4QX",
    code="4821",
    group="W",
    answer_by="22:15",
    arrive_by="23:45",
    eta="23:15",
    stay_until="Wednesday 12:00",
    officer="PC 1234, West Yorkshire Police",
    switchboard="0113 496 0123",
    ring="01632 960123",
    words="confirmed",
)


@pytest.mark.parametrize("wording", messages.WORDINGS, ids=lambda wording: wording.__name__)
@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "Fwd: {}",
        "“{}”",
        "Liked “{}”",
        "👍 to “{}”",
        "> {}",
        "A aimé « {} »",
        "Removed a laugh from “{}”",
    ],
)
def test_none_of_our_own_texts_sent_back_is_an_answer(wording, around):
    assert parse(around.format(wording(MATTER))).kind is Kind.AUTOMATIC


@pytest.mark.parametrize("wording", messages.WORDINGS, ids=lambda wording: wording.__name__)
@pytest.mark.parametrize("answer", ["YES 4821", "no 4821", "ARRIVED 4821", "stop"])
def test_an_answer_with_our_text_in_it_does_nothing(wording, answer):
    for body in (
        f"{answer}\n{wording(MATTER)}",
        f"{wording(MATTER)}\n{answer}",
        f"{answer} “{wording(MATTER)}”",
    ):
        assert parse(body).kind in {Kind.NOT_UNDERSTOOD, Kind.AUTOMATIC}


def test_every_reply_our_texts_ask_for_is_understood():
    asked_for = {
        "YES 4821": Kind.YES,
        "NO 4821": Kind.NO,
        "ARRIVED 4821": Kind.ARRIVED,
        "NOT ARRIVED 4821": Kind.NOT_ARRIVED,
        "LATE 4821": Kind.LATE,
        "SAME": Kind.SAME,
    }
    for body, kind in asked_for.items():
        assert parse(body).kind is kind
        assert any(body in wording(MATTER) for wording in messages.WORDINGS), body
    assert "reply OK 4821" in messages.urgent(MATTER).replace("Reply", "reply")
    assert parse("OK 123").kind is Kind.OK


# --- any text at all ---------------------------------------------------------------------------------------------------

WORDS = (
    "yes y yeah ie no n na nope arrived not arrive hasnt late beds same undo ok info departed left help please thanks code we "
    "can have a room i are full w f m s o x they has is 30 three none 4821 4822 123 7 0 ? . , - \" “ ” 👍 👎 ❌ ✅ stop if but "
    "sorry"
).split()  # fmt: skip
SENTENCES = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)
GLUED = st.lists(st.sampled_from(WORDS), max_size=5).map("".join)
ANYTHING = st.one_of(
    st.text(max_size=200), SENTENCES, GLUED, st.text(st.sampled_from("yesno 4821?“”\u200f\n"), max_size=30)
)

YES_WORDS = {"yes", "y", "yeah", "yep", "yup", "yea", "yess", "yesss", "aye", "ie", "oes"}
NO_WORDS = {"no", "n", "nope", "nah", "na", "nage"}
ACTIONS = set(Kind) - replies.HARMLESS


def plain_words(body):
    """The words of a text, found another way than the parser finds them."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", body).casefold())
    kept = "".join(
        mark for mark in folded if unicodedata.category(mark) != "Cf" and unicodedata.category(mark)[0] != "M"
    )
    return set(re.split(r"[\W\d_]+", re.sub(r"['’‘ʼ`´]", "", kept)))


@given(ANYTHING)
@example("beds ፩")
@example("²")
@example("yes ①②③④")
@example("\x00")
@example("\ud83d")
@example("“" * 1600)
@example("「" * 1600)
@example("👍" * 1600)
@example("removed " * 200)
@example("sent from my " * 120)
@example(" " * 1600)
def test_any_text_has_a_meaning_and_only_of_a_shape_the_room_knows(body):
    meaning = parse(body)
    assert meaning.kind in Kind
    if meaning.code is not None:
        assert re.fullmatch(r"[0-9]{3}" if meaning.kind is Kind.OK else r"[0-9]{4}", meaning.code, re.ASCII)
        assert meaning.kind in replies.WITH_CODE | {Kind.OK}
    if meaning.kind is Kind.OK:
        assert meaning.code is not None
    for letter in (meaning.group, meaning.reason, *(letter for letter, _ in meaning.counts)):
        assert letter is None or (re.fullmatch("[A-Z]", letter) and letter not in replies.LETTERS_NEVER_USED)
    assert meaning.group is None or meaning.kind is Kind.YES
    assert meaning.reason is None or meaning.kind in {Kind.NO, Kind.NOT_ARRIVED, Kind.DEPARTED}
    assert (meaning.kind is Kind.BEDS) == bool(meaning.counts or meaning.total is not None)
    assert not (meaning.counts and meaning.total is not None)
    letters = [letter for letter, _ in meaning.counts]
    assert len(set(letters)) == len(letters)
    for figure in (meaning.total or 0, *(figure for _, figure in meaning.counts)):
        assert 0 <= figure <= replies.MOST_BEDS
    assert bool(meaning.why) == (meaning.kind in {Kind.NOT_UNDERSTOOD, Kind.AUTOMATIC})


@given(ANYTHING)
def test_yes_needs_a_yes_word_and_no_a_no_word(body):
    kind, words = parse(body).kind, plain_words(body)
    if kind is Kind.YES:
        assert words & YES_WORDS
        assert not words & NO_WORDS
    if kind is Kind.NO:
        assert words & NO_WORDS
        assert not words & YES_WORDS
    if kind is Kind.NOT_ARRIVED:
        assert "arriv" in body.casefold() or words & {"arrived", "arrive", "arived", "arrivd", "notarrived"}
    if kind is Kind.OPT_OUT:
        assert words & {"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "opt"}


@given(SENTENCES)
@example('not " yes arrive')
def test_neither_case_nor_space_nor_invisible_marks_change_a_meaning(body):
    meaning = parse(body)
    for other in (body.upper(), f"  {body}\n", body.replace(" ", " \u200e \u200f"), body.replace(" ", "\n")):
        assert parse(other) == meaning


@given(SENTENCES)
def test_a_second_code_or_a_question_takes_every_action_away(body):
    meaning = parse(body)
    if meaning.kind in replies.WITH_CODE and meaning.code:
        other = "9999" if meaning.code != "9999" else "9998"
        assert parse(f"{body} {other}").kind not in ACTIONS
    if meaning.kind in ACTIONS:
        assert parse(f"{body}?").kind not in ACTIONS


@given(SENTENCES, st.sampled_from(["unless", "tomorrow", "wait", "joking", "cant", "nobody", "dont"]))
def test_a_word_we_do_not_know_takes_every_action_away(body, word):
    if parse(body).kind in ACTIONS - {Kind.NO}:
        assert parse(f"{body} {word}").kind not in ACTIONS


@given(SENTENCES)
def test_yes_and_no_together_never_act(body):
    assert parse(f"yes {body} no").kind not in {Kind.YES, Kind.NO}


@given(
    ANYTHING,
    st.sampled_from(
        ["Liked “{}”", "Laughed at “{}”", "Reacted 😂 to “{}”", "👍 to “{}”", "Removed a like from “{}”"]
    ),
)
def test_a_reaction_to_any_text_is_never_an_answer(body, reaction):
    assert parse(reaction.format(body)).kind not in ACTIONS | {Kind.OPT_OUT}


@given(ANYTHING)
def test_the_reason_never_repeats_what_was_typed(body):
    why = parse(body).why
    known = {row_why for _, row_why in DOES_NOTHING}
    known |= {
        "a reaction",
        "a forwarded text",
        "an automatic answer",
        "our own text",
        "undo takes no number",
        "",
    }
    assert why in known | {"same takes no number"}
