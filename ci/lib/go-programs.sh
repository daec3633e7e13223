# Builds programs from Go modules into the cache. Sourced by the scripts that need some of them; `skip` is the caller's, says why and exits.
# shellcheck shell=bash disable=SC2154,SC2034

# Sets $go, and $cache, where the programs and what Go downloads stay. Expects the project's folder to be the current one.
go_programs() {
    go=$(command -v go || true)
    [[ $go ]] || { [[ -x /usr/local/go/bin/go ]] && go=/usr/local/go/bin/go; } || skip "there is no Go (go in PATH, or /usr/local/go/bin/go)"
    cache=${ROUTEPROOF_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/routeproof}/speakers
    mkdir -p "$cache/pin"
    export GOPATH=$cache/go GOFLAGS=-buildvcs=false GOWORK=off
    # A module of no one: it holds the checksums that the checksum database may lack.
    printf 'module speakers.invalid\n' >"$cache/pin/go.mod"
    cp ci/differential.d/go.sum "$cache/pin/go.sum"
}

# module PATH VERSION: the folder of its source
module() {
    local dir=$GOPATH/pkg/mod/$1@$2
    if [[ ! -d $dir ]]; then
        (cd "$cache/pin" && "$go" mod download "$1@$2") >&2 ||
            skip "$1 $2 cannot be had from the Go module proxy (above)"
    fi
    echo "$dir"
}

# build FOLDER PACKAGE PROGRAM
build() {
    [[ -x $3 ]] && return
    echo "building $3" >&2
    mkdir -p "$(dirname "$3")"
    # Up to v0.13.7 a dependency links to what newer Go linkers hide.
    "$go" build -C "$1" -mod=readonly -o "$3" "$2" >&2 ||
        "$go" build -C "$1" -mod=readonly -ldflags=-checklinkname=0 -o "$3" "$2" >&2 ||
        skip "$3 does not build here (above)"
}

# manifest_tag MANIFEST NAME: the tag of the image NAME in a manifest; nothing where there is none
manifest_tag() { [[ ! -f $1 ]] || sed -nE "s|^ *image: .*/$2:(v[^ ]+)\$|\1|p" "$1" | sort -u; }

# frr_k8s_of FOLDER: the version of the frr-k8s that the manifest of a MetalLB release starts; nothing where it has no such mode, or the
# module proxy does not have that version: v0.0.27, which v0.16.2 ships
frr_k8s_of() { manifest_tag "$1/config/manifests/metallb-frr-k8s.yaml" frr-k8s | sed '/^v0\.0\.27$/d'; }

# build_frr_k8s VERSION FOLDER NAME...: programs of frr-k8s; statuscleaner is one from v0.0.21 on, and before there is nothing to build
build_frr_k8s() {
    local dir name package folder=$2
    dir=$(module github.com/metallb/frr-k8s "$1") || exit
    for name in "${@:3}"; do
        package=cmd/$name
        [[ $name != frr-k8s ]] || package=cmd/frr-k8s-controller
        if [[ -d $dir/$package ]]; then
            build "$dir" "./$package" "$folder/$name"
        elif [[ $name == frr-k8s ]]; then
            build "$dir" ./cmd "$folder/$name"
        fi
    done
}

# build_workspace MODULE VERSION STAGING PACKAGE PROGRAM [LDFLAGS]
# Of a module whose go.mod replaces others by folders of its own repository, which are no part of it: they are had as modules, those that
# it requires as v0.0.0 in version STAGING.
build_workspace() {
    local dir mod name
    [[ -x $5 ]] && return
    dir=$(module "$1" "$2") || exit
    echo "building $5" >&2
    mkdir -p "$(dirname "$5")" "$cache/mod"
    # Its own: other builds may be under way.
    mod=$cache/mod/${1//\//+}@$2+${5##*/}.mod
    cp --no-preserve=mode "$dir/go.mod" "$mod"
    cp --no-preserve=mode "$dir/go.sum" "${mod%.mod}.sum"
    # Samples are asked for, and no program uses them; the proxy has them not.
    mkdir -p "$cache/mod/sample"
    printf 'module sample.invalid\n' >"$cache/mod/sample/go.mod"
    while read -r name; do
        "$go" mod edit -dropreplace="$name" "$mod"
        if [[ $name == k8s.io/sample-* ]]; then
            "$go" mod edit -replace="$name=$cache/mod/sample" "$mod"
        elif grep -qE "^(require )?[[:space:]]*$name v0\.0\.0( |$)" "$mod"; then
            "$go" mod edit -replace="$name=$name@$3" "$mod"
        fi
    done < <(sed -nE 's/^(replace)?[[:space:]]*([^ ]+) => \.\.?\/.*/\2/p' "$dir/go.mod")
    CGO_ENABLED=0 "$go" build -C "$dir" -mod=mod -modfile="$mod" -trimpath -ldflags="-s -w ${6-}" -o "$5" "$4" >&2 ||
        skip "$5 does not build here (above)"
}
