# shellcheck shell=sh
# Rule: CIS Docker Benchmark 4.1, the container has a user of its own
# The image names it by its number (USER 10001): Kubernetes can check `runAsNonRoot` only with a number.
harden() {
  grep -q '^app:' /etc/passwd && return
  echo 'app:x:10001:' >> /etc/group
  echo 'app:x:10001:10001::/nonexistent:/sbin/nologin' >> /etc/passwd
  echo 'app:!:::::::' >> /etc/shadow
}

check() {
  grep -q '^app:x:10001:10001:' /etc/passwd
  grep -q '^app:x:10001:' /etc/group
  grep -q '^app:!:' /etc/shadow
}
