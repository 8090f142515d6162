#!/usr/bin/env bash
# make postgresql: Debian's PostgreSQL unpacked into .build/postgresql, not installed, for the archive's tests. Where it is
# installed nothing is done.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=.build/postgresql
if compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null && [ -z "${FORCE:-}" ]; then
	echo "PostgreSQL is installed: the tests use it"
	exit 0
fi
if compgen -G "$target/usr/lib/postgresql/*/bin/initdb" >/dev/null; then exit 0; fi
command -v apt-get dpkg-deb >/dev/null || { echo "PostgreSQL comes from Debian here: install one, and the tests use it" >&2; exit 1; }
downloads=$(mktemp -d)
trap 'rm -rf "$downloads"' EXIT
mkdir "$downloads/partial"
# With what it needs and the machine lacks. Of what is installed, PostgreSQL's own parts are taken all the same.
get() {
	apt-get install --yes --quiet --download-only --reinstall --no-install-recommends -o Debug::NoLocking=1 \
		-o "Dir::Cache::archives=$downloads" -o APT::Sandbox::User=root postgresql "$(apt-cache depends postgresql | sed -n 's/^ *Depends: \(postgresql-[0-9]*\)$/\1/p')" libpq5
}
get || { apt-get update && get; }
for deb in "$downloads"/*.deb; do dpkg-deb --extract "$deb" "$target"; done
echo "unpacked PostgreSQL into $target"
