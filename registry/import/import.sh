#!/bin/bash
# Imports the images of upstream.yaml, each by itself; import.yaml runs it.
#   import.sh LIST REPORT
# LIST is upstream.yaml as JSON. REPORT gets one line of JSON for each image, with the answer of import-image.sh.
# Ends with exit code 1 if an image has another answer than imported or unchanged.
set -euo pipefail

list=$1 report=$2
: >"$report"
failed=0
# The hosts that answer 429 whatever the waits: asked again, they would only refuse for longer.
THROTTLED=$(mktemp)
export THROTTLED
trap 'rm -f "$THROTTLED"' EXIT
# Two entries of one repository would move its tags in turn, so neither is imported.
images=$(jq -ce '(.images | group_by(.repository) | map(select(length > 1)[0].repository)) as $repeated
  | .images[] | .repository as $own | if any($repeated[]; . == $own) then . + {isRepeated: true} else . end' "$list")
while IFS= read -r image; do
  # One image that fails stops no other.
  line=$(bash "$(dirname "$0")/import-image.sh" "$image" "$(dirname "$list")") || failed=1
  if [ -z "$line" ]; then line=$(jq -ca '{repository, source, tags, answer: "failed"}' <<<"$image"); fi
  printf '%s\n' "$line" >>"$report"
done <<<"$images"
cat "$report"
exit "$failed"
