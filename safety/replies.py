"""The grammar of texts that come in: what a person meant by one, or that it cannot be told.

A text acts only when every word of it is understood and all of them say one thing; whatever is ambiguous does nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

# Longer than any text the supplier passes on (ten segments).
LONGEST = 1600
MOST_BEDS = 99
LATE_BY_MINUTES = "30"


class Kind(StrEnum):
    """What a text was taken to mean."""

    YES = "yes"
    NO = "no"
    ARRIVED = "arrived"
    NOT_ARRIVED = "not_arrived"
    LATE = "late"
    BEDS = "beds"
    SAME = "same"
    UNDO = "undo"
    OK = "ok"
    INFO = "info"
    DEPARTED = "departed"
    OPT_OUT = "opt_out"
    NOT_UNDERSTOOD = "not_understood"
    AUTOMATIC = "automatic"


# What changes nothing by itself; every other kind asks for something to be done.
HARMLESS = frozenset({Kind.INFO, Kind.OPT_OUT, Kind.NOT_UNDERSTOOD, Kind.AUTOMATIC})
# What a code of four digits belongs to. Without one the code is None: the room acts if just one thing is waiting.
WITH_CODE = frozenset({Kind.YES, Kind.NO, Kind.ARRIVED, Kind.NOT_ARRIVED, Kind.LATE, Kind.DEPARTED})
_LETTERED = WITH_CODE - {Kind.ARRIVED, Kind.LATE}

# Letters no group and no reason may have: they are words, noughts, ones or a kiss at the end of a text.
LETTERS_NEVER_USED = frozenset("INOXY")


@dataclass(frozen=True)
class Reply:
    """What a text was taken to mean.

    code: four ASCII digits, three for OK, None when none was given. group: the letter of a YES ("YES 4821 W").
    reason: the letter of a NO, NOT_ARRIVED or DEPARTED. counts: (letter, beds) of BEDS in the order typed; total: the one
    figure of "BEDS 3"; BEDS has the one or the other. why: for NOT_UNDERSTOOD and AUTOMATIC, in a few words for the log of
    what was understood, never holding what was typed.
    """

    kind: Kind
    code: str | None = None
    group: str | None = None
    reason: str | None = None
    counts: tuple[tuple[str, int], ...] = ()
    total: int | None = None
    why: str = ""


def parse(body: str) -> Reply:
    """What an incoming text means. Never raises, whatever the text.

    Takes any case, spacing and punctuation, "YES4821" and "4821 yes", digits of any script, invisible marks and emoji, and
    Welsh IE and NA. A tapback, a forwarded copy of our own text and an automatic answer are AUTOMATIC: nobody is there to
    read what we would say back. A question, a condition or a word that is not known makes it NOT_UNDERSTOOD.
    """
    try:
        return _meaning(_read(body))
    except _Unclear as unclear:
        return Reply(unclear.kind, why=unclear.why)


class _Unclear(Exception):
    def __init__(self, why: str, kind: Kind = Kind.NOT_UNDERSTOOD) -> None:
        super().__init__(why)
        self.why = why
        self.kind = kind


# --- the words ---------------------------------------------------------------------------------------------------------

_KIND_OF_WORD: dict[str, Kind] = {
    word: kind
    for kind, words in {
        Kind.YES: "yes y yeah yep yup yea yess yesss aye ie oes",
        Kind.NO: "no n nope nah na nage",
        Kind.ARRIVED: "arrived arived arrivd",
        Kind.LATE: "late delayed",
        Kind.BEDS: "beds bed",
        Kind.SAME: "same",
        Kind.UNDO: "undo",
        Kind.OK: "ok okay",
        Kind.INFO: "info help",
        Kind.DEPARTED: "departed left",
    }.items()
    for word in words.split()
}

_NOT = frozenset("not hasnt havent didnt".split())
_NUMBERS = {
    word: number
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen twenty".split()
    )
} | {"none": 0, "nil": 0, "full": 0}
_GROUP_WORDS = {
    "women": "W", "womens": "W", "woman": "W", "womans": "W",
    "men": "M", "mens": "M", "man": "M", "mans": "M",
    "family": "F", "families": "F",
}  # fmt: skip

_POLITE = frozenset(
    "please pls plz thanks thankyou thx ta cheers diolch hi hello hey good morning afternoon evening "
    "code ref number the xx xxx".split()
)
# Words that may stand beside an answer because they cannot turn it round. What is not listed makes a text not understood:
# "no problem", "yes if she is alone" and "arriving soon" must do nothing.
_BESIDE: dict[Kind, frozenset[str]] = {
    kind: frozenset(words.split())
    for kind, words in {
        Kind.YES: (
            "we i can do will take accept accepted confirm confirmed sure fine great lovely perfect of course definitely "
            "absolutely certainly a have room space place available ready them her him it is that thats all good "
            "and with group"
        ),
        Kind.NO: (
            "sorry afraid unfortunately we i are im were a full room rooms space spaces cannot cant take them her him "
            "any reason because"
        ),
        Kind.ARRIVED: "they theyve she shes he hes we weve has have had just now safe safely well here and all is are with us it",
        Kind.NOT_ARRIVED: "they she he we has have had did and reason it is are us",
        Kind.LATE: "running we are were will be im i am a bit by sorry min mins minutes and",
        Kind.BEDS: "we have got now free available are is and vacant empty spare in group room rooms all",
        Kind.SAME: "as before still all again today it is are we have and beds",
        Kind.UNDO: "that last it sorry",
        Kind.OK: "on it i have got taking mine alert and",
        Kind.INFO: "more me",
        Kind.DEPARTED: "they theyve she shes he hes has have had now just us and all is are safely well reason it",
    }.items()
}

_KNOWN_WORDS = _POLITE.union(_KIND_OF_WORD, *_BESIDE.values())

_ASKING = re.compile(
    r"\b(?:has|have|had|is|are|did|can|could|will|do|does|shall)\s+(?:they|she|he|we|you|it|i)\b"
)

_GOOD_SIGNS = frozenset("👍✅✔👌☑💯")
_BAD_SIGNS = frozenset("👎❌✖🚫⛔🛑🙅✘✗☒")
_DOUBT_SIGNS = frozenset("🤔🤷❓❔")

# The supplier's own words for leaving, and the same with a space.
_OPT_OUT = frozenset(
    ("stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "opt out")
)

# --- what no person typed as an answer ---------------------------------------------------------------------------------

_QUOTE = "\"'“”„‟«»‹›‘’‚「」『』"
_TAPBACK = re.compile(
    rf"^\W*(?:(?:liked|loved|disliked|questioned|laughed at|emphasi[sz]ed)\s+(?:[{_QUOTE}]|an? (?:image|message|attachment))"
    rf"|reacted\s+.{{0,40}}?\bto\s+(?:[{_QUOTE}]|your|an? )"
    rf"|removed\s+.{{0,60}}?\bfrom\s+(?:[{_QUOTE}]|your|an? )"
    rf"|to\s+[{_QUOTE}])"
)
# Double quotation marks only: an apostrophe is not a quotation.
_QUOTED = re.compile(r"[“”„‟\"«](.*?)(?:[“”‟\"»]|$)|「(.*?)」|『(.*?)』", re.DOTALL)
# A person quotes a word or two; a phone that reacts to a text quotes all of it, with a verb of its own language before it.
_SHORTEST_COPY = 12
_OURS = re.compile(r"\bplaces\s+of\s+safety\b")
_FORWARDED = re.compile(r"^\W*(?:fwd?|forwarded(?: message)?|begin forwarded message)\b\s*[:>-]")
_AUTOMATIC = re.compile(
    r"\b(?:i\s?a?m|currently) driving\b|\bdriving (?:right )?now\b|\bdo not disturb\b|\bcant talk (?:right )?now\b"
    r"|\bout of (?:the )?office\b|\bon (?:annual )?leave\b|\baway from (?:my|the) (?:desk|phone|office)\b"
    r"|\bauto(?:matic|mated)?[\s-]*(?:reply|response|responder|text|message)\b|\bsent automatically\b"
    r"|\bnot monitored\b|\bno longer (?:in use|monitored)\b"
    r"|\bundeliverable\b|\bnot (?:be )?delivered\b|\bdelivery (?:has )?fail(?:ed|ure)\b"
)
_SIGNATURE = re.compile(r"\bsent from my [a-z0-9 ]{2,24}\W*$")


@dataclass
class _Text:
    """A text made plain: small letters, ASCII digits, no accents, apostrophes or invisible marks."""

    plain: str
    tokens: list[str]
    signs: set[str] = field(default_factory=set)


def _read(body: str) -> _Text:
    """Makes a text plain, and stops at what is blank, too long, an opt-out or not a person's answer."""
    if len(body) > LONGEST:
        raise _Unclear("too long")
    text = unicodedata.normalize("NFKC", "".join(map(_visible, body))).casefold()
    signs = {mark for mark in text if unicodedata.category(mark) == "So" or mark in _GOOD_SIGNS | _BAD_SIGNS}
    text = "".join(map(_ascii_digit, unicodedata.normalize("NFKD", text)))
    text = "".join(mark for mark in text if unicodedata.category(mark)[0] != "M")
    if re.sub(r"[^a-z0-9]+", " ", text).strip() in _OPT_OUT:
        raise _Unclear("", Kind.OPT_OUT)
    _stop_if_automatic(text, signs)
    plain = _SIGNATURE.sub("", re.sub(r"['’‘ʼ`´]", "", text)).replace("thank you", "thankyou")
    tokens = [token for word in re.findall(r"[^\W\d_]+|\d+", plain) for token in _unglued(word)]
    if not tokens and not signs:
        raise _Unclear("nothing but punctuation" if plain.strip() else "blank")
    return _Text(plain, tokens, signs)


def _visible(mark: str) -> str:
    """Drops what cannot be seen (direction marks, joiners) and makes every control and odd space a space."""
    category = unicodedata.category(mark)
    if category == "Cf":
        return ""
    return " " if category in {"Cc", "Zs", "Zl", "Zp", "Cs"} else mark


def _ascii_digit(mark: str) -> str:
    return str(unicodedata.decimal(mark)) if unicodedata.category(mark) == "Nd" else mark


def _unglued(word: str) -> Iterable[str]:
    """Takes apart what was typed without a space: "bedsw" (of "BEDSW2") and "notarrived"."""
    if word == "notarrived":
        return ("not", "arrived")
    if word.startswith("beds") and len(word) == len("beds") + 1:
        return ("beds", word[-1])
    return (word,)


def _stop_if_automatic(text: str, signs: set[str]) -> None:
    straight = re.sub(r"['’‘ʼ`´]", "", text)
    if _TAPBACK.match(text):
        raise _Unclear("a reaction", Kind.AUTOMATIC)
    copies = [" ".join("".join(filter(None, found.groups())).split()) for found in _QUOTED.finditer(text)]
    strange = set(re.findall(r"[^\W\d_]+", _QUOTED.sub(" ", straight))) - _KNOWN_WORDS
    if copies and (signs or (strange and max(map(len, copies)) >= _SHORTEST_COPY)):
        raise _Unclear("a reaction", Kind.AUTOMATIC)
    if _FORWARDED.match(straight):
        raise _Unclear("a forwarded text", Kind.AUTOMATIC)
    ours = _OURS.search(straight)
    if ours:
        # An answer with our text under it is a person's: it does nothing, since the yes may be part of the copy, but is told so.
        mixed = set(re.findall(r"[a-z]+", straight[: ours.start()])) & _KIND_OF_WORD.keys()
        raise _Unclear("our own text", Kind.NOT_UNDERSTOOD if mixed else Kind.AUTOMATIC)
    if _AUTOMATIC.search(straight):
        starts = re.match(r"\W*([a-z]+)\W*\d{4}\b", straight)
        answered = starts is not None and starts[1] in _KIND_OF_WORD
        raise _Unclear("an automatic answer", Kind.NOT_UNDERSTOOD if answered else Kind.AUTOMATIC)


# --- the meaning -------------------------------------------------------------------------------------------------------


def _meaning(text: _Text) -> Reply:
    kinds, words = _kinds(text.tokens)
    if not kinds:
        raise _Unclear(
            "only a number" if any(token.isdecimal() for token in text.tokens) else "no answer in it"
        )
    kind = _one_kind(kinds, text.tokens)
    asked = "?" in text.plain or "؟" in text.plain or text.signs & _DOUBT_SIGNS or _ASKING.search(text.plain)
    if asked and kind not in HARMLESS:
        raise _Unclear("a question")
    against = _GOOD_SIGNS if kind in {Kind.NO, Kind.NOT_ARRIVED} else _BAD_SIGNS
    if text.signs & against:
        raise _Unclear("words and signs disagree")
    return _READERS.get(kind, _coded)(kind, words, text)


def _kinds(tokens: list[str]) -> tuple[set[Kind], list[str]]:
    """The kinds of answer among the words, and every other word in its order."""
    kinds: set[Kind] = set()
    others: list[str] = []
    negated = False
    for token in tokens:
        if negated:
            # "did not arrive" is the one place where the bare verb says that something happened.
            if token not in {"arrived", "arrive", "arived", "arrivd"}:
                raise _Unclear("not")
            kinds.add(Kind.NOT_ARRIVED)
            negated = False
        elif token in _NOT:
            negated = True
        elif token in _KIND_OF_WORD:
            kinds.add(_KIND_OF_WORD[token])
        else:
            others.append(token)
    if negated:
        raise _Unclear("not")
    return kinds, others


def _one_kind(kinds: set[Kind], tokens: list[str]) -> Kind:
    """The one thing all answer words say together."""
    if len(kinds) == 1:
        return next(iter(kinds))
    has_code = any(token.isdecimal() and len(token) == 4 for token in tokens)
    for together, meant in (
        ({Kind.NO, Kind.NOT_ARRIVED}, Kind.NOT_ARRIVED),
        ({Kind.YES, Kind.ARRIVED}, Kind.ARRIVED),
        ({Kind.YES, Kind.DEPARTED}, Kind.DEPARTED),
        ({Kind.BEDS, Kind.SAME}, Kind.SAME),
        *((({Kind.OK, kind}), kind) for kind in Kind if kind not in {Kind.NO, Kind.NOT_ARRIVED, Kind.OK}),
    ):
        if kinds == together:
            return meant
    if has_code and kinds in ({Kind.YES, Kind.BEDS}, {Kind.NO, Kind.BEDS}):
        return (kinds - {Kind.BEDS}).pop()
    if {Kind.YES, Kind.NO} <= kinds:
        raise _Unclear("yes and no")
    if {Kind.ARRIVED, Kind.NOT_ARRIVED} <= kinds:
        raise _Unclear("arrived and not arrived")
    raise _Unclear("two answers")


def _coded(kind: Kind, words: list[str], text: _Text) -> Reply:
    """An answer that belongs to a code of four digits, perhaps with a letter beside it."""
    code, rest = _code(words, kind)
    letter, rest = _letter(kind, rest, text.tokens)
    _all_known(kind, rest)
    if kind is Kind.YES:
        return Reply(kind, code=code, group=letter)
    return Reply(kind, code=code, reason=letter)


def _code(words: list[str], kind: Kind) -> tuple[str | None, list[str]]:
    """The code, and the words without figures. The same code twice is one; "48 21" is 4821 in two pieces."""
    figures = [word for word in words if word.isdecimal()]
    rest = [word for word in words if not word.isdecimal()]
    codes = {word for word in figures if len(word) == 4}
    if kind is Kind.LATE and (codes or set(figures) == {LATE_BY_MINUTES}):
        figures = [word for word in figures if word != LATE_BY_MINUTES]
    if not figures:
        return None, rest
    if len(codes) > 1:
        raise _Unclear("two codes")
    if codes and len(codes) < len(set(figures)):
        raise _Unclear("another number")
    if codes:
        return codes.pop(), rest
    joined = "".join(figures)
    if len(joined) == 4 and _stand_together(words):
        return joined, rest
    raise _Unclear("a code has four digits")


def _stand_together(words: list[str]) -> bool:
    places = [place for place, word in enumerate(words) if word.isdecimal()]
    return places == list(range(places[0], places[0] + len(places)))


def _letter(kind: Kind, words: list[str], tokens: list[str]) -> tuple[str | None, list[str]]:
    """The letter of a group or reason, and the words without it. It stands right beside the answer or the code."""
    words = [word for word in words if not _is_kiss(word, tokens)]
    letters = [word for word in words if len(word) == 1 and _is_letter(word)]
    if not letters or kind not in _LETTERED:
        return None, words
    if letters == ["a"] and "a" in _BESIDE[kind]:
        after = tokens[tokens.index("a") + 1 :]
        if after and after[0] in {"room", "bed", "space", "place"}:
            return None, words
    if len(set(letters)) > 1:
        raise _Unclear("two letters")
    letter = letters[0]
    beside = {
        tokens[other]
        for place, token in enumerate(tokens)
        if token == letter
        for other in (place - 1, place + 1)
        if 0 <= other < len(tokens)
    }
    if not any(
        near.isdecimal() or near in _KIND_OF_WORD or near in {"arrive", "group", "reason"} for near in beside
    ):
        raise _Unclear("a letter by itself")
    return letter.upper(), [word for word in words if word != letter]


def _is_letter(word: str) -> bool:
    return "a" <= word <= "z" and word.upper() not in LETTERS_NEVER_USED


def _is_kiss(word: str, tokens: list[str]) -> bool:
    return word == "x" and tokens[-1] == "x"


def _all_known(kind: Kind, words: Iterable[str]) -> None:
    if not all(word in _POLITE or word in _BESIDE[kind] for word in words):
        raise _Unclear("words we do not know")


def _claim(kind: Kind, words: list[str], text: _Text) -> Reply:
    figures = [word for word in words if word.isdecimal()]
    _all_known(kind, [word for word in words if not word.isdecimal() and not _is_kiss(word, text.tokens)])
    if not figures:
        raise _Unclear("no code")
    if len(set(figures)) > 1:
        raise _Unclear("two codes")
    if len(figures[0]) != 3:
        raise _Unclear("ok takes three digits")
    return Reply(kind, code=figures[0])


def _plain_word(kind: Kind, words: list[str], text: _Text) -> Reply:
    if any(word.isdecimal() for word in words) and kind is not Kind.INFO:
        raise _Unclear(f"{kind} takes no number")
    _all_known(kind, [word for word in words if not word.isdecimal() and not _is_kiss(word, text.tokens)])
    return Reply(kind)


def _beds(kind: Kind, words: list[str], text: _Text) -> Reply:
    """One figure ("BEDS 3", "3 beds"), or letters and figures by turns ("BEDS W2 F1", "BEDS 2 women 1 family")."""
    if re.search(r"[-+−‐‒–—―~<>≤≥±]\s*\d|\d\s*[-+−‐‒–—―/.]\s*\d|\b(?:minus|negative)\b", text.plain):
        raise _Unclear("not a plain number of beds")
    items: list[tuple[str, int | None]] = []
    rest: list[str] = []
    for word in words:
        if word.isdecimal() or word in _NUMBERS:
            items.append(("", _beds_in(word)))
        elif (len(word) == 1 and _is_letter(word)) or word in _GROUP_WORDS:
            items.append((_GROUP_WORDS.get(word, word.upper()), None))
        elif not _is_kiss(word, text.tokens):
            rest.append(word)
    _all_known(kind, rest)
    figures = [figure for _, figure in items if figure is not None]
    if not figures:
        raise _Unclear("no number of beds")
    if max(figures) > MOST_BEDS:
        raise _Unclear("too many beds")
    if len(items) == 1:
        return Reply(kind, total=figures[0])
    first, second = items[0::2], items[1::2]
    letters, numbers = (first, second) if items[0][0] else (second, first)
    if len(first) != len(second) or not all(name for name, _ in letters) or any(name for name, _ in numbers):
        raise _Unclear("letters and numbers do not pair")
    counts: dict[str, int] = {}
    for (name, _), (_, figure) in zip(letters, numbers, strict=True):
        if counts.setdefault(name, figure or 0) != figure:
            raise _Unclear("two numbers for one letter")
    return Reply(kind, counts=tuple(counts.items()))


def _beds_in(word: str) -> int:
    """How many a figure or number word says; a figure of three digits and more is simply too many."""
    if word in _NUMBERS:
        return _NUMBERS[word]
    return int(word) if len(word) <= 2 else MOST_BEDS + 1


_READERS: dict[Kind, Callable[[Kind, list[str], _Text], Reply]] = {
    Kind.BEDS: _beds,
    Kind.OK: _claim,
    Kind.SAME: _plain_word,
    Kind.UNDO: _plain_word,
    Kind.INFO: _plain_word,
}
