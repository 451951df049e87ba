#!/usr/bin/env bash
# Installs what the slow tests start and Python cannot bring: MariaDB, Node.js for the signing script, Chromium for the pages that
# need a browser, a SOCKS and an HTTP proxy. Installs nothing that is there. On Debian or Ubuntu as root by apt-get; elsewhere it says what is missing.
set -euo pipefail

missing=()
PATH="$PATH:/usr/sbin:/sbin" # where Debian keeps mariadbd
command -v mariadbd >/dev/null || command -v mysqld >/dev/null || missing+=(mariadb-server)
command -v node >/dev/null || missing+=(nodejs)
command -v chromium >/dev/null || missing+=(chromium)
command -v microsocks >/dev/null || missing+=(microsocks)
command -v tinyproxy >/dev/null || missing+=(tinyproxy-bin) # the program alone: the package `tinyproxy` starts a service
"${PYTHON:-python3}" -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)

if [ ${#missing[@]} -eq 0 ]; then
  exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "The slow tests need: ${missing[*]}. As root on Debian: apt-get install ${missing[*]}. Without them: make test-fast" >&2
  exit 1
fi
echo "Installing for the tests: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
