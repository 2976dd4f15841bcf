"""Commands that may be told several tasks: which are meant, and what is said of each.

Of one task that is told by its id an object is printed, of any other choice an array; what was refused is said on
stderr, and does not keep the others from their change.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from defer import exits
from defer.errors import EXIT_OK, EXIT_REFUSED, BadInput, NoSuchTask, Refused
from defer.record import versions
from defer.record.codec import Task

from . import glance, ids, output

if TYPE_CHECKING:
    from argparse import Namespace

    from defer.client import Client

_Became = TypeVar("_Became")


class Chosen(NamedTuple):
    """The ids of the tasks that are meant; ``is_one``: a single one, told by its id."""

    ids: list[str]
    is_one: bool


def chosen(client: Client, args: Namespace, name: str, may: Callable[[Task], bool] = lambda _: True) -> Chosen:
    """Which tasks a command is told. By a label, or as all, those alone that it ``may`` change.

    Raises BadInput where nothing is told, or an id beside a label; Refused for what means several tasks, or none.
    """
    tags, everything = getattr(args, "tag", None), getattr(args, "all", False)
    if not tags and not everything:
        return _told(client, glance.the_ids(args, name), name)
    if args.id_words or args.id or (tags and everything):
        ways = "ids, --tag or --all" if hasattr(args, "all") else "ids or --tag"
        raise BadInput(f"{name} takes {ways} (give one of them)", field="id")
    found = sorted((one for one in client.tasks() if may(one) and has_tags(one, tags or ())), key=_order)
    if not found:
        of = f" with the tag {' and '.join(tags)}" if tags else ""
        raise Refused(f"no task to {name}{of} (see defer list --all)")
    return Chosen([one["id"] for one in found], is_one=False)


def _order(one: Task) -> tuple[str, str]:
    return one["run_at"], one["id"]


def _told(client: Client, words: list[str], name: str) -> Chosen:
    """The ids that are meant by the words after a command.

    Words of which some mean no task may be a line that somebody speaks, `cancel the meeting in 2h`: nothing is changed
    then by what is the beginning of an id, and by nothing if the line has a time. Raises NoSuchTask, Refused.
    """
    meant = {word: ids.meant(client, word) for word in words}
    unknown = [word for word in words if len(words) > 1 and not ids.is_known(client, meant[word])]
    if unknown:
        from . import mistyped

        is_guessed = any(one != word for word, one in meant.items())
        if is_guessed or mistyped.line([name, *words], lambda: client) is not None:
            raise NoSuchTask(", ".join(unknown))
    return Chosen(list(dict.fromkeys(meant.values())), len(words) == 1)


def has_tags(one: Task, tags: Iterable[str]) -> bool:
    """Whether a task has all of these labels."""
    known = None if versions.is_newer(one) else one.get("tags")
    return not (wanted := set(tags)) or (isinstance(known, list) and wanted <= set(map(str, known)))


def attempted(wanted: Chosen, act: Callable[[str], _Became]) -> tuple[dict[str, _Became], dict[str, Refused]]:
    """What ``act`` makes of each, one after the other, and why nothing of the others."""
    became: dict[str, _Became] = {}
    refused: dict[str, Refused] = {}
    for one in wanted.ids:
        try:
            became[one] = act(one)
        except Refused as error:
            refused[one] = error
        except BadInput as error:
            if wanted.is_one:
                raise
            refused[one] = Refused(f"{one}: {error}")
    return became, refused


def answer(
    args: Namespace,
    wanted: Chosen,
    refused: Mapping[str, Refused],
    records: Iterable[Mapping[str, Any]],
    said: Callable[[], Iterable[str]],
) -> int:
    """Print what became of each, for a person as it is ``said``; the exit status.

    Raises why the only one was refused.
    """
    unknown = [one for one, error in refused.items() if isinstance(error, NoSuchTask)]
    if len(unknown) == len(wanted.ids) > 1:
        raise NoSuchTask(", ".join(unknown))
    if wanted.is_one:
        for error in refused.values():
            raise error
    if output.is_for_people(args):
        output.say(*said())
    elif wanted.is_one:
        for one in records:
            output.print_object(one, args.compact)
    else:
        output.json_array(records, args.compact, sys.stdout)
    for error in refused.values():
        exits.tell(str(error))
    return EXIT_REFUSED if refused else EXIT_OK
