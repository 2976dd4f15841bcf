# shellcheck shell=bash
# Summary: what the entries need before Python runs: which Python, and where the settings say the store is.
# Usage: scripts=DIRECTORY-OF-THIS-FILE; . "$scripts/common.sh"

root=${scripts:?}/..
readonly EXIT_IO=74

# Sets REPLY to TEXT with a question mark for each byte or character that a terminal would obey: controls, what turns
# the direction of writing, line separators, tags. Works on bytes of UTF-8, whatever the locale (defer/visible.py).
shown() {
  local LC_ALL=C
  REPLY=${1//[$'\001'-$'\037'$'\177']/?}
  REPLY=${REPLY//$'\302'[$'\200'-$'\237']/?}
  REPLY=${REPLY//$'\330\234'/?}
  REPLY=${REPLY//$'\342\200'[$'\216\217\250'-$'\256']/?}
  REPLY=${REPLY//$'\342\201'[$'\246'-$'\257']/?}
  REPLY=${REPLY//$'\357\273\277'/?}
  REPLY=${REPLY//$'\363\240'[$'\200'-$'\203']?/?}
}

# One line on stdout, for people.
say() {
  shown "$1"
  printf '%s\n' "$REPLY"
}

# One line on stderr.
tell() {
  shown "$1"
  printf 'defer: %s\n' "$REPLY" >&2
}

die() {
  tell "$1"
  exit "$EXIT_IO"
}

# Sets REPLY to DIRECTORY, an XDG one, if it is a full path, else to BELOW in the home directory; 1 if there is neither.
base_directory() {
  REPLY=$1
  case $REPLY in /*) return 0 ;; esac
  REPLY=${HOME-}/$2
  case $REPLY in /"$2") return 1 ;; /*) return 0 ;; esac
  return 1
}

# Whether the environment HOME is ours, as far as this can be told without starting a program. A link may lead to
# anybody's Python, as in the environments that bootstrap.py makes; other users cannot make files that belong to us.
is_ours() {
  [ -O "$1" ] && [ -O "$1/bin" ] && [ -O "$1/pyvenv.cfg" ] && [ -O "$1/defer-core.stamp" ] || return
  [ -O "$1/bin/python" ] || { [ -L "$1/bin/python" ] && [ "$EUID" -ne 0 ]; }
}

# Sets python to the interpreter of an environment that is ready; 1 if there is none, with the reason in REPLY.
# File dates tell at once. If a checkout has changed them, bootstrap.py compares hashes; if the environment is not
# ours, bootstrap.py checks its owner, under another Python, since that one may be anybody's. Installs nothing.
find_python() {
  local home stamp trouble
  trouble="the Python environment is missing or out of date (run: python3 $scripts/bootstrap.py)"
  base_directory "${XDG_DATA_HOME-}" .local/share || REPLY=$root
  for home in "$root/.venv" "$REPLY/defer/venv"; do
    python=$home/bin/python
    stamp=$home/defer-core.stamp
    [ -x "$python" ] && [ -e "$stamp" ] || continue
    if ! is_ours "$home"; then
      base_python || break
    elif [ "$stamp" -nt "$root/pyproject.toml" ] && [ "$stamp" -nt "$root/requirements/core.lock" ]; then
      return 0
    fi
    if python=$("$python" -I -S "$scripts/bootstrap.py" --check 2>&1); then return 0; fi
    trouble=${python#defer: }
  done
  REPLY=$trouble
  return 1
}

# Sets python to a Python on PATH that runs; 1 if there is none. Parts of PATH that depend on the working directory
# do not count.
base_python() {
  local name rest
  for name in python3 python3.14 python3.13 python3.12 python3.11; do
    rest=$PATH:
    while [ -n "$rest" ]; do
      python=${rest%%:*}/$name rest=${rest#*:}
      case $python in /*) ;; *) continue ;; esac
      [ -x "$python" ] && "$python" -I -c '' >/dev/null 2>&1 && return
    done
  done
  return 1
}

# Sets python too, and makes the environment on the first call after a clone or an upgrade.
prepare_python() {
  find_python && return
  base_python || die "Python 3.11 or newer is needed, and there is no python3 on PATH (install one)"
  python=$("$python" -I "$scripts/bootstrap.py") || exit # it has said why
}

# Gives way to one face of the command line. Neither the user's site-packages nor the working directory count.
start_python() {
  exec "$python" -I -S -X utf8 "$scripts/defer/__main__.py" "$@"
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

# Whether FILE may be written without Python: a plain file with one name, where not every user may write. As root,
# nothing is made in another user's directory: its owner could not change it. To check this starts a program, which
# does not matter to a wake that gives up anyway.
may_write() {
  [ ! -L "$1" ] || return
  if [ -e "$1" ]; then [ -f "$1" ] || return; elif [ "$EUID" -eq 0 ]; then [ -O "${1%/*}" ] || return; fi
  [ -z "$(find "${1%/*}" "$1" -prune '(' -perm -0002 -o -type f -links +1 ')' 2>/dev/null)" ]
}
