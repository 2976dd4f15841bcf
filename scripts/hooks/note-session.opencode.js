// Summary: note-session.sh for opencode, which has plugins in place of hooks: docs/agents.md says where to link it.
//
// A conversation is noted as somebody says something in it, before the model hears of it: a command that the agent
// then runs finds the note. Whatever goes wrong here costs the note alone.

import { spawn } from "node:child_process"
import { realpathSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const HOOK = join(dirname(realpathSync(fileURLToPath(import.meta.url))), "note-session.sh")
const PATIENCE_MS = 10_000

const note = (session, directory) =>
  new Promise((done) => {
    const hook = spawn(HOOK, ["opencode"], { stdio: ["pipe", "ignore", "ignore"], timeout: PATIENCE_MS })
    hook.on("error", done)
    hook.on("close", done)
    hook.stdin.on("error", () => {})
    hook.stdin.end(JSON.stringify({ session_id: session, cwd: directory }))
  })

export const NoteSession = async ({ directory }) => {
  const ofSubagents = new Set()
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
      await note(sessionID, directory)
    },
  }
}
