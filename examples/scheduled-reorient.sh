#!/bin/bash
# Summary: schedule with the context of a project's CONTEXT.md, so that whoever is woken knows where the work stands.
# Usage: examples/scheduled-reorient.sh
set -euo pipefail
# shellcheck source=examples/throwaway.bash
. "${BASH_SOURCE[0]%/*}/throwaway.bash"

cat >"$work/CONTEXT.md" <<'EOF'
# Tide tables

## Orientation
- A service that predicts tides for 40 harbours.

## Current state
- Harmonics fitted for 31 harbours
- Brest waits for gauge data of 2019

## Open questions
- Do we keep the Fortran core?

## Decisions already made
- SQLite, not Postgres
EOF

say "What a reader makes of it"
show "$examples/../scripts/reorient_snapshot.py" --context-file "$work/CONTEXT.md"

say "The same goes along with the task. Its lists come first, the flags' own after"
show defer --when now --id tides --reorient --context-file "$work/CONTEXT.md" \
  --summary "Fit the harmonics of Brest" --key-point "The gauge data came on Monday" --compact
show wake

say "Without an executor the prompt is the result"
show cat "$DEFER_RUNTIME_DIR/logs/tides.prompt.txt"
