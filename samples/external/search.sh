#!/bin/sh
# Works on the trials of a sweep with workload: external until there are no more; needs curl and awk.
#   search.sh http://127.0.0.1:7801 SWEEP
set -eu
web=$1 sweep=$2

post() { curl --silent --show-error --fail-with-body --retry 20 --retry-delay 1 --retry-connrefused --json "$2" "$web$1"; }
number() { sed -n "s/.*\"$1\": *\([-0-9.eE]*\).*/\1/p" | head -n 1; }

while :; do
  answer=$(post "/v1/sweeps/$sweep:ask?timeout=20" '{"worker": "shell"}' | tr -d '\n')
  case $answer in
    *'"done"'*) exit 0 ;;
    *'"wait"'*) continue ;;
  esac
  trial=$(echo "$answer" | number trial) x=$(echo "$answer" | number x) y=$(echo "$answer" | number y) step=$(echo "$answer" | number step)
  while :; do
    step=$((step + 1))
    value=$(awk -v x="$x" -v y="$y" -v s="$step" 'BEGIN { pi = atan2(0, -1); a = y - 5.1 / (4 * pi * pi) * x * x + 5 / pi * x - 6
      printf "%.12g", a * a + 10 * (1 - 1 / (8 * pi)) * cos(x) + 10 + 10 / s }')
    if [ "$step" -eq 9 ]; then
      post "/v1/sweeps/$sweep/trials/$trial:tell" "{\"step\": $step, \"metrics\": {\"value\": $value}, \"final\": true}" >/dev/null
      break
    fi
    case $(post "/v1/sweeps/$sweep/trials/$trial:tell" "{\"step\": $step, \"metrics\": {\"value\": $value}}" | tr -d ' \n') in
      *'"stop":true'*) break ;;
    esac
  done
done
