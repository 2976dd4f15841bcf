"""URLs in settings: what of them is masked."""

import pytest

from defer.settings import urls


@pytest.mark.parametrize(
    ("written", "masked"),
    [
        ("inbox; desktop;command:/usr/local/bin/tell", []),
        (
            "inbox;https://hooks.slack.com/services/T0AAAA/B0BBBBBB/XXXXyyyy1234",
            [
                "https://hooks.slack.com/services/T0AAAA/B0BBBBBB/XXXXyyyy1234",
                "services/T0AAAA/B0BBBBBB/XXXXyyyy1234",
                "B0BBBBBB",
                "XXXXyyyy1234",
            ],
        ),
        ("ntfy://ntfy.sh/mysecrettopic", ["ntfy://ntfy.sh/mysecrettopic", "mysecrettopic"]),
        ("ntfy://ann:p%40ss@h/t", ["ntfy://ann:p%40ss@h/t", "ann:p%40ss", "ann:p@ss", "p%40ss", "p@ss"]),
        (
            "tgram://123456789:abcdefg_Hijk/999",
            ["tgram://123456789:abcdefg_Hijk/999", "123456789:abcdefg_Hijk/999", "123456789", "abcdefg_Hijk"],
        ),
        ("https://example.org/", []),
    ],
)
def test_the_parts_that_are_secret_and_no_word_of_every_day(written, masked):
    assert [*dict.fromkeys(urls.secrets_of(written))] == masked
