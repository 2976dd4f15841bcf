#!/bin/bash
# Summary: an analysis that runs out of quota half way and later continues where it stopped.
# Usage: examples/resumed-analysis.sh
set -euo pipefail
# shellcheck source=examples/throwaway.bash
. "${BASH_SOURCE[0]%/*}/throwaway.bash"

mkdir "$work/analysis"
seq 1 100 >"$work/analysis/measurements.txt"
cat >"$work/analyse" <<'EOF'
#!/bin/bash
# Adds up fifty lines at a time and keeps line and sum in a checkpoint, so that it can be stopped anywhere.
set -euo pipefail
line=0 sum=0
[ ! -e checkpoint ] || read -r line sum <checkpoint
while read -r number; do sum=$((sum + number)); done < <(sed -n "$((line + 1)),$((line + 50))p" measurements.txt)
printf '%d %d\n' "$((line + 50))" "$sum" >checkpoint
if [ "$((line + 50))" -lt 100 ]; then
  echo "quota used up after line $((line + 50))" >&2
  exit 75
fi
echo "the sum of 100 measurements is $sum"
EOF
chmod +x "$work/analyse"
export DEFER_RETRY_DELAY_SECONDS=0 # a minute, if you leave it

say "Everything the next one needs to know goes along: it will know nothing of now"
show defer --when now --id analysis --mode callback --retries 2 \
  --summary "Finish adding up the measurements" \
  --key-point "The checkpoint holds the line reached and the sum so far" \
  --artifact "$work/analysis/measurements.txt" --constraint "Do not change the measurements" \
  --workspace "$work/analysis" --executor "$work/analyse" --compact

say "The first attempt gives up, the second goes on from the checkpoint"
show wake
show cat "$DEFER_RUNTIME_DIR/logs/deferred.log"

say "What an agent would have started from"
show cat "$DEFER_RUNTIME_DIR/logs/analysis.prompt.txt"

say "The result"
show defer show analysis --compact
