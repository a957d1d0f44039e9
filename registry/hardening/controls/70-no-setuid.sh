# shellcheck shell=sh
# Rule: CIS Docker Benchmark 4.8, setuid and setgid permissions are removed
harden() {
  find / -xdev -type f -perm /6000 -exec chmod a-s {} +
}

check() {
  files=$(find / -xdev -type f -perm /6000)
  [ -z "$files" ] || { echo "$files" && false; }
}
