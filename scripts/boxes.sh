#!/usr/bin/env bash
# Installs what the browser tests need from Debian's own packages: Chromium and fonts.
#
# Runs as root; otherwise it says what is missing and goes on. With CI=true a
# missing box is a failure.
set -euo pipefail

packages=(chromium fonts-liberation fonts-noto-color-emoji fonts-noto-core poppler-utils)

say() { echo "boxes: $*"; }

missing=()
for package in "${packages[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
done

if [ ${#missing[@]} -eq 0 ]; then
    say "all there: ${packages[*]}"
    exit 0
fi

if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    say "installing ${missing[*]} (recommended packages left out; about 400 MB of disk)"
    export DEBIAN_FRONTEND=noninteractive
    install=(apt-get install --yes --quiet --quiet --no-install-recommends "${missing[@]}")
    # The lists of a fresh image are empty; those of an old one name packages that are gone.
    "${install[@]}" >/dev/null 2>&1 || { apt-get update --quiet --quiet && "${install[@]}" >/dev/null; }
    say "done: $(chromium --version 2>/dev/null || echo 'chromium does not start')"
    exit 0
fi

if ! command -v apt-get >/dev/null; then
    say "apt is not here. Browser tests need these, or their like: ${missing[*]}"
else
    say "not root. Run: sudo make boxes (it installs ${missing[*]})"
fi
if [ "${CI:-}" = true ]; then
    say "CI=true: a missing box is a failure"
    exit 1
fi
say "skipped; tests that open a browser will be skipped too"
