"""What ``make mutations`` breaks on purpose is where its table says."""

from __future__ import annotations

import pytest
from mutations import MUTATIONS, ROOT, UNIT


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_what_is_to_be_broken_is_there_once(mutation):
    text = (ROOT / "scripts" / "defer" / mutation.file).read_text()
    for old, new in mutation.changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    compile(text, mutation.file, "exec")


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_test_that_is_to_see_it_is_there(mutation):
    file, _, name = mutation.test.partition("::")
    assert name.partition("[")[0].rpartition("::")[2] in (ROOT / file).read_text(), UNIT


def test_the_promises_say_how_many_there_are():
    text = (ROOT / "docs" / "promises.md").read_text()
    assert f"breaks the code in {len(MUTATIONS)} places" in text
    assert f"all {len(MUTATIONS)} are seen" in text
