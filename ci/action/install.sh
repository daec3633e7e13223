#!/usr/bin/env bash
# Builds routeproof, with the Rust that GitHub's runners have. Needs: ROUTEPROOF_BIN, _REPOSITORY, _VERSION.
set -euo pipefail

source=$(mktemp -d)
trap 'rm -rf "$source"' EXIT
git init --quiet "$source"
git -C "$source" fetch --quiet --depth 1 -- "$ROUTEPROOF_REPOSITORY" "$ROUTEPROOF_VERSION"
git -C "$source" checkout --quiet --detach FETCH_HEAD
cargo install --locked --path "$source/harness/cli" --root "$source/installed"
mkdir -p "$ROUTEPROOF_BIN"
cp "$source/installed/bin/routeproof" "$ROUTEPROOF_BIN/"
"$ROUTEPROOF_BIN/routeproof" --version
