"""Secrets are masked wherever a read may cut them."""

from hypothesis import example, given
from hypothesis import strategies as st

from defer.masking import MASK, Masker

SECRETS = st.lists(st.binary(min_size=4, max_size=8).filter(lambda one: one not in MASK), max_size=4)


def masked(secrets: list[bytes], pieces: list[bytes]) -> bytes:
    masker = Masker(secrets)
    return b"".join([*map(masker.feed, pieces), masker.finish()])


def test_a_secret_in_one_piece_or_cut_anywhere():
    for cut in range(20):
        text = b"before s3cr3t-value after"
        assert masked([b"s3cr3t-value"], [text[:cut], text[cut:]]) == b"before [masked] after"


def test_a_secret_byte_by_byte_and_twice_in_a_row():
    assert masked([b"secret"], [bytes([one]) for one in b"xsecretsecrety"]) == b"x[masked][masked]y"


def test_the_longer_of_two_that_begin_alike():
    assert masked([b"secret", b"secret-longer"], [b"secret-lon", b"ger secret-lo"]) == b"[masked] [masked]-lo"


def test_values_that_are_too_short_to_be_secrets_are_left():
    assert masked([b"abc", b"", b"1"], [b"abc 1"]) == b"abc 1"


def test_what_cannot_be_a_secret_is_not_held_back():
    assert Masker([]).feed(b"x") == b"x"
    assert Masker([b"secret"]).feed(b"x" * 100) == b"x" * 100
    masker = Masker([b"secret", b"s3cret"])
    assert (masker.feed(b"xxs"), masker.held) == (b"xx", b"s")
    assert (masker.feed(b"e"), masker.held) == (b"", b"se")
    assert (masker.feed(b"arch"), masker.held) == (b"search", b"")


def test_meta_characters_stand_for_themselves():
    assert masked([b"a.*b+"], [b"a.*b+ axxbb"]) == b"[masked] axxbb"


def test_text_with_any_character():
    masker = Masker(["grün-☃-geheim".encode()])
    assert masker.text("ist grün-☃-geheim \udcff") == "ist [masked] \udcff"


@given(SECRETS, st.lists(st.binary(max_size=12), max_size=8))
@example([b"aaaa"], [b"aaa", b"aa", b"aaaa"])
@example([b"abab", b"baba"], [b"aba", b"bab"])
def test_pieces_are_masked_as_the_whole_is(secrets, pieces):
    assert masked(secrets, pieces) == Masker(secrets).whole(b"".join(pieces))


@given(st.data())
def test_no_secret_is_left(data):
    secrets = data.draw(st.lists(st.text("abcXYZ", min_size=4, max_size=6).map(str.encode), min_size=1, max_size=3))
    text = b"".join(data.draw(st.lists(st.sampled_from([*secrets, b"a", b"-"]), max_size=12)))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=4)))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    out = masked(secrets, pieces)
    assert not any(one in out.replace(MASK, b"|") for one in secrets)
