#!/bin/bash
# Builds, tests and pushes one image; pipeline.yaml runs it, with its parameters as environment variables.
# Writes pushed.json, in which "containerimage.digest" is the digest of the pushed image.
set -euo pipefail

image="$REGISTRY/$REPOSITORY"
aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"
# A builder of its own begins without a cache. It also writes provenance, which the default builder does not.
docker buildx create --use
# Both builds below take the same parent, even if its tag moves between them.
parent_digest=$(docker buildx imagetools inspect "$PARENT:$PARENT_TAG" --format '{{.Manifest.Digest}}')
# The further arguments are several words.
# shellcheck disable=SC2206
arguments=(
  --file "$CONTEXT/$DOCKERFILE" $BUILD_ARGUMENTS
  --build-arg "BASE=$PARENT" --build-arg "BASE_TAG=$PARENT_TAG@$parent_digest" --build-arg "BASE_DIGEST=$parent_digest"
  --build-arg "SOURCE=$SOURCE" --build-arg "REVISION=$REVISION" --build-arg "PATCHWAVE_REBUILD_ID=$PATCHWAVE_REBUILD_ID"
)

# Always without a cache and with a fresh pull: an old layer brings the old packages back.
docker buildx build "${arguments[@]}" --no-cache --pull --provenance=false --load --tag tested "$CONTEXT"
# The command is several words.
# shellcheck disable=SC2086
docker run --rm --network none --entrypoint "" tested $TEST_COMMAND

# Pushes without a tag what the builder still has of the tested image.
docker buildx build "${arguments[@]}" --provenance=mode=max --sbom=true \
  --output "type=image,name=$image,push=true,push-by-digest=true" --metadata-file pushed.json "$CONTEXT"
pushed="$image@$(jq -er '."containerimage.digest"' pushed.json)"

# The builder makes a layer again if it no longer has it, perhaps with other packages. Such an image gets no tag.
tested_layers=$(docker image inspect tested --format '{{json .RootFS.Layers}}' | jq -ce .)
pushed_layers=$(docker buildx imagetools inspect "$pushed" --format '{{json .Image}}' | jq -ce 'first(.. | .diff_ids? // empty)')
if [ "$tested_layers" != "$pushed_layers" ]; then
  echo "The layers of $pushed are not those that were tested. Start the pipeline again." >&2
  exit 1
fi

# The first image of a repository becomes its head at once: Patchwave promotes what replaces a head, and without one nothing
# can be built on the repository. Where the head was deleted, an older build or a rebuild of Patchwave shows that it is gone:
# no unverified image takes its place. An image in the archive counts, too.
head=kept
if [ "$CANDIDATE" = true ]; then
  missing=$(aws ecr batch-get-image --repository-name "$REPOSITORY" --image-ids imageTag=stable \
    --query 'failures[].failureCode' --output text)
  if [ "$missing" = ImageNotFound ]; then
    builds=$(aws ecr list-images --repository-name "$REPOSITORY" --filter tagStatus=TAGGED,imageStatus=ANY \
      --query "imageIds[?starts_with(imageTag, 'build-')].imageTag" --output text)
    if [ -z "${builds//[[:space:]]/}" ] && [ "$PATCHWAVE_REBUILD_ID" = none ]; then head=first; else head=gone; fi
  fi
fi

# The tag that never moves comes first and alone, so no image has only tags that move. The candidate is what Patchwave
# promotes after it verified the image.
docker buildx imagetools create --tag "$image:build-$(date -u +%Y%m%d)-$BUILD_NUMBER" "$pushed"
if [ "$CANDIDATE" = true ]; then
  moving=(--tag "$image:stable-candidate")
  if [ $head = first ]; then moving+=(--tag "$image:stable"); fi
  docker buildx imagetools create "${moving[@]}" "$pushed"
fi
if [ $head = gone ]; then
  echo "$image has builds, but its head is gone: no image has the tag stable. Restore it; this build is only the candidate." >&2
  exit 1
fi
