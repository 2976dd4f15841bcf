"""What Claude Code's program prints, as a report."""

import json

from defer.executors import claude
from defer.executors.report import Report


def test_with_verbose_the_result_is_the_last_of_an_array():
    printed = json.dumps([{"type": "system"}, {"type": "result", "result": "done"}])
    assert claude.read(printed).output == "done"


def test_a_denied_tool_is_named_once():
    denials = [{"tool_name": "Bash"}, {"tool_name": "Bash"}, "odd", {"tool_name": 1}, {"tool_name": "Edit"}]
    printed = json.dumps({"type": "result", "permission_denials": denials})
    assert claude.read(printed).denied == ("Bash", "Edit")


def test_output_of_another_shape_is_the_report_as_it_is():
    assert claude.read('{"type": "answer"}') == Report('{"type": "answer"}')
