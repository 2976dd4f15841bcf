"""A model's service on this machine that needs no model, so that coding agents' real programs can be run in every case.

It speaks as much of four APIs, streamed and whole, as a coding agent needs to finish a run: Anthropic Messages, OpenAI
Responses, OpenAI Chat Completions and Gemini. Each run of a program has a path of its own, ``/c/CELL``, and what that
cell is answered is set by a scenario, ``NAME`` or ``NAME:ARGUMENT``, which may change between two requests:

    answer[:TEXT]   the text, "Stub answer." if none is given
    tool[:COMMAND]  calls the program's shell tool once, then answers "Done: " and what the tool said
    write[:PATH]    calls its file-writing tool once, then answers likewise
    loop            calls the shell tool again and again
    slow[:SECONDS]  begins to answer, is silent for so long (600), then ends
    stall[:COMMAND] calls the shell tool likewise, and is silent for ten minutes once it has answered
    hang[:SECONDS]  sends nothing at all for so long
    rate[:SECONDS]  429, a key that is used too fast; with that Retry-After, or without one
    usage[:SECONDS] 429, a subscription whose limit is reached, for so long (7200)
    quota           429, an account without credit
    auth            401, a wrong key
    forbidden       403
    nomodel         404, there is no such model
    context         400, the prompt is too long
    overload        529 of Anthropic, 503 of the others
    broken          500
    drop            closes the connection in the middle of an answer

A prompt with a line ``RUN: COMMAND`` makes each that answers call the shell tool once with that command;
lines ``USE: TOOL JSON`` make it call these tools one after another, with these arguments, be they offered or not.
"""
