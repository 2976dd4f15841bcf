#!/bin/bash
# Summary: an executor in ten lines of shell: keeps a diary of what came due, with its prompt.
# Usage: DEFER_EXECUTOR=/path/to/executor.sh (references/executor-contract.md)
set -euo pipefail
[ "${DIARY-}" ] || { echo "DIARY is not set (put DIARY=/path/of/a/file into the settings file)" >&2 && exit 78; }
{
  printf '== %s, attempt %s ==\n' "$DEFER_TASK_ID" "$DEFER_ATTEMPT"
  sed -n '/^## Summary$/,$p' "$DEFER_PROMPT_FILE"
} >>"$DIARY" || exit 75 # not now; tried again while retries are left
echo "noted in $DIARY"
