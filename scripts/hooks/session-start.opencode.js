// Summary: session-start.sh for opencode, which has plugins in place of hooks: docs/agents.md says where to link it.
//
// As somebody says the first thing in a conversation it is noted, before the model hears of it, so that a command that
// the agent then runs finds the note. What the hook prints, the unread inbox, becomes part of the system prompt of that
// conversation. Whatever goes wrong here costs that alone.

import { spawn } from "node:child_process"
import { realpathSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const HOOK = join(dirname(realpathSync(fileURLToPath(import.meta.url))), "session-start.sh")
const PATIENCE_MS = 10_000

const start = (session, directory) =>
  new Promise((done) => {
    const hook = spawn(HOOK, ["opencode"], { stdio: ["pipe", "pipe", "ignore"], timeout: PATIENCE_MS })
    let text = ""
    hook.stdout.setEncoding("utf8")
    hook.stdout.on("data", (piece) => (text += piece))
    hook.on("error", () => done(""))
    hook.on("close", () => done(text))
    hook.stdin.on("error", () => {})
    // So each change between conversations is noted, and only the first of each shows the inbox.
    hook.stdin.end(JSON.stringify({ session_id: session, cwd: directory, hook_event_name: "UserPromptSubmit" }))
  })

export const SessionStart = async ({ directory }) => {
  const ofSubagents = new Set()
  const shown = new Map()
  let latest
  return {
    event: async ({ event }) => {
      const info = event?.properties?.info
      if (event?.type === "session.created" && info?.parentID) ofSubagents.add(info.id)
    },
    "chat.message": async ({ sessionID }) => {
      // Somebody may go back and forth between conversations: the newest note of a process is of the one they are in.
      if (sessionID === latest || ofSubagents.has(sessionID)) return
      latest = sessionID
      const text = await start(sessionID, directory)
      if (text) shown.set(sessionID, text)
    },
    "experimental.chat.system.transform": async ({ sessionID }, output) => {
      if (shown.has(sessionID)) output.system.push(shown.get(sessionID))
    },
  }
}
