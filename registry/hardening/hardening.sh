#!/bin/sh
# Hardens an image, and checks it. Base and platform images run it in their build, so a failed check fails the build.
#   hardening.sh harden       takes the step of each control
#   hardening.sh check        checks each control, names those that fail, and exits with 1 if any did
#   hardening.sh install ...  installs packages of the distribution
#   hardening.sh clean        removes what the package manager keeps
# A control is a file in controls/: it names its rule, and has one step (harden) and one check.
set -eu
cd "$(dirname "$0")"
# shellcheck source=/dev/null
. /etc/os-release
export ID DEBIAN_FRONTEND=noninteractive

each_control() {
  failed=0
  for control in controls/*.sh; do
    # A shell of its own: a failed command in the middle of a control ends that control.
    sh -eu -c '. "./$1"; "$2"' hardening "$control" "$1" || {
      echo "hardening: $1 failed: $control ($(sed -n 's/^# Rule: //p' "$control"))" >&2
      failed=1
    }
  done
  return "$failed"
}

install() {
  case "$ID" in
    amzn) dnf -y install "$@" ;;
    debian) apt-get -o APT::Update::Error-Mode=any update && apt-get -y install "$@" ;;
    alpine) apk add --no-cache "$@" ;;
  esac
}

clean() {
  case "$ID" in
    amzn) dnf clean all && rm -rf /var/log/dnf* /var/log/hawkey.log ;;
    debian) apt-get clean && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log ;;
    alpine) rm -rf /var/cache/apk/* ;;
  esac
}

case "$ID" in
  amzn | debian | alpine) ;;
  *) echo "hardening: no controls for the distribution $ID" >&2 && exit 1 ;;
esac

command=$1
shift
case "$command" in
  harden | check) each_control "$command" ;;
  install) install "$@" ;;
  clean) clean ;;
  *) echo "hardening: no command $command" >&2 && exit 1 ;;
esac
