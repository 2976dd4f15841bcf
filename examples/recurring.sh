#!/bin/bash
# Summary: a task for every weekday: brought forward once, run beside its schedule, paused, resumed, cancelled.
# Usage: examples/recurring.sh
set -euo pipefail
# shellcheck source=examples/throwaway.bash
. "${BASH_SOURCE[0]%/*}/throwaway.bash"
export DIARY=$work/diary.txt

say "Every weekday at this time of day, for four weeks"
show defer every weekday sort the inbox --id inbox --count 20 --executor "$examples/executor.sh" --compact

say "This week's, then"
show defer list --upcoming 7d --compact

say "The next one is wanted now; those after it stay where they are"
show defer reschedule inbox now --compact
show wake
show defer show inbox --compact

say "Once more, beside its schedule"
show defer run inbox --compact
show wake

say "A holiday: nothing runs, and nothing is made up for afterwards"
show defer pause inbox --compact
show defer resume inbox --compact

say "Not on the next weekday, but at nine from then on"
show defer cancel inbox --occurrence --reason "dentist" --compact
show defer edit inbox --every "weekday 9:00" --compact

say "What was done"
show cat "$DIARY"
