# shellcheck shell=sh
# Rule: CIS Docker Benchmark 4.3, unnecessary packages are not installed
# apk of Alpine installs no package that is only recommended.
harden() {
  case "$ID" in
    amzn)
      sed -i '/^install_weak_deps=/d' /etc/dnf/dnf.conf
      echo install_weak_deps=False >> /etc/dnf/dnf.conf
      ;;
    debian)
      printf 'APT::Install-Recommends "false";\nAPT::Install-Suggests "false";\n' > /etc/apt/apt.conf.d/99needed-packages
      ;;
  esac
}

check() {
  case "$ID" in
    amzn) grep -qx install_weak_deps=False /etc/dnf/dnf.conf ;;
    debian)
      settings=$(apt-config dump)
      echo "$settings" | grep -qx 'APT::Install-Recommends "false";'
      echo "$settings" | grep -qx 'APT::Install-Suggests "false";'
      ;;
  esac
}
