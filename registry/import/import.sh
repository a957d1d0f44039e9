#!/bin/bash
# Imports the images of upstream.yaml, each by itself; import.yaml runs it.
#   import.sh LIST REPORT
# LIST is upstream.yaml as JSON. REPORT gets one line of JSON for each image, with the answer of import-image.sh.
# Ends with exit code 1 if an image has another answer than imported or unchanged.
set -euo pipefail

list=$1 report=$2
: >"$report"
failed=0
images=$(jq -ce '.images[]' "$list")
while IFS= read -r image; do
  # One image that fails stops no other.
  line=$(bash "$(dirname "$0")/import-image.sh" "$image" "$(dirname "$list")") || failed=1
  if [ -z "$line" ]; then line=$(jq -c '{repository, source, tags, answer: "failed"}' <<<"$image"); fi
  printf '%s\n' "$line" >>"$report"
done <<<"$images"
cat "$report"
exit "$failed"
