#!/bin/bash
# Summary: the ids of tasks in the store, one a line, for the completion of a shell. It starts no Python.
# Usage: ids.sh live|all [BEGINNING]
#
# live: those that have not ended; all: every one in the store. An id of the store's is a plain word, and nothing else
# of a line is looked at or printed. What only Python could find out is left out: a shell that completes does not wait.
set -euo pipefail

which=${1:-live}
export beginning=${2:-}
completion=${BASH_SOURCE[0]%/*}
scripts=${completion%/*}
# shellcheck source=scripts/where.sh
. "$scripts/where.sh"

# The last line of an id counts. What a record still has to file stands between id and status: it has not ended then.
newest() {
  awk -v which="$which" '
    match($0, /^[{] *"id" *: *"[A-Za-z0-9][A-Za-z0-9._-]*"/) {
      id = substr($0, 1, RLENGTH - 1)
      sub(/.*"/, "", id)
      if (length(id) > 128 || substr(id, 1, length(ENVIRON["beginning"])) != ENVIRON["beginning"]) next
      rest = substr($0, RLENGTH + 1)
      has_ended = rest ~ /^ *, *"status" *: *"(completed|failed|cancelled|missed|skipped)"/
      is_filed = rest ~ /^ *, *"status" *: *"[a-z]*" *, *"filed_at"/
      wanted[id] = which == "all" ? !is_filed : !has_ended
    }
    END { for (id in wanted) if (wanted[id]) print id }'
}

# A large store is looked at from its end, and so much of each line as may matter.
tasks_file && [ -f "$REPLY" ] && [ -r "$REPLY" ] || exit 0
export LC_ALL=C
tail -c 8388608 "$REPLY" | cut -b 1-400 | newest | sort
