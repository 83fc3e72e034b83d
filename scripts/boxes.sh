#!/usr/bin/env bash
# Installs what some tests need beside Python:
#
#   - from Debian's own packages, for tests that open a page: Chromium and fonts;
#   - from npm, for tests of Bluesky: its servers, in exact versions, into
#     tests/boxes/bluesky/node_modules (about 360 MB, a minute or two of one core).
#
# Runs as root; otherwise it says what is missing and goes on. With CI=true a
# missing box is a failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

packages=(chromium fonts-liberation fonts-noto-color-emoji fonts-noto-core poppler-utils)
least_node=20
failed=()

say() { echo "boxes: $*"; }

from_debian() {
    local missing=() package
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
    done
    if [ ${#missing[@]} -eq 0 ]; then
        say "all there: $*"
        return 0
    fi
    if ! command -v apt-get >/dev/null; then
        say "apt is not here. Tests need these, or their like: ${missing[*]}"
        return 1
    fi
    if [ "$(id -u)" != 0 ]; then
        say "not root. Run: sudo make boxes (it installs ${missing[*]})"
        return 1
    fi
    say "installing ${missing[*]} (recommended packages left out)"
    export DEBIAN_FRONTEND=noninteractive
    local install=(apt-get install --yes --quiet --quiet --no-install-recommends "${missing[@]}")
    # The lists of a fresh image are empty; those of an old one name packages that are gone.
    "${install[@]}" >/dev/null 2>&1 || { apt-get update --quiet --quiet && "${install[@]}" >/dev/null; }
}

node_version() { node --version 2>/dev/null | sed -E 's/^v([0-9]+).*/\1/'; }

bluesky() {
    local folder=tests/boxes/bluesky
    if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
        from_debian nodejs npm || return 1
    fi
    if [ "$(node_version)" -lt "$least_node" ]; then
        say "the Bluesky box needs node $least_node or later, here is $(node --version)"
        return 1
    fi
    if [ -d "$folder/node_modules/@atproto/dev-env" ] && [ "$folder/node_modules/.package-lock.json" -nt "$folder/package-lock.json" ]; then
        say "all there: Bluesky servers"
        return 0
    fi
    say "installing the Bluesky servers into $folder (a C++ compiler is needed)"
    if ! (cd "$folder" && npm ci --no-audit --no-fund --loglevel=error); then
        rm -rf "$folder/node_modules"
        return 1
    fi
}

from_debian "${packages[@]}" || failed+=(browser)
bluesky || failed+=(bluesky)

if [ ${#failed[@]} -eq 0 ]; then
    say "done"
    exit 0
fi
if [ "${CI:-}" = true ]; then
    say "CI=true: a missing box is a failure: ${failed[*]}"
    exit 1
fi
say "skipped: ${failed[*]}; their tests will be skipped too"
