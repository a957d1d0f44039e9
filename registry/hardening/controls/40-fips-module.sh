# shellcheck shell=sh
# Rule: DISA SRG-OS-000478-GPOS-00223, cryptography is FIPS-validated
# Only Amazon Linux has a validated module; the Dockerfiles of the others say so. The default package of the provider is
# newer than the validated module, so the step takes the package with the validated one.
harden() {
  case "$ID" in
    amzn)
      dnf -y install crypto-policies-scripts openssl
      if rpm -q --quiet openssl-fips-provider-latest; then
        dnf -y swap openssl-fips-provider-latest openssl-fips-provider-certified
      else
        dnf -y install openssl-fips-provider-certified
      fi
      update-crypto-policies --set FIPS
      ;;
  esac
}

# The module itself says its version. Loading it runs its self-test.
check() {
  case "$ID" in
    amzn)
      [ "$(cat /etc/crypto-policies/config)" = FIPS ]
      providers=$(openssl list -providers -provider fips -provider default)
      module=$(echo "$providers" | sed -n '/^ *fips$/,/status:/ s/^ *version: //p')
      case "$module" in
        3.2.2-799901ad7ab41d45) echo 'FIPS 140-3 module: certificate 5438' ;;
        3.0.8-d694bfa693b76001) echo 'FIPS 140-3 module: certificate 5021' ;;
        *) echo "no known certificate covers the FIPS module \"$module\"" >&2 && false ;;
      esac
      ;;
  esac
}
