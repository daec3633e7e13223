#!/usr/bin/env bash
# Where the action's later steps find things. A step's outputs go to $GITHUB_OUTPUT.
set -euo pipefail

shard=${ROUTEPROOF_SHARD:-1/1}
if ! [[ $shard =~ ^[0-9]+/[0-9]+$ ]]; then
    echo "::error::shard: \"$shard\" is not a part and the number of parts, for instance 2/3"
    exit 2
fi
{
    echo "bin=$RUNNER_TEMP/routeproof-bin"
    echo "cache=$RUNNER_TEMP/routeproof-cache"
    echo "out=$RUNNER_TEMP/routeproof-out"
    # Artifacts' names may not have a slash.
    echo "shard=${shard/\//-of-}"
} >>"$GITHUB_OUTPUT"
