#!/bin/bash
# Imports one image of upstream.yaml.
#   import-image.sh IMAGE FOLDER
# IMAGE is its entry as JSON, FOLDER holds the keys that entries name. The file THROTTLED collects hosts that refuse. Prints
# one line of JSON with the answer. Each answer but imported and unchanged ends it with exit code 1, and leaves the moving
# tags of the repository as they were.
set -euo pipefail

image=$1 folder=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
digest='' signature='' findings='{}' # Facts of the report, from when each is known.

# Text of other registries is only data here: jq writes it as a JSON string.
answer() {
  local detail=${2-}
  jq -nca --argjson image "$image" --arg answer "$1" --arg detail "${detail:0:600}" --arg digest "$digest" \
    --arg signature "$signature" --argjson findings "$findings" '
    {repository: $image.repository, source: $image.source, tags: $image.tags, $answer}
    + if $detail == "" then {} else {$detail} end
    + if $digest == "" then {} else {$digest} end
    + if $signature == "" then {} else {$signature} end
    + if $findings == {} then {} else {$findings} end'
  case $1 in imported | unchanged) exit 0 ;; *) exit 1 ;; esac
}
error() { tr -s '\n' ' ' <"$work/error"; }

jq -e '
  (.repository | strings | test("\\Aupstream/[a-z0-9]+([._-][a-z0-9]+)*\\z"))
  and (.source | strings | test("\\A[a-z0-9][a-z0-9.-]*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+\\z"))
  and (.tags | arrays | length > 0 and length <= 10 and all(type == "string" and test("\\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\\z")))
  and (.platforms | arrays | length > 0 and all(type == "string" and test("\\A[a-z0-9]+/[a-z0-9]+(/[a-z0-9]+)?\\z")))
  and ((has("accept") | not) or (.accept | strings | test("\\Asha256:[0-9a-f]{64}\\z")))
  and (.signature | . == "unsigned"
    or (objects | keys == ["identity", "issuer"] and all(type == "string" and length > 0))
    or (objects | keys - ["log"] == ["key"] and (.key | strings | test("\\A[A-Za-z0-9_.-]+\\z")) and (.log // "none") == "none"))
' <<<"$image" >"$work/out" 2>"$work/error" || answer invalid-entry 'Compare the entry with the head of upstream.yaml.'
jq -e 'has("isRepeated") | not' <<<"$image" >"$work/out" || answer invalid-entry 'Another entry has this repository, too.'
repository=$(jq -r .repository <<<"$image")
source=$(jq -r .source <<<"$image")
ours="$REGISTRY/$repository"
mapfile -t tags < <(jq -r '.tags[]' <<<"$image")
mapfile -t platforms < <(jq -r '.platforms[]' <<<"$image")
host=${source%%/*}
if grep -qxF "$host" "$THROTTLED"; then answer throttled "$host still answered 429 earlier in this run."; fi

# Runs a command that asks a registry; its output is in $work/out, its errors are in $work/error. skopeo waits as long as
# Retry-After says, at most a minute, and tries again. If the registry still answers 429, the command is repeated after a
# random part of a time that doubles (full jitter). After that the host is left alone for the rest of the run.
ask() {
  local attempt most=${BACKOFF_MS:-4000}
  for attempt in 1 2 3 4; do
    if "$@" >"$work/out" 2>"$work/error"; then return; fi
    grep -qiE 'too ?many ?requests|status( ?code)?:? ?429' "$work/error" || return 1
    if [ "$attempt" -lt 4 ]; then
      sleep "$(awk -v most="$most" -v seed="$RANDOM$RANDOM" 'BEGIN { srand(seed); print rand() * most / 1000 }')"
    fi
    most=$((most * 2))
  done
  # An error of a copy may be that of our registry, and one of cosign that of the transparency log.
  if [ "$1" = skopeo ] && [[ "$*" != *"docker://$ours"* ]]; then printf '%s\n' "$host" >>"$THROTTLED"; fi
  answer throttled "$(error)"
}
skopeo() { command skopeo --insecure-policy "$@"; } # The signature is checked below, by cosign.

# The digest of each tag, read once. All that follows asks for this digest, wherever the tags move meanwhile.
for tag in "${tags[@]}"; do
  if ! ask skopeo inspect --raw "docker://$source:$tag"; then
    grep -qiE 'manifest unknown|name unknown|not found' "$work/error" &&
      answer tag-gone "$source has no tag $tag any longer. Choose another one."
    answer unreachable "$(error)"
  fi
  found=$(skopeo manifest-digest "$work/out")
  if [ -n "$digest" ] && [ "$found" != "$digest" ]; then
    answer tags-differ "$source:$tag means $found, and the tag before it $digest."
  fi
  digest=$found
  cp "$work/out" "$work/manifest"
done

# Writes one line for each platform of an image to a file: its name, and the digest of the image. An attestation has the
# platform unknown; what is no system with an architecture has the name "?".
#   platforms_of FROM DIGEST MANIFEST FILE
platforms_of() {
  local name='def name: [.os, .architecture] + [.variant // "" | select(. != "")]
    | if all(type == "string" and test("\\A[a-z0-9]+\\z")) then join("/") | sub("/arm64/v8$"; "/arm64") else "?" end;'
  if jq -e '.manifests | arrays' "$3" >"$work/out"; then
    jq -r "$name"' .manifests[] | "\(.platform | if type == "object" then . else {} end | name) " +
      (.digest | strings | select(test("\\Asha256:[0-9a-f]{64}\\z")))' "$3" >"$4"
  else
    ask skopeo inspect --config --raw "docker://$1@$2" || answer unreachable "$(error)"
    jq -r --arg digest "$2" "$name"' "\(name) \($digest)"' "$work/out" >"$4"
  fi
}
# The one image of a platform; of two, a node may run the one that was not scanned.
image_for() { awk -v platform="${1%/v8}" '$1 == platform { n++; digest = $2 } END { if (n == 1) print digest }' "$2"; }
platforms_of "$source" "$digest" "$work/manifest" "$work/platforms"
for platform in "${platforms[@]}"; do
  [ -n "$(image_for "$platform" "$work/platforms")" ] ||
    answer platform-missing "$source@$digest has no image for $platform, or several."
done

# What a tag of our repository means now, in $means: a digest, or nothing.
read_ours() {
  means=''
  if ask skopeo inspect --raw "docker://$ours:$1"; then
    means=$(skopeo manifest-digest "$work/out")
  elif ! grep -qE 'manifest unknown|name unknown' "$work/error"; then
    answer unreachable "$(error)"
  fi
}
own_tag="build-${digest:7:32}" # Never moves, and is put last: only an image that was promoted has it.
moving=("${tags[@]/#/upstream-}" stable)
read_ours stable
head=$means
cp "$work/out" "$work/ours"
read_ours "$own_tag"
was_imported=$means
if [ "$head" = "$digest" ]; then
  isWhole=true
  for tag in "${moving[@]}" "$own_tag"; do
    read_ours "$tag"
    [ "$means" = "$digest" ] || isWhole=false
  done
  [ $isWhole = false ] || answer unchanged
fi

# When an image was built, in $built: seconds; 0 if its config does not say it in the form of RFC 3339.
read_built() {
  local created
  ask skopeo inspect --config --raw "docker://$1@$2" || answer unreachable "$(error)"
  created=$(jq -r '.created // "" | strings' "$work/out")
  built=0
  if [[ $created =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2})$ ]]; then
    built=$(date -u -d "$created" +%s 2>"$work/error") || built=0
  fi
}
# An image that is older than the head is none that follows it, and a date to come would hold back each image after it. A
# person who wants such an image names its digest in the entry.
if [ "$head" != "$digest" ] && [ "$(jq -r '.accept // ""' <<<"$image")" != "$digest" ]; then
  [ -z "$head" ] || [ -z "$was_imported" ] ||
    answer moved-back "$source:${tags[0]} means an image that was imported before the present one."
  if [ -n "$head" ]; then platforms_of "$ours" "$head" "$work/ours" "$work/platforms-now"; else : >"$work/platforms-now"; fi
  latest=$(($(date +%s) + 86400))
  for platform in "${platforms[@]}"; do
    now=$(image_for "$platform" "$work/platforms-now")
    before=0
    if [ -n "$now" ]; then
      read_built "$ours" "$now"
      before=$built
    fi
    read_built "$source" "$(image_for "$platform" "$work/platforms")"
    [ "$built" -le "$latest" ] || answer dated-ahead "$source:${tags[0]} says that it is built in the future on $platform."
    [ "$built" -ge "$before" ] || answer moved-back "$source:${tags[0]} is older on $platform than the present image."
  done
fi

# The signature of what was resolved, before anything is copied. Only what cosign says of signatures is a wrong one: it may
# also lack the key, or not reach the transparency log.
signer=$(jq -r '.signature | if . == "unsigned" then . else .key // .identity end' <<<"$image")
if [ "$signer" != unsigned ]; then
  if jq -e '.signature.key' <<<"$image" >"$work/out"; then
    check=(--key "$folder/$signer")
    if jq -e '.signature.log == "none"' <<<"$image" >"$work/out"; then check+=(--insecure-ignore-tlog=true); fi
  else
    check=(--certificate-identity "$signer" --certificate-oidc-issuer "$(jq -r .signature.issuer <<<"$image")")
  fi
  if ! ask cosign verify "${check[@]}" "$source@$digest"; then
    if grep -qE 'no signatures found|no matching (signatures|attestations)|no certificate found on signature' "$work/error"; then
      answer wrong-signature "$(error)"
    fi
    answer unverified "$(error)"
  fi
fi
signature=$signer

# The same manifest under a tag of our repository, if it means another one.
#   put_tag TAG DIGEST MANIFEST
put_tag() {
  local whole=(--preserve-digests)
  read_ours "$1"
  [ "$means" != "$2" ] || return 0
  if jq -e '.manifests | arrays' "$3" >"$work/out"; then whole+=(--multi-arch index-only); fi
  ask skopeo copy --quiet "${whole[@]}" "docker://$ours@$2" "docker://$ours:$1" ||
    answer not-promoted "The tag $1 did not move: $(error)"
}
# A run may have ended before the present head got its own tag. Without one it would have no tag after this run.
if [ -n "$head" ] && [ "$head" != "$digest" ]; then put_tag "build-${head:7:32}" "$head" "$work/ours"; fi

# All images of the index, by digest. The candidate is no head: nothing is built on it.
ask skopeo copy --quiet --all --preserve-digests "docker://$source@$digest" "docker://$ours:stable-candidate" ||
  answer not-copied "$(error)"

# Waits until a scan of the image is complete, and adds its counts to the findings. Anything else promotes nothing.
scan() {
  local platform=$1 scanned=(--repository-name "$repository" --image-id "imageDigest=$2") attempt status refused=''
  for ((attempt = 1; attempt <= ${SCAN_ATTEMPTS:-60}; attempt++)); do
    if aws ecr describe-image-scan-findings "${scanned[@]}" --max-items 1 >"$work/out" 2>"$work/error"; then
      status=$(jq -r '.imageScanStatus.status // ""' "$work/out")
      case $status in
        COMPLETE | ACTIVE)
          findings=$(jq -c --argjson all "$findings" --arg platform "$platform" \
            '$all + {($platform): (.imageScanFindings.findingSeverityCounts // {})}' "$work/out")
          return
          ;;
        IN_PROGRESS | PENDING) ;;
        *) answer scan-failed "The scan of $2 has the status $status." ;;
      esac
    elif grep -q ScanNotFoundException "$work/error"; then
      # A push starts a scan, perhaps a while later. Amazon Inspector starts its scans itself and refuses the call.
      if [ "$attempt" = 3 ]; then
        aws ecr start-image-scan "${scanned[@]}" >"$work/out" 2>"$work/error" || refused=" It was not started: $(error)"
      fi
    else
      answer scan-failed "$(error)"
    fi
    sleep "${SCAN_PAUSE_SECONDS:-10}"
  done
  answer scan-failed "The scan of $2 did not end in time.$refused"
}
for platform in "${platforms[@]}"; do scan "$platform" "$(image_for "$platform" "$work/platforms")"; done

# The tag that others build on is the last that moves; a run that ends in between leaves the rest to the next one.
for tag in "${moving[@]}" "$own_tag"; do put_tag "$tag" "$digest" "$work/manifest"; done
answer imported
