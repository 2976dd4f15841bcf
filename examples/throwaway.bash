# shellcheck shell=bash
# Summary: what the examples share: a store of their own, and commands that are shown before they run.
# Usage: . "${BASH_SOURCE[0]%/*}/throwaway.bash"

# shellcheck disable=SC2034  # the examples name their files by it
examples=$(cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
for name in $(compgen -e); do
  case $name in DEFER_*) unset "$name" ;; esac
done
work=$(mktemp -d "${TMPDIR:-/tmp}/defer-example.XXXXXX")
# No settings file: the user's own may name another executor or store.
export DEFER_RUNTIME_DIR=$work/runtime DEFER_ENV_FILE=/dev/null
trap 'rm -rf "$work"' EXIT

defer() { "$examples/../scripts/schedule-task.sh" "$@"; }

# What cron does every minute.
wake() { "$examples/../scripts/run-deferred.sh"; }

say() { printf '\n# %s\n' "$*"; }

# Show a command as a user types it, then run it.
show() {
  printf '$'
  printf ' %q' "$@"
  printf '\n'
  "$@"
}
