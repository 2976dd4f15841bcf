"""What would be obeyed, or could not be seen, is shown; what is text stays."""

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defer import visible

OBEYED = {
    "escape": ("\x1b[2J", r"\x1b[2J"),
    "null": ("\x00", r"\x00"),
    "bell": ("\x07", r"\x07"),
    "backspace": ("\x08", r"\x08"),
    "vertical tab": ("\x0b", r"\x0b"),
    "form feed": ("\x0c", r"\x0c"),
    "file separator": ("\x1c", r"\x1c"),
    "delete": ("\x7f", r"\x7f"),
    "next line": ("\x85", r"\x85"),
    "an escape sequence's start in one byte": ("\x9b31m", r"\x9b31m"),
    "a system command's start in one byte": ("\x9d0;title\x9c", r"\x9d0;title\x9c"),
    "a link": ("\x1b]8;;http://x\x07text\x1b]8;;\x07", r"\x1b]8;;http://x\x07text\x1b]8;;\x07"),
    "line separator": ("\u2028", r"\u2028"),
    "paragraph separator": ("\u2029", r"\u2029"),
    "Arabic letter mark": ("\u061c", r"\u061c"),
    "left-to-right mark": ("\u200e", r"\u200e"),
    "right-to-left mark": ("\u200f", r"\u200f"),
    "right-to-left override": ("photo\u202egnp.sh", r"photo\u202egnp.sh"),
    "isolates": ("\u2066\u2067\u2068\u2069", r"\u2066\u2067\u2068\u2069"),
    "old shaping controls": ("\u206a\u206f", r"\u206a\u206f"),
    "byte order mark": ("\ufeff", r"\ufeff"),
    "annotations": ("\ufff9\ufffb", r"\ufff9\ufffb"),
    "tag characters": ("\U000e0001\U000e0068\U000e0069", r"\U000e0001\U000e0068\U000e0069"),
    "a flag of tag characters": ("\U0001f3f4\U000e0067\U000e007f", "\U0001f3f4" + r"\U000e0067\U000e007f"),
    "half of a pair": ("\ud83d", r"\ud83d"),
    "a byte that was not UTF-8": ("\udc80", r"\udc80"),
    "a joiner behind nothing": ("\u200dx", r"\u200dx"),
    "a joiner behind a blank": ("x \u200cx", r"x \u200cx"),
    "a word in joiners": ("a\u200b\u200c\u200b\u200c", r"a\u200b\u200c\u200b\u200c"),
    "a word in variation selectors": ("\U0001f600" + "\ufe01" * 4, "\U0001f600" + r"\ufe01" * 4),
    "a word in variation selectors beyond": ("a" + "\U000e0101" * 4, "a" + r"\U000e0101" * 4),
}

TEXT = {
    "a profession": "\U0001f469\U0001f3fd\u200d\u2695\ufe0f",
    "a family": "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "a heart on fire": "\u2764\ufe0f\u200d\U0001f525",
    "a rainbow flag": "\U0001f3f3\ufe0f\u200d\U0001f308",
    "a keycap": "1\ufe0f\u20e3",
    "a country's flag": "\U0001f1e9\U0001f1ea",
    "Persian": "می\u200cخواهم",
    "Hindi": "क्\u200dष",
    "Hebrew": "שלום",
    "combining marks": "e\u0301 Z\u0351\u036b\u0343",
    "an ideograph's variant": "\u8fbb\U000e0100",
    "Khmer with its word breaks": "សួស្តី\u200bពិភពលោក",
    "a soft hyphen": "Donau\xaddampf",
    "a private character": "\ue0b0",
    "an unassigned character": "\U0001fbff",
    "a blank that does not break": "10\xa0km",
    "a backslash": r"C:\temp \x1b",
}


@pytest.mark.parametrize(("given", "shown"), OBEYED.values(), ids=OBEYED)
def test_what_would_be_obeyed_is_shown(given, shown):
    assert visible.line(given) == visible.lines(given) == visible.sentence(given) == shown


@pytest.mark.parametrize("text", TEXT.values(), ids=TEXT)
def test_what_is_text_stays(text):
    assert visible.line(text) == visible.lines(text) == visible.sentence(text) == text


# Unicode 16, DerivedCoreProperties.txt: what is drawn as nothing where it is not understood.
IGNORABLE = (
    "00AD 034F 061C 115F-1160 17B4-17B5 180B-180F 200B-200F 202A-202E 2060-206F 3164 FE00-FE0F FEFF FFA0 FFF0-FFF8 "
    "1BCA0-1BCA3 1D173-1D17A E0000-E0FFF"
)


@pytest.mark.parametrize("span", IGNORABLE.split())
def test_no_row_of_what_is_drawn_as_nothing_is_left(span):
    first, _, last = span.partition("-")
    for point in range(int(first, 16), int(last or first, 16) + 1):
        char = chr(point)
        for text in (char, f"a {char}b", f"a\n{char}b", f"a{char * 4}b", f"a{char * 9}"):
            assert char not in visible.lines(text), hex(point)


def test_newlines_tabs_and_blanks_each_in_their_way():
    text = " one\r\n\ttwo  three\rfour\n"
    assert visible.line(text) == r" one\r\n\ttwo  three\rfour\n"
    assert visible.lines(text) == " one\n\ttwo  three\\rfour\n"
    assert visible.sentence(text) == "one two three four"


def test_a_sentence_is_cut_at_its_limit_and_never_behind_a_joiner():
    assert visible.sentence("abcdef", 6) == "abcdef"
    assert visible.sentence("abcdefg", 6) == "abcde…"
    assert visible.sentence("abc" + " " * 100 + "d", 6) == "abc…"
    assert visible.sentence("abc\U0001f469\u200d\u2695\ufe0f", 6) == "abc\U0001f469…"


@pytest.mark.parametrize("value", [None, 5, ["\x1b"], {"a": 1}])
def test_a_value_of_another_type_is_shown_as_its_text(value):
    assert visible.line(value) == visible.lines(value) == visible.sentence(value) == str(value)


BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
TAGS = "".join(map(chr, range(0xE0000, 0xE0080)))
any_text = st.text(
    st.characters() | st.sampled_from([given[0] for given, _ in OBEYED.values()] + [*BIDI, *TAGS, "\n", "\u200d"])
)


def hostile(text: str) -> list[str]:
    """The characters of ``text`` that must not arrive anywhere, told by Unicode's categories instead of our table."""
    return [one for one in text if unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") or one in BIDI + TAGS]


@given(any_text)
def test_nothing_hostile_is_left_of_any_text(text):
    assert hostile(visible.line(text)) == hostile(visible.sentence(text)) == []
    assert set(hostile(visible.lines(text))) <= {"\n", "\t"}
    assert len(visible.line(text).splitlines()) <= 1
    visible.lines(text).encode()


@given(any_text)
def test_what_was_shown_once_stays_as_it_is(text):
    for show in (visible.line, visible.lines, visible.sentence):
        assert show(show(text)) == show(text)


@given(any_text)
def test_json_means_what_it_meant(text):
    for form in ({"ensure_ascii": False}, {"ensure_ascii": False, "indent": 2}, {}):
        written = json.dumps([text, {text: 1}], **form)
        shown = visible.in_json(written)
        assert json.loads(shown) == json.loads(json.dumps([text, {text: 1}]))
        assert set(hostile(shown)) <= {"\n"}
        if not re.search("[\ud800-\udfff]", text):
            assert visible.in_json_line(written.encode()) == shown.encode()


@pytest.mark.slow
def test_every_character_of_its_kind_is_shown_in_json_and_in_a_line_of_bytes():
    for point in range(0x110000):
        char = chr(point)
        as_text = visible.in_json(f'"{char}"')
        as_bytes = visible.in_json_line(f'"{char}"'.encode(errors="surrogatepass"))
        assert as_bytes.decode(errors="surrogatepass") == as_text, hex(point)
        assert (as_text == f'"{char}"') == (point < 0x20 or visible.lines(f"x{char}") == f"x{char}"), hex(point)


@pytest.mark.parametrize(("text", "has"), [("", True), ("é😀", True), ("a\ud83d", False), ("\udcff", False)])
def test_only_half_of_a_surrogate_pair_has_no_utf_8_form(text, has):
    assert visible.has_utf8_form(text) is has
