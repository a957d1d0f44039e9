# shellcheck shell=sh
# Rule: CIS Docker Benchmark 4.4, images are rebuilt to include security patches; DISA STIG RHEL 9 V-257778
# An image of Amazon Linux is locked to its release, so an upgrade must name the latest one.
harden() {
  case "$ID" in
    amzn)
      echo latest > /etc/dnf/vars/releasever
      dnf -y --refresh upgrade --releasever=latest
      ;;
    debian)
      apt-get -o APT::Update::Error-Mode=any update
      apt-get -y dist-upgrade
      ;;
    alpine) apk upgrade --no-cache ;;
  esac
}

# Reads the package lists again: without lists there would be nothing to upgrade.
check() {
  case "$ID" in
    amzn)
      [ "$(cat /etc/dnf/vars/releasever)" = latest ]
      dnf -q --refresh check-update --releasever=latest
      ;;
    debian)
      apt-get -qq -o APT::Update::Error-Mode=any update
      upgrade=$(apt-get --simulate dist-upgrade)
      ! echo "$upgrade" | grep '^Inst '
      ;;
    alpine)
      upgrade=$(apk upgrade --no-cache --simulate)
      ! echo "$upgrade" | grep -E '\) (Installing|Upgrading|Replacing) '
      ;;
  esac
}
