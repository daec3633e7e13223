#!/usr/bin/env bash
# The README's commands, taken from its ```sh blocks, so that what people copy is what is tested.
#
#   ci/readme.sh list     prints them
#   ci/readme.sh tests    prints the test command
#   ci/readme.sh run      runs the others: those that start with `cargo run` or `routeproof`
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

commands() {
    awk '/^```/ { inside = ($0 == "```sh"); next } inside' README.md | sed -E 's/[[:space:]]+#.*$//; /^[[:space:]]*(#|$)/d'
}

# At least one of its kind, or the README has lost what this script is for.
only() {
    commands | grep -E "$1" || { echo "README.md has no sh block with a command like $1" >&2; return 1; }
}

case "${1-}" in
list) commands ;;
tests) only '^cargo test' | head -n 1 ;;
run)
    cargo build --release
    # For the commands that are written as an installed binary's.
    PATH=${CARGO_TARGET_DIR:-$PWD/target}/release:$PATH
    only '^(cargo run|routeproof) ' | while read -r command; do
        echo "--- README.md: $command"
        start=$SECONDS
        bash -euo pipefail -c "$command" </dev/null
        echo "--- took $((SECONDS - start)) s"
    done
    ;;
*)
    echo "usage: ci/readme.sh list|tests|run" >&2
    exit 2
    ;;
esac
