# shellcheck shell=bash
# Summary: where the settings say the store is, as far as a shell can tell: in any doubt Python is asked.
# Usage: scripts=DIRECTORY-OF-THIS-FILE; . "$scripts/where.sh"
#
# An idle wake reads this file and no other of ours. A test holds it equal to what Python finds, case by case.

root=${scripts:?}/..

# Sets REPLY to DIRECTORY, an XDG one, if it is a full path, else to BELOW in the home directory; 1 if there is neither.
base_directory() {
  REPLY=$1
  case $REPLY in /*) return 0 ;; esac
  REPLY=${HOME-}/$2
  case $REPLY in /"$2") return 1 ;; /*) return 0 ;; esac
  return 1
}

# Sets REPLY to the settings file; /dev/null stands for none.
settings_file() {
  REPLY=${DEFER_ENV_FILE-}
  if [ -n "$REPLY" ]; then return 0; fi
  if base_directory "${XDG_CONFIG_HOME-}" .config && [ -f "$REPLY/defer/env" ]; then
    REPLY=$REPLY/defer/env
  elif [ -f "$root/.env" ]; then
    REPLY=$root/.env
  else
    REPLY=/dev/null
  fi
}

# Sets REPLY to what VALUE, an absolute path in a settings line, means; 1 if only Python can tell.
plain_path() {
  REPLY=$1
  case $REPLY in
    \"*\" | \'*\') REPLY=${REPLY#?} REPLY=${REPLY%?} ;;
    *[[:blank:]]*) return 1 ;;
  esac
  case $REPLY in
    *[\"\'\`\$\\#~[:cntrl:]]*) return 1 ;;
    /*) return 0 ;;
  esac
  return 1
}

# Sets each path NAME… that the environment leaves unset from the settings file. Returns 1 in any doubt about
# a line that mentions one: only Python knows all the rules.
read_settings() {
  local IFS='|' line name value wanted seen='|'
  wanted="$*"
  settings_file
  [ "$REPLY" = /dev/null ] || { [ -f "$REPLY" ] && [ -r "$REPLY" ]; } || return 1
  while IFS= read -r line || [ -n "$line" ]; do
    [[ $line =~ ($wanted) && ! $line =~ ^[[:blank:]]*# ]] || continue
    [[ $line =~ ^(export )?($wanted)=(.*)$ ]] || return 1
    name=${BASH_REMATCH[2]} value=${BASH_REMATCH[3]}
    [ "${seen#*"|$name|"}" = "$seen" ] && plain_path "$value" || return 1
    seen=$seen$name'|'
    [ -n "${!name+set}" ] || printf -v "$name" %s "$REPLY"
  done <"$REPLY"
}

# Sets REPLY to the tasks file; 1 in any doubt.
tasks_file() {
  read_settings DEFER_RUNTIME_DIR DEFER_TASKS_FILE || return
  case ${HOME-} in /*) ;; *) return 1 ;; esac
  [ -n "${DEFER_RUNTIME_DIR-unset}" ] && [ -n "${DEFER_TASKS_FILE-unset}" ] || return
  REPLY=${DEFER_TASKS_FILE-${DEFER_RUNTIME_DIR-$HOME/data/runtime}/deferred.jsonl}
  case $REPLY in */../* | */.. | */) return 1 ;; /*) return 0 ;; esac
  return 1
}
