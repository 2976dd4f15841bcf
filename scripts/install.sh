#!/bin/bash
# Summary: link the `defer` command and the two skills into place, and take them away again.
# Usage: install.sh install [claude|codex|agents|all|none] | uninstall
#
# Without a choice the skills go to those agents whose folder is in the home directory. One file notes all
# that is made, folders included; uninstall goes through it backwards. A name that something else has taken
# is left alone, with a message and exit 1.
set -euo pipefail

scripts=$(cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/common.sh
. "$scripts/common.sh"
root=${scripts%/*}
if [ -n "${DEFER_RESTRICTED-}" ]; then
  tell "an agent's attempt may not install or uninstall (a person can)"
  exit 1
fi
umask o-w # a record that everybody may write to would have us take away what they like
base_directory '' . || die "HOME is ${HOME:+not a full path: }${HOME:-not set} (set HOME to the full path of your home directory)"
home=$HOME
bin=$home/.local/bin
base_directory "${XDG_STATE_HOME-}" .local/state
record=$REPLY/defer/installed
status=0

refuse() {
  tell "$*"
  status=1
}

# Note what was made, as soon as there is a folder for the record.
note() {
  made=${made-}$1$'\n'
  [ -d "${record%/*}" ] || return 0
  printf '%s' "$made" >>"$record"
  made=''
}

# The folder and those above it; only what was missing is noted.
make_folder() {
  [ ! -d "$1" ] || return 0
  make_folder "$(dirname -- "$1")"
  mkdir -- "$1"
  note "$1"
}

# points_to LINK TARGET: whether LINK is a link of ours.
points_to() { [ -L "$1" ] && { [ "$(readlink "$1")" = "$2" ] || [ "$1" -ef "$2" ]; }; }

# place LINK TARGET
place() {
  if points_to "$1" "$2"; then
    say "there already: $1"
  elif [ -e "$1" ] || [ -L "$1" ]; then
    refuse "$1 is taken by something else: left as it is (move it away and run this again)"
  else
    make_folder "$(dirname -- "$1")"
    ln -s -- "$2" "$1"
    note "$1"
    say "linked: $1 -> $2"
  fi
}

# The folders of the agents chosen, one a line.
agent_folders() {
  local agent
  for agent in claude codex agents; do
    case ${1:-present} in
      "$agent" | all) printf '%s\n' "$home/.$agent/skills" ;;
      present) [ ! -d "$home/.$agent" ] || printf '%s\n' "$home/.$agent/skills" ;;
    esac
  done
}

install_all() {
  local folder name=defer
  case ${1:-present} in claude | codex | agents | all | none | present) ;; *) usage "no such choice: $1" ;; esac
  prepare_python
  make_folder "${record%/*}"
  place "$bin/defer" "$scripts/schedule-task.sh"
  while IFS= read -r folder; do
    [ -n "$folder" ] || continue
    place "$folder/defer" "$root"
    place "$folder/reorient" "$root/reorient"
  done <<<"$(agent_folders "${1-}")"
  case :$PATH: in
    *":$bin:"*) ;;
    *) name=$bin/defer && say "$bin is not on your PATH; to have it there: export PATH=\"\$HOME/.local/bin:\$PATH\"" ;;
  esac
  say "Now let cron wake it every minute: $name cron install"
}

uninstall_all() {
  local path backwards=''
  [ -f "$record" ] || { say "nothing to take away: no record at $record" && return 0; }
  while IFS= read -r path; do backwards=$path$'\n'$backwards; done <"$record"
  rm -- "$record"
  while IFS= read -r path; do take_away "$path"; done <<<"$backwards"
  [ -z "${left-}" ] || { make_folder "${record%/*}" && printf '%s' "$left" >>"$record"; }
}

take_away() {
  if points_to "$1" "$scripts/schedule-task.sh" || points_to "$1" "$root" || points_to "$1" "$root/reorient"; then
    rm -- "$1"
    say "removed: $1"
  elif [ -L "$1" ] || [ -f "$1" ]; then
    refuse "$1 no longer points here: left as it is"
    left=$1$'\n'${left-}
  elif [ -d "$1" ]; then
    rmdir -- "$1" 2>/dev/null || : # others have put something in it
  fi
}

usage() {
  tell "$1 (usage: install.sh install [claude|codex|agents|all|none] | uninstall)"
  exit 2
}

case ${1-} in
  install) install_all "${2-}" ;;
  uninstall) uninstall_all ;;
  -h | --help) sed -n '2,7s/^# //p' "${BASH_SOURCE[0]}" ;;
  *) usage "install or uninstall?" ;;
esac
exit "$status"
