#!/bin/bash
# Summary: two reminders: one in two hours, as a user types it; one that is due now, and is delivered.
# Usage: examples/reminder.sh
set -euo pipefail
# shellcheck source=examples/throwaway.bash
. "${BASH_SOURCE[0]%/*}/throwaway.bash"
export DIARY=$work/diary.txt

say "A line with a time in front is enough"
show defer '::defer 2h stretch your legs' --compact

say "Due now. On a desktop: --executor notify; here, where nobody may be looking, a diary"
show defer --when now --intent notify --summary "the kettle" --executor "$examples/executor.sh" --compact
show wake

say "Delivered"
show cat "$DIARY"

say "Still to come"
show defer list --compact
