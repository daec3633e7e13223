#!/usr/bin/env bash
# Runs the scenarios, or the tests, of this job's shard, and leaves the reports in $ROUTEPROOF_OUT. Works by hand as well:
#
#   ROUTEPROOF_SCENARIOS=scenarios/learn-routes ROUTEPROOF_OUT=/tmp/out ci/action/run.sh
#
# The exit code is routeproof's own: 0 all passed, 1 failed, 2 bad input, 3 broken or inconclusive, 4 nothing ran, 5 missing.
set -uo pipefail

out=${ROUTEPROOF_OUT:?where the reports go}
shard=${ROUTEPROOF_SHARD:-1/1}
output=${GITHUB_OUTPUT:-/dev/null}
summary=${GITHUB_STEP_SUMMARY:-/dev/null}
mkdir -p "$out" "${ROUTEPROOF_CACHE:-$out}"
[[ -n ${ROUTEPROOF_BIN-} ]] && PATH=$ROUTEPROOF_BIN:$PATH

# Arguments come one a line, so that nothing in them is split or expanded.
lines() {
    local -n into=$1
    # shellcheck disable=SC2034 # it names the caller's array
    mapfile -t into < <(grep -v '^[[:space:]]*$' <<<"${2-}" | sed 's/^[[:space:]]*//; s/[[:space:]]*$//')
}

# Some distributions let only root make user namespaces that are good for anything.
as_root=()
case ${ROUTEPROOF_SUDO:-auto} in
true) as_root=(sudo --preserve-env env "PATH=$PATH") ;;
auto)
    if [[ $(id -u) != 0 ]] && ! unshare --user --map-root-user --net true 2>/dev/null && sudo -n true 2>/dev/null; then
        echo "user namespaces are restricted here: running as root"
        as_root=(sudo --preserve-env env "PATH=$PATH")
    fi
    ;;
esac

run_scenarios() {
    local scenarios args
    lines scenarios "${ROUTEPROOF_SCENARIOS-}"
    lines args "${ROUTEPROOF_ARGS-}"
    "${as_root[@]}" routeproof run "${scenarios[@]}" --shard "$shard" --require "${ROUTEPROOF_REQUIRE:-namespaces}" \
        --run-dir "$out/runs" --report "json=$out/result.json" --report "junit=$out/junit.xml" \
        --report "html=$out/report.html" --report "markdown=$out/summary.md" "${args[@]}"
}

# nextest shares tests out by their names; their run directories and nextest's JUnit file are the reports.
run_tests() {
    local args code
    lines args "$ROUTEPROOF_TESTS"
    # Where a test that says nothing else caches FRR's trees.
    [[ -n ${ROUTEPROOF_CACHE-} ]] && export XDG_CACHE_HOME=$ROUTEPROOF_CACHE
    "${as_root[@]}" cargo nextest run --no-fail-fast --partition "hash:$shard" "${args[@]}"
    code=$?
    cp -r target/routeproof-runs target/debug/routeproof-runs "$out/" 2>/dev/null
    find target/nextest -name '*.xml' -exec cp {} "$out/" \; 2>/dev/null
    return "$code"
}

# Only what changes the shell itself may fail quietly; the verdict is kept and comes last.
if [[ -n ${ROUTEPROOF_TESTS-} ]]; then run_tests; else run_scenarios; fi
code=$?
if ((${#as_root[@]})); then sudo chown -R "$(id -u):$(id -g)" "$out" "${ROUTEPROOF_CACHE:-$out}"; fi
if [[ -f $out/summary.md ]]; then cat "$out/summary.md" >>"$summary"; fi
{
    echo "exit-code=$code"
    echo "reports=$out"
} >>"$output"
exit "$code"
