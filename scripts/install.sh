#!/bin/bash
# Summary: put the `defer` command, the skills, completion and the manual page into place, and take them away again.
# Usage: install.sh install [claude|codex|agents|qwen|all|none [EXTRA…]] | uninstall [all [force]]
#
# Without a choice the skills go to those agents whose folder is in the home directory. One file notes all
# that is made, folders included; uninstall goes through it backwards. A name that something else has taken
# is left alone, with a message and exit 1. `uninstall` says what stays; `uninstall all` says what it will
# remove of that, and removes it.
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
base_directory "${XDG_DATA_HOME-}" .local/share
data=$REPLY
# shellcheck source=scripts/leftovers.sh
. "$scripts/leftovers.sh"
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
  for agent in claude codex agents qwen; do
    case ${1:-present} in
      "$agent" | all) printf '%s\n' "$home/.$agent/skills" ;;
      present) [ ! -d "$home/.$agent" ] || printf '%s\n' "$home/.$agent/skills" ;;
    esac
  done
}

# Where shells and `man` look by themselves, and what of ours belongs there: LINK|TARGET, one a line. `man` goes by
# PATH: what is documented of ~/.local/bin lies in ~/.local/share, whatever XDG_DATA_HOME says.
helps() {
  printf '%s\n' "$data/bash-completion/completions/defer|completion/defer.bash" \
    "$data/zsh/site-functions/_defer|completion/_defer" \
    "$data/fish/vendor_completions.d/defer.fish|completion/defer.fish" \
    "$home/.local/share/man/man1/defer.1|man/defer.1"
}

# The extras that there are, on one line.
known_extras() {
  local lock known=''
  for lock in "$root"/requirements/*.lock; do
    lock=${lock##*/} lock=${lock%.lock}
    case $lock in core | dev | '*') ;; *) known="$known $lock" ;; esac
  done
  printf '%s' "${known# }"
}

# Each of EXTRA…, names with blanks or commas between them.
install_extras() {
  local extra names known
  known=$(known_extras)
  names=$(printf '%s ' "$@" | tr , ' ')
  set -f
  for extra in $names; do
    case " $known " in
      *" $extra "*) ;;
      *) tell "no such extra: $extra (there are: $known)" && exit 2 ;;
    esac
  done
  base_python || die "Python 3.11 or newer is needed, and there is no python3 on PATH (install one)"
  for extra in $names; do "$python" -I "$scripts/bootstrap.py" --extra "$extra" >/dev/null || exit; done
  set +f
}

install_all() {
  local folder line name=defer choice=${1:-present}
  case $choice in
    claude | codex | agents | qwen | all | none | present) ;;
    *) usage "no such choice: $choice" ;;
  esac
  [ $# -lt 2 ] || install_extras "${@:2}"
  prepare_python
  make_folder "${record%/*}"
  place "$bin/defer" "$scripts/schedule-task.sh"
  while IFS= read -r folder; do
    [ -n "$folder" ] || continue
    place "$folder/defer" "$root"
    place "$folder/reorient" "$root/reorient"
  done <<<"$(agent_folders "$choice")"
  while IFS= read -r line; do
    [ ! -e "$scripts/${line#*|}" ] || place "${line%%|*}" "$scripts/${line#*|}"
  done <<<"$(helps)"
  case :$PATH: in
    *":$bin:"*) ;;
    *) name=$bin/defer && say "$bin is not on your PATH; to have it there: export PATH=\"\$HOME/.local/bin:\$PATH\"" ;;
  esac
  say "Now have it woken every minute: $name waker install"
}

# uninstall_all [yes [yes]]: all as well, and although something is being executed.
uninstall_all() {
  find_leftovers
  if [ -n "${1-}" ]; then
    may_remove_leftovers "${2-}"
    announce_leftovers
    remove_waker
  fi
  unlink_all
  if [ -n "${1-}" ]; then
    remove_leftovers "${2-}"
    find_leftovers
  fi
  say_leftovers
}

unlink_all() {
  local path backwards=''
  [ -f "$record" ] || { say "nothing to take away: no record at $record" && return 0; }
  while IFS= read -r path; do backwards=$path$'\n'$backwards; done <"$record"
  rm -- "$record"
  while IFS= read -r path; do take_away "$path"; done <<<"$backwards"
  [ -z "${left-}" ] || { make_folder "${record%/*}" && printf '%s' "$left" >>"$record"; }
}

# Whether LINK leads to something in this copy of the code, by its text or by what is there.
is_ours_to_unlink() {
  local target
  [ -L "$1" ] || return
  target=$(readlink "$1")
  case $target in "$root" | "$root"/*) return 0 ;; esac
  points_to "$1" "$scripts/schedule-task.sh" || points_to "$1" "$root" || points_to "$1" "$root/reorient"
}

take_away() {
  if is_ours_to_unlink "$1"; then
    rm -- "$1"
    say "removed: $1"
  elif [ -L "$1" ] || [ -f "$1" ]; then
    refuse "$1 no longer points here: left as it is"
    left=$1$'\n'${left-}
  elif [ -d "$1" ]; then
    rmdir -- "$1" 2>/dev/null || : # others have put something in it
  fi
}

# Sets REPLY to yes, or to nothing.
answer_to() {
  case $1 in
    1 | yes | all | force) REPLY=yes ;;
    '' | 0 | no) REPLY='' ;;
    *) usage "neither 1 nor 0: $1" ;;
  esac
}

usage() {
  tell "$1 (usage: install.sh install [claude|codex|agents|qwen|all|none [EXTRA…]] | uninstall [all [force]])"
  exit 2
}

case ${1-} in
  install) install_all "${@:2}" ;;
  uninstall)
    answer_to "${3-}" && forced=$REPLY
    answer_to "${2-}" && uninstall_all "$REPLY" "$forced"
    ;;
  -h | --help) sed -n '2,9s/^# //p' "${BASH_SOURCE[0]}" ;;
  *) usage "install or uninstall?" ;;
esac
exit "$status"
