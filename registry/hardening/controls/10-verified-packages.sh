# shellcheck shell=sh
# Rule: CIS Docker Benchmark 4.11, only verified packages are installed; DISA SRG-OS-000366-GPOS-00153
# apk of Alpine verifies every package and has no setting for it.
harden() {
  case "$ID" in
    amzn)
      sed -i -E '/^(gpgcheck|localpkg_gpgcheck)=/d' /etc/dnf/dnf.conf
      printf 'gpgcheck=1\nlocalpkg_gpgcheck=1\n' >> /etc/dnf/dnf.conf
      ;;
    debian)
      for setting in APT::Get::AllowUnauthenticated Acquire::AllowInsecureRepositories \
        Acquire::AllowDowngradeToInsecureRepositories Acquire::AllowWeakRepositories; do
        echo "$setting \"false\";"
      done > /etc/apt/apt.conf.d/99verified-packages
      ;;
  esac
}

check() {
  case "$ID" in
    amzn)
      grep -qx gpgcheck=1 /etc/dnf/dnf.conf
      grep -qx localpkg_gpgcheck=1 /etc/dnf/dnf.conf
      ;;
    debian)
      settings=$(apt-config dump)
      for setting in APT::Get::AllowUnauthenticated Acquire::AllowInsecureRepositories \
        Acquire::AllowDowngradeToInsecureRepositories Acquire::AllowWeakRepositories; do
        echo "$settings" | grep -qx "$setting \"false\";"
      done
      ;;
  esac
}
