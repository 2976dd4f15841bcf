#!/usr/bin/env bats
# The shipped executors, with programs on PATH that stand in for the agents: each notes how it was
# called and prints what the real one is documented to print.

setup() {
  executors=$BATS_TEST_DIRNAME/../../scripts/executors
  bin=$BATS_TEST_TMPDIR/bin
  called=$BATS_TEST_TMPDIR/called
  mkdir "$bin"
  # What the executors use of the system, and nothing else: no real agent may be within reach.
  for tool in bash cat id sed; do ln -s "$(command -v "$tool")" "$bin/$tool"; done
  export XDG_DATA_HOME=${XDG_DATA_HOME:-$HOME/.local/share}
  export HOME=$BATS_TEST_TMPDIR
  export DEFER_PROMPT_FILE="$BATS_TEST_TMPDIR/the prompt.txt"
  export DEFER_RESULT_FILE=$BATS_TEST_TMPDIR/result.json
  export DEFER_TIMEZONE=UTC
  printf 'resume the review\n' >"$DEFER_PROMPT_FILE"
  task='{"context":{"summary":"tea & <b>cake</b>"}}'
  unset DBUS_SESSION_BUS_ADDRESS DEFER_MODEL DEFER_SESSION_ID
}

# stand_in NAME STATUS WHAT-IT-PRINTS: also notes its arguments and its standard input.
stand_in() {
  {
    echo '#!/bin/bash'
    printf 'printf "%%s\\n" "$@" >%q\n' "$called"
    [ "$1" = notify-send ] || printf 'cat >%q\n' "$called.stdin"
    printf 'printf %%s %q\nexit %d\n' "$3" "$2"
  } >"$bin/$1"
  chmod +x "$bin/$1"
}

# run_executor NAME [TASK-JSON]
run_executor() {
  run --separate-stderr env PATH="$bin" "$executors/$1" <<<"${2-$task}"
}

result() {
  python3 -c 'import json, sys; print(json.load(open(sys.argv[1])).get(sys.argv[2]))' "$DEFER_RESULT_FILE" "$1"
}

bats_require_minimum_version 1.5.0

@test "claude: the prompt goes in on stdin, the last words come out, session and usage are noted" {
  stand_in claude 0 '{"type":"result","subtype":"success","is_error":false,"result":"Reviewed – 3 findings.","session_id":"5f1c","total_cost_usd":0.25,"permission_denials":[],"usage":{"input_tokens":10,"cache_read_input_tokens":200,"output_tokens":30}}'
  run_executor claude
  [ "$status" -eq 0 ]
  [ "$output" = "Reviewed – 3 findings." ]
  [ "$(cat "$called")" = $'-p\n--output-format\nstream-json\n--verbose' ]
  [ "$(cat "$called.stdin")" = "resume the review" ]
  [ "$(result session_id)" = 5f1c ]
  [ "$(result usage)" = "{'input_tokens': 210, 'cached_input_tokens': 200, 'output_tokens': 30, 'cost_usd': 0.25}" ]
}

@test "claude: a denied tool is left to the wake, by its name" {
  stand_in claude 0 '{"type":"result","is_error":false,"result":"I could not write it.","session_id":"5f1c","permission_denials":[{"tool_name":"Write"},{"tool_name":"Bash"},{"tool_name":"Write"}]}'
  run_executor claude
  [ "$status" -eq 0 ]
  [ "$output" = "I could not write it." ]
  [ "$(result denied)" = "['Write', 'Bash']" ]
  [ "$(result session_id)" = 5f1c ]
}

@test "claude: a used-up quota is exit 75 and says when it is back" {
  stand_in claude 1 "Claude AI usage limit reached|4102444800"
  run_executor claude
  [ "$status" -eq 75 ]
  [ "$(result retry_at)" = 2100-01-01T00:00:00Z ]
  [ "$stderr" = "claude: Claude AI usage limit reached|4102444800" ]
}

@test "claude: a limit without a time is exit 75 and nothing more" {
  stand_in claude 1 '{"type":"result","is_error":true,"result":"API Error: 529","api_error_status":529}'
  run_executor claude
  [ "$status" -eq 75 ]
  [ ! -e "$DEFER_RESULT_FILE" ]
}

@test "claude: not logged in is exit 78" {
  stand_in claude 1 '{"type":"result","is_error":true,"result":"Invalid API key · Please run /login"}'
  run_executor claude
  [ "$status" -eq 78 ]
}

@test "claude: any other failure keeps its status, an error reported with status 0 does not pass" {
  stand_in claude 3 'boom'
  run_executor claude
  [ "$status" -eq 3 ]
  [ "$stderr" = "claude: boom" ]
  stand_in claude 0 '{"type":"result","is_error":true,"subtype":"error_max_turns"}'
  run_executor claude
  [ "$status" -eq 78 ]
  [ "$stderr" = "claude: error_max_turns" ]
}

@test "claude: what is not the documented JSON is passed on as it is" {
  stand_in claude 0 'plain words'
  run_executor claude
  [ "$status" -eq 0 ]
  [ "$output" = "plain words" ]
}

@test "claude: what the agent itself wrote to the result file stays, but for what its program says otherwise" {
  printf '{"reschedule":"2h","session_id":"mine","usage":{"cost_usd":0}}' >"$DEFER_RESULT_FILE"
  stand_in claude 0 '{"type":"result","result":"Not yet.","session_id":"5f1c","total_cost_usd":0.25}'
  run_executor claude
  [ "$status" -eq 0 ]
  [ "$(result reschedule)" = 2h ]
  [ "$(result session_id)" = 5f1c ]
  [ "$(result usage)" = "{'input_tokens': 0, 'output_tokens': 0, 'cost_usd': 0.25}" ]
  printf 'not JSON' >"$DEFER_RESULT_FILE"
  run_executor claude
  [ "$status" -eq 0 ]
  [ "$(result session_id)" = 5f1c ]
  [[ $(result odd) == "it is not JSON: "* ]]
}

@test "codex: the prompt goes in on stdin, the last message comes out" {
  stand_in codex 0 '{"type":"thread.started","thread_id":"0199"}
{"type":"turn.started"}
{"type":"item.completed","item":{"type":"agent_message","text":"Looking."}}
{"type":"error","message":"stream disconnected, reconnecting 1/5"}
{"type":"item.completed","item":{"type":"agent_message","text":"Done: 3 findings."}}
{"type":"turn.completed","usage":{"input_tokens":10,"cached_input_tokens":5,"output_tokens":30}}'
  run_executor codex
  [ "$status" -eq 0 ]
  [ "$output" = "Done: 3 findings." ]
  [ "$(cat "$called")" = $'exec\n--json\n--skip-git-repo-check\n-' ]
  [ "$(cat "$called.stdin")" = "resume the review" ]
  [ "$(result session_id)" = 0199 ]
  [ "$(result session_usage)" = "{'input_tokens': 10, 'cached_input_tokens': 5, 'output_tokens': 30}" ]
}

@test "codex: a used-up quota is exit 75, a failed turn the program's own status" {
  stand_in codex 1 '{"type":"error","message":"You'\''ve hit your usage limit. Try again later."}
{"type":"turn.failed","error":{"message":"You'\''ve hit your usage limit. Try again later."}}'
  run_executor codex
  [ "$status" -eq 75 ]
  stand_in codex 1 '{"type":"turn.failed","error":{"message":"no such model"}}'
  run_executor codex
  [ "$status" -eq 1 ]
  [ "$stderr" = "codex: no such model" ]
}

@test "claude and codex: the task's model and session are passed on, each so that it cannot be an option" {
  export DEFER_MODEL='claude-opus-4-1[1m]' DEFER_SESSION_ID=5f1c0000-6036-4fb7-8c15-5bcecd722f34
  stand_in claude 0 '{"type":"result","result":"ok"}'
  run_executor claude
  [ "$(cat "$called")" = $'-p\n--output-format\nstream-json\n--verbose\n--model=claude-opus-4-1[1m]\n--resume=5f1c0000-6036-4fb7-8c15-5bcecd722f34' ]
  stand_in codex 0 '{"type":"turn.completed"}'
  run_executor codex
  [ "$(cat "$called")" = $'exec\n--json\n--skip-git-repo-check\n--model=claude-opus-4-1[1m]\nresume\n--\n5f1c0000-6036-4fb7-8c15-5bcecd722f34\n-' ]
}

@test "claude and codex: a model that is not one is exit 78, and nothing is started" {
  local agent
  for agent in claude codex; do
    stand_in "$agent" 0 ''
    for DEFER_MODEL in --yolo 'a model' $'a\n--yolo' '../x'; do
      export DEFER_MODEL
      run_executor "$agent"
      [ "$status" -eq 78 ]
      [ "${#stderr_lines[@]}" -eq 1 ]
      [[ $stderr == "$agent: DEFER_MODEL is not a model's name: '"* ]]
      [ ! -e "$called" ]
    done
  done
}

@test "claude and codex: a session that is not one is not passed on, and that is said" {
  local agent
  stand_in claude 0 '{"type":"result","result":"ok"}'
  stand_in codex 0 '{"type":"item.completed","item":{"type":"agent_message","text":"ok"}}'
  for agent in claude codex; do
    for DEFER_SESSION_ID in --dangerously-skip-permissions 'a b' $'a\n--yolo' '../x'; do
      export DEFER_SESSION_ID
      run_executor "$agent"
      [ "$status" -eq 0 ]
      [[ $stderr == "$agent: a new conversation is begun: DEFER_SESSION_ID is not a session's id: '"* ]]
      [[ $(cat "$called") != *"yolo"* && $(cat "$called") != *skip-permissions* && $(cat "$called") != *resume* ]]
    done
  done
}

@test "a session of another agent's, a title and a number in a list are not passed on: a new one is begun" {
  local agent
  for agent in claude codex gemini opencode copilot qwen; do
    stand_in "$agent" 0 '{"type":"item.completed","item":{"type":"agent_message","text":"ok"}}'
    for DEFER_SESSION_ID in latest 5 deploy 5f1c000; do
      export DEFER_SESSION_ID
      run_executor "$agent"
      [[ $stderr == "$agent: a new one was begun: $DEFER_SESSION_ID cannot be continued: it is not the id of "* ]]
      ! grep -Fxq -e "$DEFER_SESSION_ID" -e "--resume=$DEFER_SESSION_ID" -e "--session=$DEFER_SESSION_ID" "$called" || return 1
    done
  done
}

@test "claude and codex: a program that is not there is exit 78 and one line" {
  for agent in claude codex; do
    run_executor "$agent"
    [ "$status" -eq 78 ]
    [ "${#stderr_lines[@]}" -eq 1 ]
    [[ $stderr == "$agent: no such program on PATH (install "* ]]
  done
}

@test "claude and codex: no prompt file is exit 78 and one line" {
  rm "$DEFER_PROMPT_FILE"
  for agent in claude codex; do
    stand_in "$agent" 0 ''
    run_executor "$agent"
    [ "$status" -eq 78 ]
    [[ $stderr == "$agent: no prompt to read: "* ]]
    [ ! -e "$called" ]
  done
}

@test "notify: notify-send gets the summary, its markup taken as text" {
  stand_in notify-send 0 ''
  run_executor notify
  [ "$status" -eq 0 ]
  [ "$(cat "$called")" = $'--app-name=defer\n--\nDeferred task\ntea &amp; &lt;b>cake&lt;/b>' ]
  [ "$output" = "shown: tea & <b>cake</b>" ]
}

@test "notify: what would turn or hide text in a summary is shown, emoji stay" {
  stand_in notify-send 0 ''
  run_executor notify $'{"context":{"summary":"\342\200\256tea \\u001b[2J\360\237\221\251\342\200\215\360\237\221\251"}}'
  [ "$status" -eq 0 ]
  [ "$(tail -1 "$called")" = '\u202etea \x1b[2J'$'\360\237\221\251\342\200\215\360\237\221\251' ]
}

@test "notify: without a session to show it in is exit 75" {
  stand_in notify-send 1 ''
  run_executor notify
  [ "$status" -eq 75 ]
  [ "$stderr" = "notify: the notification could not be shown (is anybody logged in?)" ]
}

@test "notify: osascript gets the summary as an argument, never as a script" {
  stand_in osascript 0 ''
  run_executor notify
  [ "$status" -eq 0 ]
  [ "$(tail -2 "$called")" = $'Deferred task\ntea & <b>cake</b>' ]
}

@test "notify: without any such program is exit 78" {
  run_executor notify
  [ "$status" -eq 78 ]
  [[ $stderr == "notify: no program that shows notifications "* ]]
}

@test "notify: a task without a summary is shown as one" {
  stand_in notify-send 0 ''
  run_executor notify 'not JSON'
  [ "$status" -eq 0 ]
  [ "$(tail -1 "$called")" = "(no summary)" ]
}
