#!/usr/bin/env bash
# Brings a bare Debian machine what the tests start: `ci/prepare.sh`. What it may not install it names and leaves out;
# the tests that need it then skip with the same words.
source "$(dirname "$0")/lib/common.sh"
declare -A package=([ffmpeg]=ffmpeg [chromium]=chromium [prometheus]=prometheus [promtool]=prometheus
  [amtool]=prometheus-alertmanager
  [redis-server]=redis-server [clamd]=clamav-daemon [prlimit]=util-linux [python3]=python3-venv)
wanted=()
for program in "${!package[@]}"; do
  have "$program" || wanted+=("${package[$program]}")
done
install_packages() {
  if ! have apt-get || [ "$(id -u)" -ne 0 ]; then
    echo "Missing, and not installed (needs root and apt): $*" >&2
    return
  fi
  echo "Installing $*" >&2
  # Services that the packages bring must not start: tests start their own.
  local policy=/usr/sbin/policy-rc.d made=
  [ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && made=1; }
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"; } >/dev/null ||
    echo "Could not be installed: $*" >&2
  [ -z "$made" ] || rm -f "$policy"
}
[ ${#wanted[@]} -eq 0 ] || install_packages "${wanted[@]}"

go_tool helm
tool moto_server tools-tests >/dev/null
