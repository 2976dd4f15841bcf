"""What an executor may say in its result file: what is odd is left out and told, the rest is kept."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defer.executors import resultfile
from defer.executors.resultfile import BadResult, Result
from defer.settings import secrets as secretvalues
from defer.settings.masking import Masker
from support import NOW, at, quoted, text_at, v1_task

NO_SESSION = "session_id cannot be told to a program: it is not of at most 128 letters, digits and ._:-"
GOOD = {
    "summary": "s",
    "retry_at": text_at(hours=2),
    "reschedule": "2h",
    "session_id": "5f1c",
    "usage": {"input_tokens": 10, "output_tokens": 2, "cost_usd": 0.25},
    "artifacts": ["a.md"],
    "model": "opus",
    "tool_calls": 3,
    "denied": ["Bash"],
    "session_error": "it was gone",
    "error_type": "EmptyRun",
}
ODD = [
    ("model", "--yolo", "model is not a model's name"),
    ("model", 5, "model is not a text"),
    ("tool_calls", -1, "tool_calls is not a number that can be kept"),
    ("tool_calls", True, "tool_calls is not a number that can be kept"),
    ("denied", "Bash", "denied is not a list"),
    ("error_type", "RunnerLost", "error_type is not one of: EmptyRun"),
    ("error_type", ["x"], "error_type is not one of: EmptyRun"),
    ("summary", 5, "summary is not a text"),
    ("summary", "x" * 10_001, "summary is longer than 10000 characters"),
    ("retry_at", "tomorrow", "retry_at is not an ISO 8601 time"),
    ("retry_at", "2026-04-08T18:00:00", "retry_at has no offset"),
    ("retry_at", "9999-01-01T00:00:00Z", "retry_at is more than ten years ahead"),
    ("retry_at", 5, "retry_at is not a text"),
    ("retry_at", "2" * 65, "retry_at is longer than 64 characters"),
    ("reschedule", {"in": "2h"}, "reschedule is not a text"),
    ("reschedule", "2h " * 100, "reschedule is longer than 200 characters"),
    (
        "session_id",
        "--dangerously-skip-permissions",
        NO_SESSION,
    ),
    ("session_id", "a\0b", NO_SESSION),
    ("session_id", "a\ud800b", NO_SESSION),
    ("session_id", "", NO_SESSION),
    ("session_id", 5, "session_id is not a text"),
    ("usage", [], "usage is not a dict"),
    ("usage", {"input_tokens": 1e16}, "usage.input_tokens is not a number that can be kept"),
    ("usage", {"input_tokens": 10**4000}, "usage.input_tokens is not a number that can be kept"),
    ("usage", {"output_tokens": "5"}, "usage.output_tokens is not a number that can be kept"),
    ("usage", {"cost_usd": True}, "usage.cost_usd is not a number that can be kept"),
    ("usage", {"cost_usd": -0.01}, "usage.cost_usd is not a number that can be kept"),
    ("artifacts", "a.md", "artifacts is not a list"),
    ("artifacts", ["a.md"] * 1001, "artifacts are more than 1000"),
    ("artifacts", [None], "artifacts[0] is not a text"),
    ("artifacts", ["x" * 4097], "artifacts[0] is longer than 4096 characters"),
]


def read(**said):
    return resultfile.read(said, NOW)


def test_all_of_a_good_one():
    assert read(**GOOD) == (
        Result(
            summary="s",
            retry_at=at(hours=2),
            reschedule="2h",
            session_id="5f1c",
            usage={"input_tokens": 10, "output_tokens": 2, "cost_usd": 0.25},
            artifacts=["a.md"],
            model="opus",
            tool_calls=3,
            denied=["Bash"],
            session_error="it was gone",
            error_type="EmptyRun",
        ),
        None,
    )


@pytest.mark.parametrize("raw", [b"", b" \n", b"{}", b'{"summary":null,"usage":null}', b'{"unknown":1}'])
def test_nothing_said(raw):
    assert resultfile.read(resultfile.load(raw), NOW) == (Result(), None)


@pytest.mark.parametrize(("key", "value", "complaint"), ODD)
def test_an_odd_key_is_left_out_and_the_rest_is_kept(key, value, complaint):
    result, told = read(**{**GOOD, key: value})
    whole, _ = read(**GOOD)
    assert result == whole._replace(**{key: None})
    assert told == complaint


def test_odd_parts_are_left_out_and_the_others_are_kept():
    result, told = read(
        usage={"input_tokens": 5, "output_tokens": -5, "cost_usd": None, "more": "x"}, artifacts=["a", 1, "b"]
    )
    assert result == Result(usage={"input_tokens": 5}, artifacts=["a", "b"])
    assert told == "usage.output_tokens is not a number that can be kept; artifacts[1] is not a text"


def test_of_many_complaints_a_few_are_told():
    _, told = read(artifacts=[*[0] * 1000])
    assert told == f"{'; '.join(f'artifacts[{number}] is not a text' for number in range(5))}; and 995 more"


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        (b"hello", "it is not JSON: "),
        (b"\0", "it is not JSON: "),
        (b'{"summary":"\0"}', "it is not JSON: "),
        (b'{"summary":"\xff"}', "it is not JSON: "),
        (b"[]", "it is not a JSON object"),
        (b"5", "it is not a JSON object"),
        (b'{"usage":{"cost_usd":NaN}}', "it is not JSON: NaN is not a JSON number"),
        (b'{"usage":{"cost_usd":-Infinity}}', "it is not JSON: -Infinity is not a JSON number"),
        (b'{"usage":{"input_tokens":' + b"1" * 5000 + b"}}", "it is not JSON: "),
        (b"[" * 65_536, "it is not JSON: "),
        (b'{"a":' * 10_000, "it is not JSON: "),
        (b'{"summary":"' + b"x" * 65_523 + b'"}', "it is larger than 65536 bytes"),
    ],
)
def test_what_is_no_json_object_is_not_used(raw, complaint):
    with pytest.raises(BadResult) as caught:
        resultfile.load(raw)
    assert str(caught.value).startswith(complaint)


def test_a_file_of_exactly_64_kib_is_read():
    assert resultfile.load(b'{"x":"' + b"x" * (65_536 - 8) + b'"}').keys() == {"x"}


def test_of_a_name_that_stands_twice_the_last_counts_and_is_held_to_the_rules():
    raw = b'{"session_id":"5f1c","session_id":"--yolo","usage":{"cost_usd":1,"cost_usd":-1}}'
    assert resultfile.read(resultfile.load(raw), NOW)[0] == Result()


def test_a_number_beyond_any_float_is_left_out():
    raw = b'{"usage":{"cost_usd":1e999,"input_tokens":1}}'
    assert resultfile.read(resultfile.load(raw), NOW)[0].usage == {"input_tokens": 1}


class TestInTheRecord:
    def wake(self, place, said, exit_code=0, **fields):
        source = place.base / "said.json"
        source.write_text(json.dumps(said))
        body = f'cat {quoted(source)} >"$DEFER_RESULT_FILE"; exit {exit_code}'
        place.write_store(v1_task(executor=place.executor(body), **fields))
        place.wake_at(NOW)
        return place.archived()[0]

    @pytest.mark.parametrize("code", [0, 1])
    def test_the_rest_is_kept(self, place, code):
        said = {**GOOD, "retry_at": None, "reschedule": None, "session_id": "--yolo"}
        done = self.wake(place, said, code)
        assert done["result"]["summary"] == "s"
        assert done["result"]["artifacts"] == ["a.md"]
        assert done["result"]["result_file_error"] == NO_SESSION
        assert "session_id" not in done
        assert place.runs()[0]["session_id"] is None
        assert place.runs()[0]["usage"] == GOOD["usage"]

    def test_all_that_is_wrong_is_told(self, place):
        done = self.wake(place, {"summary": 5, "reschedule": "when pigs fly"})
        assert done["status"] == "completed"
        complaint = done["result"]["result_file_error"]
        assert complaint.startswith("summary is not a text; reschedule: ")
        assert "pigs" in complaint

    def test_a_session_never_comes_back_as_an_option(self, place):
        """The next attempt of a conversation that an agent has named."""
        told = place.base / "told"
        body = (
            f'echo "${{DEFER_SESSION_ID-none}}" >>{quoted(told)}; '
            """printf '{"session_id":"--dangerously-skip-permissions"}' >"$DEFER_RESULT_FILE"; exit 1"""
        )
        place.write_store(v1_task(executor=place.executor(body), sticky_session=True, max_retries=1))
        place.wake_at(NOW)
        place.wake_at(at(minutes=2))
        assert told.read_text() == "none\nnone\n"


class TestMasked:
    """Every leaf that is kept is masked once it has been parsed."""

    SECRETS = (b"s3cr3t", b"12345678", b"4711", b"7", b"o")

    def read(self, **said):
        return resultfile.read(resultfile.masked(resultfile.load(json.dumps(said).encode()), Masker(self.SECRETS)), NOW)

    def test_texts_are_masked_in_part(self):
        result, told = self.read(summary="it is s3cr3t", artifacts=["a/s3cr3t.md", "b"])
        assert (result, told) == (Result(summary="it is [masked]", artifacts=["a/[masked].md", "b"]), None)

    @pytest.mark.parametrize("number", [12345678, 1234567812345678, 4711.0, 0.4711, 14711, 7])
    @pytest.mark.parametrize("key", ["input_tokens", "output_tokens", "cost_usd"])
    def test_a_number_that_gives_one_away_is_left_out(self, key, number):
        assert self.read(usage={key: number, "x": 1}) == (Result(), f"usage.{key} is not a number that can be kept")

    def test_a_number_is_not_lost_by_a_digit(self):
        usage = {"input_tokens": 171, "output_tokens": 70, "cost_usd": 0.7}
        assert self.read(usage=usage) == (Result(usage=usage), None)

    @pytest.mark.parametrize("session", ["s3cr3t", "id-s3cr3t", "a" * 60 + "s3cr3t", "7"])
    def test_an_id_that_gives_one_away_is_left_out_and_not_shown(self, session):
        result, told = self.read(session_id=session)
        assert (result, told) == (Result(), NO_SESSION)

    def test_what_steers_the_task_is_read_as_it_was_written(self):
        said = {"retry_at": text_at(hours=7), "reschedule": "in 7 hours", "session_id": "o-7"}
        result, told = self.read(**said)
        assert (result, told) == (Result(retry_at=at(hours=7), reschedule="in 7 hours", session_id="o-7"), None)

    @pytest.mark.parametrize("value", ["s3cr3t", 12345678, ["s3cr3t"], {"s3cr3t": "s3cr3t"}, None, True])
    @pytest.mark.parametrize("key", [*Result._fields, "more", "s3cr3t"])
    def test_no_message_shows_one_whatever_the_value_is(self, key, value):
        result, told = self.read(**{key: value})
        kept = result._replace(reschedule=None)
        assert "s3cr3t" not in f"{kept} {told}"
        assert "12345678" not in f"{kept} {told}"

    @pytest.mark.parametrize("only_ascii", [True, False])
    def test_one_that_is_not_utf8_is_found_as_json_gives_it_back(self, only_ascii):
        """os.environ holds such a byte as half of a surrogate pair, and so it is written, with an escape or without."""
        secret = os.fsdecode(b"p\xe9ss-s3cr3t")
        masker = Masker(secretvalues.by_name({"MY_TOKEN": secret}, ()))
        said = {"summary": f"it is {secret}", "artifacts": [secret], "session_id": secret}
        written = json.dumps(said, ensure_ascii=only_ascii).encode(errors="surrogatepass")
        result, told = resultfile.read(resultfile.masked(resultfile.load(written), masker), NOW)
        assert (result, told) == (Result(summary="it is [masked]", artifacts=["[masked]"]), NO_SESSION)

    def test_json_stays_json_under_secrets_that_are_words_of_it(self):
        secrets = Masker([b"true", b"prod", b"null", b'"', b"{", b"summary"])
        said = resultfile.masked(resultfile.load(b'{"summary":"prod is true","usage":null}'), secrets)
        assert resultfile.read(said, NOW) == (Result(summary="[masked] is [masked]"), None)


KNOWN = {"session_id": "5f1c", "usage": {"input_tokens": 1, "output_tokens": 2, "cost_usd": 0.5}}
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GOOD, "odd", "x"]), inner, max_size=6)
    ),
    max_leaves=20,
)


class TestBesideWhatAnAgentWrote:
    @given(st.binary() | ANY_JSON.map(lambda value: json.dumps(value).encode()))
    def test_what_the_executor_knows_is_read_whatever_that_is(self, written):
        whole = resultfile.with_known(written, None, KNOWN, NOW)
        assert len(whole) <= resultfile.LIMIT_BYTES
        result, _ = resultfile.read(resultfile.load(whole), NOW)
        assert (result.session_id, result.usage) == (KNOWN["session_id"], KNOWN["usage"])

    @given(ANY_JSON)
    def test_what_can_be_used_is_what_the_runner_would_have_used(self, value):
        if not isinstance(value, dict):
            return
        written = json.dumps(value).encode()
        if b"Infinity" in written or b"NaN" in written:
            return
        alone, complaint = resultfile.read(resultfile.load(written), NOW)
        beside, told = resultfile.read(resultfile.load(resultfile.with_known(written, None, {}, NOW)), NOW)
        executors = ("session_id", "usage", "session_usage", "model", "tool_calls", "denied", "session_error")
        assert beside == alone._replace(odd=beside.odd, error_type=None, **dict.fromkeys(executors))
        assert told == (complaint and complaint[:1000])

    def test_moments_stay_moments(self):
        written = json.dumps({"retry_at": "2026-04-08T20:00:00+02:00"}).encode()
        assert json.loads(resultfile.with_known(written, None, {}, NOW)) == {"retry_at": "2026-04-08T18:00:00Z"}
