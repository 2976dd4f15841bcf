# shellcheck shell=bash
# Summary: for `make uninstall`: what Defer has left beside the links of `make install`, said or taken away.
# Usage: scripts=… root=… home=… data=…; . "$scripts/common.sh"; . "$scripts/leftovers.sh"
#
# Nothing is followed out of its place: what is a link is left, and so is what holds something that is not ours.

readonly MARK='# defer: wakes the tasks that are due'

# One more thing that is there: its kind, what it is, its path, the command that removes it.
leftover() {
  kinds[${#kinds[@]}]=$1
  says[${#says[@]}]=$2
  paths[${#paths[@]}]=$3
  commands[${#commands[@]}]=$4
}

quoted() { printf -v REPLY %q "$1"; }

is_there() { [ -e "$1" ] || [ -L "$1" ]; }

# leftover_files KIND WHAT PATH: one that `rm` removes; -f, since git's own files are read-only.
leftover_files() {
  is_there "$3" || return 0
  quoted "$3"
  leftover "$1" "$2" "$3" "rm -rf $REPLY"
}

# Fills kinds, says, paths and commands.
find_leftovers() {
  local name path
  kinds=() says=() paths=() commands=()
  base_directory "${XDG_CONFIG_HOME-}" .config
  config=$REPLY/defer
  find_wakers "${config%/defer}"
  if read_settings DEFER_RUNTIME_DIR DEFER_TASKS_FILE DEFER_ARCHIVE_DIR DEFER_LOG_DIR DEFER_LOG_FILE DEFER_TASKS_DIR; then
    is_clear=yes
    quoted "${root:?}"
    runtime=${DEFER_RUNTIME_DIR:-$home/data/runtime}
    ! is_there "$runtime" || leftover data "every task, archive and log" "$runtime" "make -C $REPLY clean-runtime CONFIRM=yes"
    for name in DEFER_ENV_FILE DEFER_TASKS_FILE DEFER_ARCHIVE_DIR DEFER_LOG_DIR DEFER_LOG_FILE DEFER_TASKS_DIR; do
      path=${!name-}
      case $path in '' | "$runtime"/* | "$config"/*) ;; *) leftover_files apart "what $name names" "$path" ;; esac
    done
  else
    is_clear=''
  fi
  leftover_files settings "your settings" "$config/env"
  leftover_files taskfiles "your task files" "$config/tasks"
  leftover_files shared "Python environments and copies of the code" "${data:?}/defer"
  # Whoever has cloned it has it for reasons of their own, and works in it.
  leftover_files code "the code, with the Python environment beside it" "$root"
}

# find_wakers CONFIG: what wakes it, as its own `uninstall` will find it.
find_wakers() {
  local line file
  quoted "${scripts:?}/schedule-task.sh"
  while IFS= read -r line; do
    case $line in
      '#'*) ;;
      *"$MARK"*) leftover waker "what wakes it, in your crontab" "$line" "$REPLY waker uninstall" ;;
    esac
  done <<<"$(crontab -l 2>/dev/null || :)"
  for file in "$1/systemd/user/defer.service" "$1/systemd/user/defer.timer" "$home/Library/LaunchAgents/defer.wake.plist"; do
    { [ -f "$file" ] && IFS= read -r line <"$file"; } || continue
    case $file$line in *.plist* | *"$MARK") leftover waker "what wakes it" "$file" "$REPLY waker uninstall" ;; esac
  done
}

# Ends with one line where all of it is not to be removed. FORCED: although something is being executed.
may_remove_leftovers() {
  [ -n "$is_clear" ] || {
    tell "nothing is removed: the settings file needs a closer look (set DEFER_RUNTIME_DIR)"
    exit 2
  }
  DEFER_RUNTIME_DIR=$runtime CONFIRM=check FORCE=$1 "$scripts/clean-runtime.sh" || exit
}

is_kept() { [ "$1" = apart ] || [ "$1" = code ]; }

announce_leftovers() {
  local each
  say "This removes the links that were made, and for good:"
  for ((each = 0; each < ${#kinds[@]}; each++)); do
    is_kept "${kinds[each]}" || say "  ${says[each]}: ${paths[each]}"
  done
}

say_leftovers() {
  local each others=''
  [ -n "$is_clear" ] || say "where your data lies only the settings file can tell; it stays, too"
  for ((each = 0; each < ${#kinds[@]}; each++)); do
    say "stays: ${says[each]}: ${paths[each]} (to remove it: ${commands[each]})"
    is_kept "${kinds[each]}" || others=yes
  done
  [ -z "$others" ] || say "make uninstall ALL=1 removes all of it but for the code and what you keep elsewhere"
}

# By its own uninstall, before anything else: a wake must not find half of it. Another copy's line stays, and then all does.
remove_waker() {
  case " ${kinds[*]} " in *' waker '*) ;; *) return 0 ;; esac
  "$scripts/schedule-task.sh" waker uninstall >/dev/null || exit
  say "removed: what wakes it"
  find_leftovers
  case " ${kinds[*]} " in *' waker '*) ;; *) return 0 ;; esac
  tell "nothing else is removed: ${paths[0]} belongs to another copy of Defer (uninstall that one first)"
  exit 1
}

remove_leftovers() {
  local path
  if is_there "$runtime"; then
    DEFER_RUNTIME_DIR=$runtime CONFIRM=yes FORCE=$1 "$scripts/clean-runtime.sh" || refuse "$runtime stays"
  fi
  remove_file "$config/env"
  for path in "$config/tasks"/*.yml "$config/tasks"/*.yaml "$config/tasks"/*.json "$config/tasks"/*.md; do
    [ -L "$config/tasks" ] || remove_file "$path"
  done
  remove_folder "$config/tasks"
  remove_folder "$config"
  for path in "$data/defer"/venv* "$data/defer/bytecode" "$data/defer"/code*; do
    [ -L "$data/defer" ] || remove_tree "$path"
  done
  remove_folder "$data/defer"
}

remove_file() {
  [ -f "$1" ] && [ ! -L "$1" ] && [ -O "$1" ] || return 0
  rm -f -- "$1"
  say "removed: $1"
}

# A folder that holds nothing any more but a lock of ours.
remove_folder() {
  [ -d "$1" ] && [ ! -L "$1" ] || return 0
  rm -f -- "$1/.defer.lock"
  if rmdir -- "$1" 2>/dev/null; then say "removed: $1"; else refuse "$1 holds something else, too: left as it is"; fi
}

remove_tree() {
  is_there "$1" && [ ! -L "$1" ] && [ -O "$1" ] || return 0
  rm -rf -- "$1"
  say "removed: $1"
}
