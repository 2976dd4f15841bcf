"""What each of the four APIs is asked, as a ``Turn``. Each reader is given the body of the request and its path."""

from __future__ import annotations

import json
from typing import Any

from .turn import Turn

Body = dict[str, Any]


def texts(content: Any) -> list[str]:
    """The texts in a message's content, whether it is one text or a list of parts."""
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else []
    return [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]


class _Heard:
    """What was said, message by message: a person's word makes what tools said before it a matter of the past."""

    def __init__(self) -> None:
        self.system: list[str] = []
        self.user, self.everything, self.results = "", list[str](), list[str]()

    def person(self, said: str) -> None:
        self.user, self.results = said, []
        self.everything.append(said)

    def turn(self, tools: dict[str, Any], model: str, stream: bool, wants_json: bool = False) -> Turn:
        system, everything = "\n".join(self.system), "\n".join(self.everything)
        return Turn(system, self.user, everything, tools, self.results, model, stream, wants_json)


def anthropic(body: Body, _path: str) -> Turn:
    """Anthropic Messages."""
    heard = _Heard()
    heard.system += texts(body.get("system"))
    for message in body.get("messages", []):
        content = message.get("content")
        said = "\n".join(texts(content))
        parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
        results = ["\n".join(texts(part.get("content"))) for part in parts if part.get("type") == "tool_result"]
        if message.get("role") == "system":
            heard.system.append(said)
        elif results:
            heard.results += results
            heard.everything.append(said)
        elif message.get("role") != "assistant" and said:
            heard.person(said)
    tools = {one.get("name", ""): one.get("input_schema", {}) for one in body.get("tools", [])}
    return heard.turn(tools, body.get("model", ""), bool(body.get("stream")))


def responses(body: Body, _path: str) -> Turn:
    """OpenAI Responses."""
    heard = _Heard()
    heard.system.append(body.get("instructions") or "")
    items = body.get("input", [])
    for item in [{"role": "user", "content": items}] if isinstance(items, str) else items:
        kind, role = item.get("type", "message"), item.get("role")
        if kind.endswith("_call_output"):
            output = item.get("output", "")
            heard.results.append(output if isinstance(output, str) else "\n".join(texts(output)) or json.dumps(output))
        elif kind == "message" and role == "user":
            heard.person("\n".join(texts(item.get("content"))))
        elif kind == "message" and role in ("developer", "system"):
            heard.system += texts(item.get("content"))
    tools = {one.get("name") or one.get("type", ""): one.get("parameters") or {} for one in body.get("tools", [])}
    return heard.turn(tools, body.get("model", ""), bool(body.get("stream")))


def chat(body: Body, _path: str) -> Turn:
    """OpenAI Chat Completions."""
    heard = _Heard()
    for message in body.get("messages", []):
        said = "\n".join(texts(message.get("content")))
        match message.get("role"):
            case "user":
                heard.person(said)
            case "tool":
                heard.results.append(said)
            case "system" | "developer":
                heard.system.append(said)
    functions = [one["function"] for one in body.get("tools") or [] if "function" in one]
    tools = {one["name"]: one.get("parameters", {}) for one in functions}
    return heard.turn(tools, body.get("model", ""), bool(body.get("stream")))


def gemini(body: Body, path: str) -> Turn:
    """Gemini; its model and whether it streams stand in the path."""
    heard = _Heard()
    system = body.get("systemInstruction")
    heard.system += texts(system.get("parts", []) if isinstance(system, dict) else [])
    for content in body.get("contents", []):
        parts = content.get("parts", [])
        said = "\n".join(texts(parts))
        results = [json.dumps(part["functionResponse"].get("response")) for part in parts if "functionResponse" in part]
        if results:
            heard.results += results
            heard.everything.append(said)
        elif content.get("role") != "model" and said:
            heard.person(said)
    declared = [one for group in body.get("tools", []) for one in group.get("functionDeclarations", [])]
    tools = {one["name"]: one.get("parametersJsonSchema") or one.get("parameters") or {} for one in declared}
    wants_json = (body.get("generationConfig") or {}).get("responseMimeType") == "application/json"
    return heard.turn(tools, path.rsplit("/", 1)[-1].split(":")[0], ":stream" in path, wants_json)
