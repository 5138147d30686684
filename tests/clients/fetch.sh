#!/usr/bin/env bash
# Fetches clients of Kafka, each from its own registry, for the tests to run: Kafka's tools, a Python environment, Node's
# modules, and Go programs, which it builds. With names, those alone: fetch.sh [java] [python] [node] [go]
# What is there already is kept until its package file changes.
set -euo pipefail
cd "$(dirname "$0")/../.."
peers=$PWD/target/peers
mkdir -p "$peers"

# Whether a package file is the one that was fetched last.
is_current() { cmp -s "$1" "$2"; }

java() {
    tests/peers/fetch-kafka.sh >/dev/null
    local wanted=tests/clients/java3/pom.xml jars=$peers/java3
    is_current $wanted "$jars/pom.xml" && return
    rm -rf "$jars"
    mvn --batch-mode --quiet -Dstyle.color=never --file $wanted dependency:copy-dependencies -DincludeScope=runtime \
        -DoutputDirectory="$jars"
    cp $wanted "$jars/pom.xml"
}

python() {
    local wanted=tests/clients/python/requirements.txt fetched=$peers/python/requirements.txt
    is_current "$wanted" "$fetched" && return
    rm -rf "$peers/python"
    python3 -m venv "$peers/python"
    "$peers/python/bin/pip" install --quiet --disable-pip-version-check --requirement "$wanted"
    cp "$wanted" "$fetched"
}

node() {
    local folder=tests/clients/node
    is_current $folder/package.json $folder/node_modules/package.json && return
    (cd $folder && npm install --no-audit --no-fund --no-package-lock --silent)
    cp $folder/package.json $folder/node_modules/package.json
}

go() (
    cd tests/clients/go
    command go build -o "$peers/go/" ./...
)

[ $# -gt 0 ] || set -- java python node go
for client in "$@"; do
    case $client in
        java | python | node | go) "$client" ;;
        *) echo "fetch.sh: no client $client; there are java, python, node and go" >&2 && exit 2 ;;
    esac
done
