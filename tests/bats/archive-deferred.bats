#!/usr/bin/env bats
# Summary: archive-deferred.sh: what has ended goes under its month.
# Usage: bats tests/bats/archive-deferred.bats

setup() {
  load common
  bare
}

@test "gives its arguments to the face called archive" {
  make_clone
  run "$clone/scripts/archive-deferred.sh" --flag
  [ "$status" -eq 7 ]
  [ "$output" = 'archive|--flag' ]
}

@test "files a cancelled task of v1 under the month in which it ended, and keeps what is scheduled" {
  mkdir -p "$DEFER_RUNTIME_DIR"
  cat >"$store" <<'JSONL'
{"id":"task_20260408_163500_4821","created_at":"2026-04-08T16:35:00Z","run_at":"2026-04-08T16:45:00Z","type":"deferred_task","intent":"notify","context":{"summary":"over","key_points":[],"artifacts":[],"constraints":[],"reoriented_from":null},"execution":{"mode":"fresh","prompt_template":"over","aura_level":"low"},"status":"cancelled","attempts":0,"max_retries":0,"cancelled_at":"2026-04-30T23:59:59Z","cancel_reason":"done by hand"}
{"id":"task_20260408_163600_4822","created_at":"2026-04-08T16:36:00Z","run_at":"2099-04-08T16:45:00Z","type":"deferred_task","intent":"notify","context":{"summary":"to come","key_points":[],"artifacts":[],"constraints":[],"reoriented_from":null},"execution":{"mode":"fresh","prompt_template":"to come","aura_level":"low"},"status":"scheduled","attempts":0,"max_retries":0}
JSONL
  run "$scripts/archive-deferred.sh"
  [ "$status" -eq 0 ]
  grep -q '"id":"task_20260408_163500_4821"' "$DEFER_RUNTIME_DIR/archive/deferred_202604.jsonl"
  run cat "$store"
  [[ $output == *task_20260408_163600_4822* && $output != *task_20260408_163500_4821* ]]
}

@test "with no store there is nothing to do and nothing is said" {
  run "$scripts/archive-deferred.sh"
  [ "$status" -eq 0 ]
  [ -z "$output" ]
}
