# shellcheck shell=sh
# Rule: DISA STIG Ubuntu 24.04 UBTU-24-101100 and CIS Ubuntu 22.04 Benchmark 5.4.2.7, accounts have no login shell
# Stricter than the rules: root has none either, because no person logs in to a container.
harden() {
  sed -i -E '/\/(nologin|false)$/! s#[^:]*$#/sbin/nologin#' /etc/passwd
}

check() {
  ! grep -Ev ':[^:]*/(nologin|false)$' /etc/passwd
}
