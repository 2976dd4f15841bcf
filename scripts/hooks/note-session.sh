#!/bin/bash
# Summary: note which conversation of a coding agent begins here, for `defer … --mode callback`: a session hook.
# Usage: note-session.sh AGENT <INPUT-OF-THE-HOOK (claude, codex, gemini, copilot …; docs/agents.md has each)
#
# Prints nothing and exits 0 whatever happens: an agent takes what a hook prints for its own, and waits for it.
set -euo pipefail

self=${BASH_SOURCE[0]}
case $self in */*) ;; *) self=./$self ;; esac
while [ -L "$self" ]; do
  link=$(readlink "$self")
  case $link in /*) self=$link ;; *) self=${self%/*}/$link ;; esac
done
scripts=${self%/*}/..
# shellcheck source=scripts/common.sh
. "$scripts/common.sh"

if ! find_python; then
  tell "the conversation was not noted: $REPLY"
  exit 0
fi
"$python" -I -S -X utf8 "$package/__main__.py" session "$@" >/dev/null || :
