"""How each of the four APIs answers: whole, or as the events of a stream.

A stream yields (name of the event or None, data), and calls ``pause`` where a slow model would be slow.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from . import asked
from .turn import USAGE, Reply, Turn

Events = Iterator[tuple[str | None, Any]]
Pause = Callable[[], None]


def anthropic_whole(turn: Turn, reply: Reply, number: int) -> Any:
    """An answer of Anthropic Messages."""
    call = {"type": "tool_use", "id": f"toolu_{number}", "name": reply.tool, "input": reply.arguments}
    return {
        **_message(turn, number),
        "content": [call if reply.tool else {"type": "text", "text": reply.text}],
        "stop_reason": "tool_use" if reply.tool else "end_turn",
        "usage": {"input_tokens": USAGE["input"], "output_tokens": USAGE["output"]},
    }


def _message(turn: Turn, number: int) -> dict[str, Any]:
    named = {"id": f"msg_{number}", "type": "message", "role": "assistant", "model": turn.model}
    return {**named, "content": [], "stop_reason": None, "stop_sequence": None}


def anthropic_stream(turn: Turn, reply: Reply, pause: Pause, number: int) -> Events:
    """The same as it comes."""
    cached = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    usage = {"input_tokens": USAGE["input"], **cached, "output_tokens": 1}
    yield "message_start", {"type": "message_start", "message": {**_message(turn, number), "usage": usage}}
    pause()
    if reply.tool:
        block: dict[str, Any] = {"type": "tool_use", "id": f"toolu_{number}", "name": reply.tool, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(reply.arguments)}
    else:
        block, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": reply.text}
    yield "content_block_start", {"type": "content_block_start", "index": 0, "content_block": block}
    yield "content_block_delta", {"type": "content_block_delta", "index": 0, "delta": delta}
    yield "content_block_stop", {"type": "content_block_stop", "index": 0}
    stop = {"stop_reason": "tool_use" if reply.tool else "end_turn", "stop_sequence": None}
    spent = {**usage, "output_tokens": USAGE["output"]}
    yield "message_delta", {"type": "message_delta", "delta": stop, "usage": spent}
    yield "message_stop", {"type": "message_stop"}


def responses_whole(turn: Turn, reply: Reply, number: int) -> Any:
    """An answer of OpenAI Responses."""
    usage = {
        "input_tokens": USAGE["input"],
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": USAGE["output"],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": sum(USAGE.values()),
    }
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": int(time.time()),
        "status": "completed",
        "model": turn.model,
        "output": [_item(turn, reply, number)],
        "usage": usage,
        "error": None,
        "incomplete_details": None,
    }


def _item(turn: Turn, reply: Reply, number: int) -> dict[str, Any]:
    called = {"call_id": f"call_{number}", "status": "completed"}
    arguments = reply.arguments or {}
    if reply.tool == "apply_patch" and not turn.tools.get("apply_patch"):
        given = {"name": reply.tool, "input": arguments.get("input", "")}
        return {"type": "custom_tool_call", "id": f"ctc_{number}", **called, **given}
    if reply.tool == "local_shell":
        action = {"type": "exec", "command": ["bash", "-lc", str(arguments.get("command"))], "env": {}}
        return {"type": "local_shell_call", "id": f"lsh_{number}", **called, "action": action}
    if reply.tool:
        given = {"name": reply.tool, "arguments": json.dumps(arguments)}
        return {"type": "function_call", "id": f"fc_{number}", **called, **given}
    content = [{"type": "output_text", "text": reply.text, "annotations": []}]
    return {"type": "message", "id": f"msg_{number}", "role": "assistant", "status": "completed", "content": content}


def responses_stream(turn: Turn, reply: Reply, pause: Pause, number: int) -> Events:
    """The same as it comes."""
    done = responses_whole(turn, reply, number)
    yield _event("response.created", response={**done, "status": "in_progress", "output": [], "usage": None})
    pause()
    item = done["output"][0]
    is_text = item["type"] == "message"
    empty = {**item, "status": "in_progress", **({"content": []} if is_text else {})}
    yield _event("response.output_item.added", output_index=0, item=empty)
    at = {"item_id": item["id"], "output_index": 0}
    if is_text:
        at, part = {**at, "content_index": 0}, item["content"][0]
        yield _event("response.content_part.added", **at, part={**part, "text": ""})
        yield _event("response.output_text.delta", **at, delta=reply.text)
        yield _event("response.output_text.done", **at, text=reply.text)
        yield _event("response.content_part.done", **at, part=part)
    elif item["type"] == "function_call":
        yield _event("response.function_call_arguments.delta", **at, delta=item["arguments"])
        yield _event("response.function_call_arguments.done", **at, arguments=item["arguments"])
    yield _event("response.output_item.done", output_index=0, item=item)
    yield _event("response.completed", response=done)


def _event(name: str, **data: Any) -> tuple[str, dict[str, Any]]:
    return name, {"type": name, **data}


def _chat_usage() -> dict[str, int]:
    spent = {"prompt_tokens": USAGE["input"], "completion_tokens": USAGE["output"]}
    return {**spent, "total_tokens": sum(USAGE.values())}


def _chat_calls(reply: Reply, number: int) -> list[dict[str, Any]]:
    function = {"name": reply.tool, "arguments": json.dumps(reply.arguments)}
    return [{"index": 0, "id": f"call_{number}", "type": "function", "function": function}]


def chat_whole(turn: Turn, reply: Reply, number: int) -> Any:
    """An answer of OpenAI Chat Completions."""
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or None}
    if reply.tool:
        message["tool_calls"] = _chat_calls(reply, number)
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if reply.tool else "stop"}
    return {**_completion("chat.completion", turn, number), "choices": [choice], "usage": _chat_usage()}


def _completion(kind: str, turn: Turn, number: int) -> dict[str, Any]:
    return {"id": f"chatcmpl-{number}", "object": kind, "created": int(time.time()), "model": turn.model}


def chat_stream(turn: Turn, reply: Reply, pause: Pause, number: int) -> Events:
    """The same as it comes."""
    base = _completion("chat.completion.chunk", turn, number)

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    yield None, chunk({"role": "assistant", "content": ""})
    pause()
    yield None, chunk({"tool_calls": _chat_calls(reply, number)} if reply.tool else {"content": reply.text})
    yield None, chunk({}, "tool_calls" if reply.tool else "stop")
    yield None, {**base, "choices": [], "usage": _chat_usage()}
    yield None, "[DONE]"


def gemini_whole(turn: Turn, reply: Reply, number: int) -> Any:
    """An answer of Gemini."""
    call = {"functionCall": {"name": reply.tool, "args": reply.arguments}}
    content = {"role": "model", "parts": [call if reply.tool else {"text": reply.text}]}
    spent = {"promptTokenCount": USAGE["input"], "candidatesTokenCount": USAGE["output"]}
    return {
        "candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {**spent, "totalTokenCount": sum(USAGE.values())},
        "modelVersion": turn.model,
        "responseId": f"r{number}",
    }


def gemini_stream(turn: Turn, reply: Reply, pause: Pause, number: int) -> Events:
    """The same as it comes: in one piece."""
    pause()
    yield None, gemini_whole(turn, reply, number)


class Api(NamedTuple):
    """One of the four: how it is read, and how it answers."""

    name: str
    read: Callable[[dict[str, Any], str], Turn]
    stream: Callable[[Turn, Reply, Pause, int], Events]
    whole: Callable[[Turn, Reply, int], Any]


ANTHROPIC = Api("anthropic", asked.anthropic, anthropic_stream, anthropic_whole)
RESPONSES = Api("responses", asked.responses, responses_stream, responses_whole)
CHAT = Api("chat", asked.chat, chat_stream, chat_whole)
GEMINI = Api("gemini", asked.gemini, gemini_stream, gemini_whole)
_BY_END = {"/messages": ANTHROPIC, "/responses": RESPONSES, "/chat/completions": CHAT}


def api_of(path: str) -> Api | None:
    """The API that a path belongs to."""
    if ":generateContent" in path or ":streamGenerateContent" in path:
        return GEMINI
    return next((api for end, api in _BY_END.items() if path.endswith(end)), None)
