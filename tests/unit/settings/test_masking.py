"""Secrets are masked wherever a read may cut them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from defer.settings.masking import MASK, NOTHING, Held, Masker

pytestmark = pytest.mark.thorough

SECRETS = st.lists(st.binary(min_size=4, max_size=8).filter(lambda one: one not in MASK), max_size=4)


def masked(secrets: list[bytes], pieces: list[bytes]) -> bytes:
    masker = Masker(secrets)
    return b"".join([*map(masker.feed, pieces), masker.finish()])


def handed_over(secrets: list[bytes], pieces: list[bytes]) -> bytes:
    """The same by a chain of maskers, each of which goes on where the one before it was killed."""
    out, masker = b"", Masker(secrets)
    for piece in pieces:
        masker = Masker(secrets, masker.held)
        out += masker.feed(piece)
    return out + masker.finish()


def test_a_secret_in_one_piece_or_cut_anywhere():
    for cut in range(20):
        text = b"before s3cr3t-value after"
        assert masked([b"s3cr3t-value"], [text[:cut], text[cut:]]) == b"before [masked] after"


def test_a_secret_byte_by_byte_and_twice_in_a_row():
    assert masked([b"secret"], [bytes([one]) for one in b"xsecretsecrety"]) == b"x[masked][masked]y"


def test_the_longer_of_two_that_begin_alike():
    assert masked([b"secret", b"secret-longer"], [b"secret-lon", b"ger secret-lo"]) == b"[masked] [masked]-lo"


def test_a_secret_of_one_byte_and_none_of_nothing():
    assert masked([b"", b"1"], [b"abc 1", b"", b"11"]) == b"abc [masked][masked][masked]"


def test_what_cannot_be_a_secret_is_not_held_back():
    assert Masker([]).feed(b"x") == b"x"
    assert Masker([b"secret"]).feed(b"x" * 100) == b"x" * 100
    masker = Masker([b"secret", b"s3cret"])
    assert (masker.feed(b"xxs"), masker.held) == (b"xx", Held(b"s"))
    assert (masker.feed(b"e"), masker.held) == (b"", Held(b"se"))
    assert (masker.feed(b"arch"), masker.held) == (b"search", NOTHING)


@pytest.mark.parametrize(
    ("secrets", "text", "wanted"),
    [
        ([b"ABCD1234", b"1234EFGH"], b".ABCD1234EFGH.", b".[masked]."),
        ([b"ABCD1234", b"1234EFGH", b"EFGHIJKL"], b"ABCD1234EFGHIJKL", b"[masked]"),
        ([b"secret", b"cre"], b"a secret, cre", b"a [masked], [masked]"),
        ([b"aaaa"], b"aaaaaaaaaaa b aaa", b"[masked] b aaa"),
        ([b"abab"], b"abababa", b"[masked]a"),
        ([b"aabaa"], b"aabaabaa aabaaabaa", b"[masked] [masked]"),
        ([b"ABCD", b"BCDE"], b"ABCDABCDE", b"[masked][masked]"),
        ([b"abcd", b"abcdefgh", b"fghi"], b"abcdefghi abcdefg", b"[masked] [masked]efg"),
    ],
)
def test_what_secrets_cover_together_is_one_mask_wherever_it_is_cut(secrets, text, wanted):
    assert masked(secrets, [text]) == wanted
    assert masked(secrets, [bytes([one]) for one in text]) == wanted
    for cut in range(len(text)):
        assert masked(secrets, [text[:cut], text[cut:]]) == wanted
        assert handed_over(secrets, [text[:cut], text[cut:]]) == wanted


def test_a_mask_in_the_text_is_no_place_to_look_into():
    assert masked([b"secret", b"ask"], [b"secret ask"]) == b"[masked] [masked]"


@pytest.mark.parametrize(
    ("secrets", "text", "is_in"),
    [
        ([b"12345678"], "12345678", True),
        ([b"12345678"], "9123456789", True),
        ([b"4711"], "0.4711", True),
        ([b"471"], "471", True),
        ([b"471"], "14710", False),
        ([b"1", b""], "11", False),
        ([b"4711"], "471", False),
    ],
)
def test_what_gives_a_secret_away_where_a_mask_in_part_is_of_no_use(secrets, text, is_in):
    assert Masker(secrets).is_in(text) is is_in


def test_a_first_letter_that_is_printed_on_and_on_is_looked_at_once():
    """Not once for each place at which the secret might begin: that would take hours."""
    assert masked([b"a" + b"b" * 1_000_000], [b"a" * 2_000_000]) == b"a" * 2_000_000


def test_a_run_without_an_end_is_let_out_and_takes_no_memory():
    """Each place overlaps with the next: the mask never ends, and no more is held than may begin a secret."""
    masker = Masker([b"a" * 3000, b"aaaa"])
    out = b"".join(masker.feed(b"a" * 60_000) for _ in range(20))
    assert (out, masker.held) == (MASK, Held(b"a" * 2999, 2999))
    assert out + masker.feed(b"b") + masker.finish() == MASK + b"b"


def test_meta_characters_stand_for_themselves():
    assert masked([b"a.*b+"], [b"a.*b+ axxbb"]) == b"[masked] axxbb"


def test_text_with_any_character():
    masker = Masker(["grün-☃-geheim".encode()])
    assert masker.text("ist grün-☃-geheim \udcff") == "ist [masked] \udcff"


@given(SECRETS, st.lists(st.binary(max_size=12), max_size=8))
@example([b"aaaa"], [b"aaa", b"aa", b"aaaa"])
@example([b"abab", b"baba"], [b"aba", b"bab"])
def test_pieces_are_masked_as_the_whole_is(secrets, pieces):
    assert masked(secrets, pieces) == Masker(secrets).whole(b"".join(pieces)) == handed_over(secrets, pieces)


FEW_LETTERS = st.text("ab", max_size=5).map(str.encode)


@given(st.lists(FEW_LETTERS, max_size=3), st.lists(st.text("abc", max_size=6).map(str.encode), max_size=6))
def test_exactly_what_secrets_cover_is_masked(secrets, pieces):
    """Held to a slow reading of the rule: every place of every secret, those that overlap taken together."""
    assert masked(secrets, pieces) == by_the_rule(secrets, b"".join(pieces)) == handed_over(secrets, pieces)


def by_the_rule(secrets: list[bytes], text: bytes) -> bytes:
    starts = [
        (at, at + len(one)) for one in filter(None, secrets) for at in range(len(text)) if text.startswith(one, at)
    ]
    out, end = b"", 0
    for start, stop in sorted(starts):
        out += text[end:start] + MASK if start >= end else b""
        end = max(end, stop)
    return out + text[end:]


@given(st.data())
def test_no_secret_is_left(data):
    secrets = data.draw(st.lists(st.text("abcXYZ", min_size=4, max_size=6).map(str.encode), min_size=1, max_size=3))
    text = b"".join(data.draw(st.lists(st.sampled_from([*secrets, b"a", b"-"]), max_size=12)))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=4)))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    out = masked(secrets, pieces)
    assert not any(one in out.replace(MASK, b"|") for one in secrets)


@given(st.lists(st.text("XYZ", min_size=1).map(str.encode)), st.lists(st.text("abc é").map(str.encode)))
def test_text_without_secrets_is_as_it_was(secrets, pieces):
    assert masked(secrets, pieces) == b"".join(pieces)
