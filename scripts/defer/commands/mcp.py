"""`mcp`: some commands as the tools of a Model Context Protocol server, over standard input and output.

The package `mcp`, which the extra of that name brings, speaks the protocol; ``mcptools`` has the tools.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from defer import extras
from defer.client import Client
from defer.errors import EXIT_OK, BadInput, Refused
from defer.scheduling import served
from defer.scheduling.served import Allowed

from .parser import Parser

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server


def parser() -> Parser:
    """`mcp`."""
    parser = Parser(
        "defer mcp",
        "--workspace DIR [option]…",
        "Serve schedule, list, show, cancel, inbox and history as MCP tools over standard input and output.",
        ("defer mcp --workspace ~/notes", "defer mcp --workspace . --permissions edit --executor claude"),
        _EPILOG,
    )
    add = parser.add_argument_group("what clients may do").add_argument
    add("--workspace", required=True, metavar="DIR", help="their tasks run there, and they see no others")
    add("--permissions", default="read", metavar="PROFILE", help="the most that their tasks may do (default: read)")
    add("--executor", metavar="NAME|PATH", help="what runs their tasks (default: DEFER_EXECUTOR)")
    return parser


def mcp(connect: Callable[[], Client], argv: list[str]) -> int:
    """Serve until the client is gone. Raises BadInput for what cannot be allowed, Refused without the package."""
    args = parser().parse(argv)
    workspace = os.path.realpath(os.path.expanduser(args.workspace))
    if not os.path.isdir(workspace):
        what = f"--workspace is not a directory: {args.workspace} (give one that is there)"
        raise BadInput(what, field="workspace")
    allowed = Allowed(workspace, args.permissions, args.executor)
    config = connect().config
    config.check()
    if config.is_in_attempt:
        # What comes by MCP begins a chain of its own: an attempt could go on without an end.
        raise Refused("an attempt may not serve MCP (it may call defer itself)")
    served.mine(allowed, config)
    if find_spec("mcp") is None:
        raise Refused(f"the package mcp is not installed ({extras.remedy('mcp')})")
    import anyio

    # Their paths are meant as from there.
    os.chdir(workspace)
    anyio.run(_serve, allowed)
    return EXIT_OK


async def _serve(allowed: Allowed) -> None:
    from mcp.server.stdio import stdio_server

    server = _server(allowed)
    try:
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())
    except* BrokenPipeError:
        # The client is gone, and with it whoever would read an answer.
        pass


def _server(allowed: Allowed) -> Server:
    """The server with its two handlers. Each call runs to its end before the next begins: they share the streams."""
    import mcp_types as types
    from mcp.server.lowlevel import Server

    from . import mcptools

    def tool(name: str) -> types.Tool:
        one = mcptools.TOOLS[name]
        hints = types.ToolAnnotations(read_only_hint=one.looks)
        return types.Tool(name=name, description=one.said, input_schema=mcptools.schema(name), annotations=hints)

    async def tools(_context: object, _params: object) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[*map(tool, mcptools.TOOLS)])

    async def call(_context: object, params: types.CallToolRequestParams) -> types.CallToolResult:
        answer = mcptools.call(params.name, params.arguments or {}, allowed)
        texts: list[types.ContentBlock] = [types.TextContent(text=text) for text in answer.texts]
        return types.CallToolResult(content=texts, is_error=answer.is_error)

    said = f"Tasks run later in {allowed.workspace}, with the permissions “{allowed.permissions}” at most."
    return Server("defer", version=_version(), instructions=said, on_list_tools=tools, on_call_tool=call)


def _version() -> str:
    import tomllib

    from defer.paths import PROJECT

    return str(tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["version"])


_EPILOG = """\
A client is held to what an agent's attempt is held to: no commands, nothing outside the workspace, only its own tasks.
"""
