#!/usr/bin/env bash
# Writes requirements.lock and requirements-dev.lock from pyproject.toml. Needs uv.
#
#   scripts/lock.sh             keep the versions that are locked, where they still fit
#   scripts/lock.sh --upgrade   take the newest
set -euo pipefail
cd "$(dirname "$0")/.."

compile=(uv pip compile pyproject.toml --no-config --quiet --universal --python-version 3.11
    --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links --group build)
"${compile[@]}" "$@" --output-file requirements.lock
# The lock of the runtime binds the other one, so that both hold the same versions.
"${compile[@]}" "$@" --extra dev --constraint requirements.lock --output-file requirements-dev.lock
