"""Cron fields and nicknames, told from words."""

from .reading import A_CRON, TimeExpressionError

NICKNAMES = {
    "hourly": "0 * * * *",
    "daily": "0 0 * * *",
    "midnight": "0 0 * * *",
    "weekly": "0 0 * * 0",
    "monthly": "0 0 1 * *",
    "quarterly": "0 0 1 1,4,7,10 *",
    "yearly": "0 0 1 1 *",
    "annually": "0 0 1 1 *",
}


# `0 9 * * 1`, `@daily`        cron
# `0 0 9 * * 1`, `9 * * *`     refused: six fields, and four with a star, are meant as cron
# `@reboot`                    refused by name
# `5 4 3 days`, `@1795000000`  words for the grammar
def cron_fields(expr: str) -> str | None:
    """The five fields where ``expr`` is a cron expression or nickname; None where it is neither."""
    words = expr.split()
    if len(words) == 1 and words[0].startswith("@") and words[0][1:2].isalpha():
        name = words[0][1:].lower()
        if name not in NICKNAMES:
            raise TimeExpressionError(f'"{words[0]}" is not read here (a nickname looks like "@daily")')
        return NICKNAMES[name]
    starred = len(words) == 4 and "*" in expr
    if (len(words) < 5 and not starred) or len(expr) > 500 or not all(_is_cron(word) for word in words[:3]):
        return None
    if len(words) == 5:
        return " ".join(",".join(map(_one_value, word.split(","))) for word in words)
    raise TimeExpressionError(f"a cron expression has five fields, this has {len(words)} ({A_CRON})")


def _is_cron(word: str) -> bool:
    return word.isascii() and set(word) <= set("0123456789*,-/Ll") and (word[0] in "*Ll" or word[0].isdigit())


def _one_value(part: str) -> str:
    """`5` for `5-5/2`, which cronsim takes for `5/2`: every second value from 5 on."""
    span, _, step = part.partition("/")
    first, _, last = span.partition("-")
    return first if first == last and step.isdigit() and int(step) else part
