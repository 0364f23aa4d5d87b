"""What a text that came in was taken for, and what was done about it, in words for a coordinator."""

from __future__ import annotations

from collections.abc import Mapping

_KINDS: Mapping[str, str] = {
    "yes": "yes",
    "no": "no",
    "arrived": "they have arrived",
    "not_arrived": "they did not arrive",
    "late": "running 30 minutes late",
    "beds": "how many beds are free",
    "same": "the same beds as before",
    "undo": "take the last count back",
    "ok": "taking an alert",
    "info": "asking what can be texted",
    "departed": "they have left",
    "opt_out": "wanting no more texts",
    "opt_in": "wanting texts again",
    "automatic": "an automatic answer",
    "not_understood": "nothing we could tell",
    "nothing": "nothing that needs doing",
}
# By the whole outcome, or by what stands after its colon.
_OUTCOMES: Mapping[str, str] = {
    "done": "Done",
    "same": "It was recorded so already",
    "settled": "It was settled already, so nothing was changed",
    "no_bed": "Nothing was changed: the bed was gone",
    "conflict": "Nothing was changed: it was recorded otherwise",
    "again": "Noted",
    "which_group": "Nothing was changed: they were asked which group",
    "no_such_group": "Nothing was changed: they have no such group",
    "no_room": "Nothing was changed: no room out of service fits",
    "use_page": "Nothing was changed: they were asked to sign in",
    "not_yours_now": "Nothing was changed: it is no longer theirs",
    "code_not_known": "Nothing was changed: the code is not theirs",
    "code_needed": "Nothing was changed: they were asked for the code",
    "came_too_late": "Nothing was changed: it came too late to be sure",
    "not_understood": "Nothing was done, and they were told so",
    "automatic": "Nothing was done",
    "dismissed": "A coordinator says it needs nothing",
    "unknown_number": "Nothing was done: we do not know the number",
}


def taken_for(meaning: str) -> str:
    """What a text was taken for, after "Taken for:"."""
    return _KINDS.get(meaning, meaning.replace("_", " "))


def outcome_words(outcome: str) -> str:
    """What was done about it. A sentence without its full stop; nothing when there is no more to say."""
    return _OUTCOMES.get(outcome) or _OUTCOMES.get(outcome.partition(":")[2], "")
