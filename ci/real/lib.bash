# What the scripts of ci/real share. Sourced, not run.
set -euo pipefail

real=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=ci/real/versions
source "$real/versions"
repository=$(dirname "$(dirname "$real")")
caches=${ROUTEPROOF_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/routeproof}
cache=$caches/real
# Of this cache: what `clean` may end.
cgroup=routeproof-real-$(printf %s "$cache" | cksum | cut -d' ' -f1)

say() { echo "ci/real: $*" >&2; }
bad() { echo "ci/real: $1 (see --help)" >&2; exit 2; }
skip() { echo "ci/real: skipped: $1" >&2; exit 4; }

# Fails early where this tier cannot be: everything below needs these.
need_host() {
    ((EUID == 0)) || skip "it makes device nodes, mounts and cgroups: run it as root"
    local tool
    for tool in apt-get dpkg-deb unshare ip setpriv; do
        command -v "$tool" >/dev/null || skip "there is no \`$tool\` (apt, dpkg, util-linux, iproute2)"
    done
}

# image_file NAME FRR METALLB: a file in $cache/images that says that the image is there
image_file() {
    case $1 in
    frr) echo "frr-$2" ;;
    metallb | frr-k8s) echo "$1-$3" ;;
    sonic) echo "$1" ;;
    *) echo "$1-$kubernetes" ;;
    esac
}

# has_image NAME FRR METALLB: whether ci/real/images has made it
has_image() { [[ -e $cache/images/$(image_file "$@") ]]; }

# mirror: where this host has Debian from
mirror() {
    local uri=${ROUTEPROOF_MIRROR:-}
    [[ $uri ]] || uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | grep -v security | head -1)
    [[ $uri ]] || skip "apt knows no mirror of Debian; name one in ROUTEPROOF_MIRROR"
    echo "$uri"
}

# tree NAME SUITE PACKAGES [HOOK...]: $cache/trees/NAME, a root filesystem of a Debian suite. A hook is a shell command that
# runs when the packages are there, with the tree as $1. With `variant=extract` nothing but the packages, unpacked.
tree() {
    local name=$1 suite=$2 packages=$3 dir=$cache/trees/$1 tools=$cache/tools hook args=()
    shift 3
    [[ -e $dir.done ]] && return
    mkdir -p "$tools/deb" "$cache/trees"
    if [[ ! -x $tools/usr/bin/mmdebstrap ]]; then
        (cd "$tools/deb" && apt-get -qq -o APT::Sandbox::User=root download mmdebstrap) >&2 ||
            skip "apt-get cannot download mmdebstrap (above); \`apt-get update\` first"
        dpkg-deb -x "$tools"/deb/mmdebstrap_*.deb "$tools"
    fi
    for hook; do args+=(--customize-hook="$hook"); done
    say "making the tree $name of Debian $suite"
    rm -rf "$dir" "$dir.new"
    # Documentation and translations are most of the files, and no one reads them there.
    PATH=$tools/usr/bin:$PATH mmdebstrap --quiet --mode=root --variant="${variant:-essential}" --include="$packages" \
        --aptopt='Acquire::Languages "none"' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/doc/*' ${args[@]+"${args[@]}"} "$suite" "$dir.new" "$(mirror)" >&2 ||
        skip "the tree $name of Debian $suite cannot be made (above)"
    mv "$dir.new" "$dir"
    touch "$dir.done"
}

# The engine's own tree has the tools that a host may lack.
engine_tree() { tree engine trixie docker.io,docker-cli,containerd,runc,iptables,iproute2,mount,procps,jq,ca-certificates,bash,kmod,conntrack; }
jq() { chroot "$cache/trees/engine" jq "$@"; }
