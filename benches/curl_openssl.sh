#!/bin/sh
# What people write in place of the extension: curl, base64 and openssl, one certificate after
# the other. The benchmark's measure.
#
#   bench-loop.sh IDENTITY_ENDPOINT VAULT_URL STORE NAME...
set -eu
identity=$1 vault=$2 store=$3
shift 3

member() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }

token=$(curl -sf --noproxy '*' -H Metadata:true \
    "$identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net" |
    member access_token)
umask 077
mkdir -p "$store"
for name; do
    curl -sf -H "Authorization: Bearer $token" "$vault/secrets/$name?api-version=7.4" |
        member value | base64 -d |
        openssl pkcs12 -nodes -passin pass: -out "$store/$name.new" 2>/dev/null
    mv "$store/$name.new" "$store/$name"
done
