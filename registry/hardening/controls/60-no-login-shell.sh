# shellcheck shell=sh
# Rule: DISA STIG RHEL 9 V-258046 and CIS Ubuntu 22.04 Benchmark 2.0.0 5.4.2.7, system accounts have no login shell
# Stricter than the rules: root has none either, because no person logs in to a container.
harden() {
  sed -i -E '/\/(nologin|false)$/! s#[^:]*$#/sbin/nologin#' /etc/passwd
}

check() {
  ! grep -Ev ':[^:]*/(nologin|false)$' /etc/passwd
}
