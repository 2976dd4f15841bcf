"""The text of task files: what YAML, JSON and front matter come to, and where a bad one is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defer.taskfiles import formats, write
from defer.taskfiles.formats import Complaint, read
from support import DEADLINE_SECONDS, ROOT


def complaint(suffix: str, text: str) -> tuple[int | None, str | None, str]:
    with pytest.raises(Complaint) as caught:
        read(suffix, text)
    return caught.value.line, caught.value.field, caught.value.what


def test_yaml_comes_to_plain_data_with_the_line_of_each_field() -> None:
    text = "# a comment\nname: Ada\n\nenv:\n  A: x\n  B: 8080\ntags: [a, 'b c']\nenabled: false\nnothing:\n"
    found = read(".yml", text)
    assert found.values == {
        "name": "Ada",
        "env": {"A": "x", "B": 8080},
        "tags": ["a", "b c"],
        "enabled": False,
        "nothing": None,
    }
    assert found.lines == {"name": 2, "env": 4, "env.A": 5, "env.B": 6, "tags": 7, "enabled": 8, "nothing": 9}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("2026-12-24", "2026-12-24"),
        ("2026-12-24T09:00:00Z", "2026-12-24T09:00:00Z"),
        ("0 9 * * 1-5", "0 9 * * 1-5"),
        ("every day at 9:30", "every day at 9:30"),
        ("yes", "yes"),
        ("True", True),
        ("~", None),
        ("12", 12),
        ("010", "010"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("1.5", 1.5),
        ("1e3", "1e3"),
        (".inf", ".inf"),
        ("12:30", "12:30"),
        ("'12'", "12"),
        ("&a x", "x"),
        ("|\n  one\n   two\n", "one\n two\n"),
        (">-\n  one\n  two\n", "one two"),
    ],
)
def test_a_scalar_is_what_it_is_written_as(written: str, value: object) -> None:
    found = read(".yml", f"field: {written}").values["field"]
    assert found == value
    assert type(found) is type(value)


def test_an_alias_stands_for_its_anchor() -> None:
    assert read(".yaml", "a: &x [1, 2]\nb: *x\n").values == {"a": [1, 2], "b": [1, 2]}
    assert read(".yml", "a: &x 1\nb: *x\nc: &x 2\nd: *x\n").values == {"a": 1, "b": 1, "c": 2, "d": 2}


@pytest.mark.parametrize(
    ("text", "line", "field", "said"),
    [
        ("# every five\nschedule: */5 * * * *\n", 2, "schedule", 'put it in quotes: schedule: "*/5 * * * *"'),
        ("cron: * * * * *  # often\n", 1, "cron", 'put it in quotes: cron: "* * * * *"'),
        ("cron: *", 1, "cron", 'put it in quotes: cron: "*"'),
        ("schedule: *nightly\n", 1, "schedule", 'put it in quotes: schedule: "*nightly"'),
        ("schedule: @daily\n", 1, "schedule", 'put it in quotes: schedule: "@daily"'),
        ("schedule: every day: 9\n", 1, "schedule", 'put it in quotes: schedule: "every day: 9"'),
        ("env:\n  TOKEN: *hush\n", 2, "TOKEN", "text that starts with * is an alias in YAML (put the text in quotes)"),
        ("env:\n\tA: b\n", 2, "A", "a tab where YAML wants blanks (indent with blanks)"),
        ("a: 1\nb: 2\na: 3\n", 3, "a", "appears twice (keep one)"),
        ("env:\n  A: 1\n  A: 2\n", 3, "env.A", "appears twice (keep one)"),
        ("a: 1\n---\nb: 2\n", 2, None, "a second document (one file is one task)"),
        ("a: !!python/object/apply:os.system [ls]\n", 1, "a", "a tag (!…), which is not read here"),
        ("a: !!binary aGk=\n", 1, "a", "a tag"),
        ("a: !secret x\n", 1, "a", "a tag"),
        ("a: 1\n<<: {b: 2}\n", 2, None, "<< is not read here (write the fields out)"),
        ("? [a, b]\n: 1\n", 1, None, "a name that is a list or a map"),
        ("- a\n", 1, None, "no fields"),
        ("text\n", 1, None, "no fields"),
        ("", 1, None, "empty"),
        ("# nothing\n", 1, None, "empty"),
        ("a: 1\nb: \x07\n", 2, None, "a control character (remove it)"),
        ("a: [1, 2\nb: 3\n", 2, "b", "not YAML: in a flow sequence"),
        ("a: 'x\nb: y\n", 1, "a", "not YAML: in a quoted scalar: found unexpected end of stream"),
        ("b: y\na: [x, y\n", 2, "a", "not YAML: in a flow sequence"),
    ],
)
def test_bad_yaml_is_told_by_line_and_field(text: str, line: int, field: str | None, said: str) -> None:
    found = complaint(".yml", text)
    assert found[:2] == (line, field)
    assert said in found[2]


@pytest.mark.parametrize("secret", ["*hush", "@hush", "hush: hush", "'hush", "[hush", "!hush x", "`hush`"])
def test_no_complaint_shows_what_may_be_a_secret(secret: str) -> None:
    found = complaint(".yml", f"command: echo\nenv:\n  TOKEN: {secret}\n")
    assert "hush" not in found[2]


def test_aliases_cannot_multiply() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{name}: &{name} [{', '.join(['*' + before] * 9)}]"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    assert "aliases counted" in complaint(".yml", "\n".join(lines))[2]
    assert "deep" in complaint(".yml", "a: &a [*a]\n")[2]


@pytest.mark.parametrize("suffix", [".yml", ".json"])
def test_nesting_is_bounded(suffix: str) -> None:
    assert "deep" in complaint(suffix, '{"a": ' + "[" * 30 + "]" * 30 + "}")[2]
    assert "nested" in complaint(suffix, '{"a": ' + "[" * 3000 + "]" * 3000 + "}")[2]


def test_size_is_bounded() -> None:
    assert "characters of YAML" in complaint(".yml", "a: " + "x" * formats.YAML_LIMIT)[2]
    assert "values" in complaint(".json", json.dumps({"a": [0] * 6000}))[2]
    body = "word " * 30_000
    assert read(".md", f"---\nname: x\n---\n{body}").values["prompt"] == body.rstrip()


def composed(monkeypatch: pytest.MonkeyPatch, text: str) -> tuple[int, str]:
    """How many tokens ruamel.yaml made of a text that is refused, and why it is."""
    from ruamel.yaml.scanner import Scanner

    made, fetch = [0], Scanner.fetch_more_tokens

    def counted(self: Scanner) -> object:
        made[0] += 1
        return fetch(self)

    with monkeypatch.context() as patched:
        patched.setattr(Scanner, "fetch_more_tokens", counted)
        what = complaint(".yml", text)[2]
    return made[0], what


@pytest.mark.slow
@pytest.mark.parametrize(
    "some",
    [
        "a: [" + "1," * 20_000,
        "a:\n" + "- 1\n" * 20_000,
        "a: [" + "&x 1," * 20_000,
        "a: {" + "b: 1," * 20_000,
        "".join(f"k{number}: 1\n" for number in range(10_000)),
        "a: " + "[" * 40_000,
        "- " * 40_000,
        "? " * 40_000,
    ],
    ids=["flow list", "list", "anchors", "flow map", "map", "brackets", "dashes", "question marks"],
)
def test_yaml_that_holds_too_much_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch, some: str) -> None:
    made, what = composed(monkeypatch, some)
    assert "more than 5000 values, aliases counted, or nested more than 20 deep" in what
    assert made < 5 * formats.MOST_VALUES
    assert composed(monkeypatch, some + some[-20_000:]) == (made, what)


def test_five_thousand_values_are_not_too_many() -> None:
    most = formats.MOST_VALUES
    assert len(read(".yml", "".join(f"k{number}: 1\n" for number in range(most))).values) == most
    assert len(read(".yml", "a: [" + "1," * (most - 1) + "]").values["a"]) == most - 1
    deepest = "a: " + "[" * (formats.DEEPEST - 1) + "x" + "]" * (formats.DEEPEST - 1)
    assert read(".yml", deepest).lines == {"a": 1}


def test_a_thousand_aliases_of_a_long_text_are_a_thousand_times_its_length() -> None:
    text = "prompt: &all |\n  " + "x" * 100_000 + "\ntags: [" + "*all, " * 3_000 + "]\n"
    assert complaint(".yml", text) == (3, "tags", "more than 131072 characters, aliases counted (split it)")
    name = "env: &env {? " + "n" * 500 + " : x}\nothers: [" + "*env, " * 2_000 + "]\n"
    assert "characters, aliases counted" in complaint(".yml", name)[2]


QUICK = """
import resource, sys
sys.path.insert(0, {scripts!r})
from defer.taskfiles import formats as taskformats
try:
    {work}
except taskformats.Complaint as error:
    print(error.field, error.what)
"""
LONG = "quadratic, this takes hours; linear, a few seconds"


def quickly(work: str) -> str:
    """What a piece of work prints in a process of its own, which is given as long as any machine needs."""
    code = QUICK.format(scripts=str(ROOT / "scripts"), work=work)
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=True
    ).stdout


@pytest.mark.slow
def test_a_name_that_stands_twice_among_a_million_is_found_in_one_look() -> None:
    text = "'{' + ','.join(f'\"{i}\":1' for i in range(1_000_000)) + ',\"999999\":2}'"
    assert quickly(f"taskformats.parse_json({text})") == "999999 appears twice (keep one)\n", LONG


@pytest.mark.slow
def test_the_lines_of_a_million_fields_are_counted_once() -> None:
    text = "'{' + ','.join(f'\\n\"{i}\":1' for i in range(1_000_000)) + '}'"
    assert quickly(f"print(max(line for _, line in taskformats._json_lines({text})))") == "1000001\n", LONG


@pytest.mark.parametrize("number", ["9" * 19, "9" * 4300, "-" + "9" * 4301, "1e999", "-Infinity", "9" * 500_000])
def test_a_number_too_large_to_be_counted_with_is_refused_where_it_stands(number: str) -> None:
    what = "not a number that can be counted with (write a smaller one)"
    assert complaint(".json", f'{{"a": 1,\n"b":\n[{{"c": [{number}]}}]}}') == (2, "b", what)


def test_json_has_lines_too() -> None:
    text = '{\n  "a": {"b": "}, \\"c\\": 1"},\n\n  "d" : [1,\n 2], "e":null\n}\n'
    found = read(".json", text)
    assert found.values == {"a": {"b": '}, "c": 1'}, "d": [1, 2], "e": None}
    assert found.lines == {"a": 2, "d": 4, "e": 5}
    assert read(".json", "{}").lines == {}


@pytest.mark.parametrize(
    ("text", "line", "field", "said"),
    [
        ('{"a": 1,\n "b": 2,}', 2, None, "not JSON"),
        ('{"a": 1}\n{"b": 2}', 2, None, "not JSON: Extra data at column 1"),
        ('{"a": 1, "a": 2}', None, "a", "appears twice"),
        ('{"env": {"A": 1, "A": 2}}', None, "A", "appears twice"),
        ('{"a": NaN}', 1, "a", "not a number that can be counted with"),
        ('{"a": ' + "9" * 5000 + "}", 1, "a", "not a number that can be counted with"),
        ('["a"]', 1, None, "not an object"),
        ("", 1, None, "not JSON"),
    ],
)
def test_bad_json_is_told_by_line(text: str, line: int | None, field: str | None, said: str) -> None:
    found = complaint(".json", text)
    assert found[:2] == (line, field)
    assert said in found[2]


def test_markdown_is_front_matter_and_a_body() -> None:
    text = "---\nname: x\ncron: 0 9 * * *\n---\n\n# Do\n\n---\n\nthis  \n\n"
    found = read(".md", text)
    assert found.values == {"name": "x", "cron": "0 9 * * *", "prompt": "# Do\n\n---\n\nthis"}
    assert found.lines == {"name": 2, "cron": 3, "prompt": 6}


def test_markdown_with_windows_line_ends() -> None:
    found = read(".md", "---\r\nname: x\r\nenabled: true\r\n---\r\nOne\r\n  two\r\n")
    assert found.values == {"name": "x", "enabled": True, "prompt": "One\n  two"}
    assert read(".yml", "prompt: |\r\n  One\r\n  two\r\n").values == {"prompt": "One\ntwo\n"}


@pytest.mark.parametrize("end", ["---", "--- \n", "...\n", "---\n\n  \n"])
def test_markdown_without_a_body_has_no_prompt(end: str) -> None:
    assert read(".md", f"---\nname: x\n{end}").values == {"name": "x"}


@pytest.mark.parametrize(
    ("text", "line", "field", "said"),
    [
        ("# Title\n", 1, None, "no front matter"),
        ("---\nname: x\n", 1, None, "does not end"),
        ("---\nname: x\ncron: @daily\n---\n", 3, "cron", "in quotes"),
        ("---\nname: x\nprompt: y\n---\nz\n", 3, "prompt", "appears twice"),
        ("---\n---\nhello\n", 2, None, "empty"),
    ],
)
def test_bad_markdown_is_told_by_line(text: str, line: int, field: str | None, said: str) -> None:
    found = complaint(".md", text)
    assert found[:2] == (line, field)
    assert said in found[2]


@given(st.text(max_size=200), st.sampled_from([".yml", ".json", ".md"]))
def test_any_text_is_read_or_complained_about(text: str, suffix: str) -> None:
    with suppress(Complaint):
        assert isinstance(read(suffix, text).values, dict)


# A file written, and one changed in place.

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)


@given(st.dictionaries(st.sampled_from(["name", "prompt", "schedule"]), TEXTS, min_size=1))
def test_what_is_written_reads_back(fields: dict[str, str]) -> None:
    assert read(".yml", write.new_yaml(fields).decode()).values == fields


def test_a_new_file_reads_well() -> None:
    fields = {"name": "x", "schedule": "*/5 * * * *", "prompt": "One\n  two\n", "tags": ["a"], "enabled": False}
    assert write.new_yaml(fields).decode() == (
        "name: x\nschedule: '*/5 * * * *'\nprompt: |\n  One\n    two\ntags:\n  - a\nenabled: false\n"
    )


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("a.yml", "# top\nb:   'x'  # why\nenabled:  true # now\na: |\n  y\n", None),
        ("a.yml", "b: x\r\nenabled: true\r\na: y", None),
        ("a.yml", '"enabled": True', '"enabled": false'),
        ("a.yml", "# é😀\nb: 😀\nenabled: true", None),
        ("a.yml", "\ufeff%YAML 1.2\n---\nenabled: true\n", None),
        ("a.yml", "{b: x, enabled: true, c: y}", None),
        ("a.yml", "enabled:\nb: x\n", "enabled: false\nb: x\n"),
        ("a.yml", "# top\n\nb: x  # why\na: y\n", "# top\n\nenabled: false\nb: x  # why\na: y\n"),
        ("a.yml", "  b: x\n  a: y\n", "  enabled: false\n  b: x\n  a: y\n"),
        ("a.yml", "b: x\r\na: y\r\n", "enabled: false\r\nb: x\r\na: y\r\n"),
        ("a.yml", "{b: x}", "{enabled: false, b: x}"),
        ("a.md", "---\nb: x\n---\nenabled: true\n", "---\nenabled: false\nb: x\n---\nenabled: true\n"),
        ("a.md", "---\nenabled: true\n---\nenabled: true\n", "---\nenabled: false\n---\nenabled: true\n"),
        ("a.json", '{"b": "é", "enabled": true, "a": 1}', None),
        ("a.json", '{\n\t"b": 1,\n\t"a": 2\n}\n', '{\n\t"b": 1,\n\t"a": 2,\n\t"enabled": false\n}\n'),
        ("a.json", '{"b": "\\ud800 \\u00e9", "enabled": true}', None),
        ("a.json", '{\n    "enabled": true,\n    "a": [\n        1\n    ]\n}\n', None),
    ],
)
def test_enabled_is_changed_in_place(name: str, before: str, after: str | None) -> None:
    wanted = before.replace("true", "false") if after is None else after
    assert write.with_enabled(Path(name), before.encode(), False).decode() == wanted
    assert write.with_enabled(Path(name), wanted.encode(), False).decode() == wanted


def test_enabled_behind_an_alias_is_left_to_the_hand() -> None:
    with pytest.raises(write.Refused, match="by hand"):
        write.with_enabled(Path("a.yml"), b"a: &x true\nenabled: *x\n", False)


def test_a_replaced_file_keeps_its_mode_and_its_link(tmp_path: Path) -> None:
    (tmp_path / "real.yml").write_text("a: 1\n")
    (tmp_path / "real.yml").chmod(0o644)
    (tmp_path / "link.yml").symlink_to("real.yml")
    write.save(tmp_path / "link.yml", b"a: 2\n")
    assert (tmp_path / "link.yml").is_symlink()
    assert (tmp_path / "real.yml").read_text() == "a: 2\n"
    assert (tmp_path / "real.yml").stat().st_mode & 0o777 == 0o644
    write.save(tmp_path / "deep" / "new.yml", b"a: 1\n")
    assert (tmp_path / "deep" / "new.yml").stat().st_mode & 0o777 == 0o600
