#!/usr/bin/env bash
# Fetches clients of Kafka, each from its own registry, for the tests to run: Kafka's tools, Kafka Streams, Connect, Spark,
# Flink, a Python environment, Node's modules; builds the programs of ours that want it. With names, those alone:
# fetch.sh [java] [streams] [connect] [spark] [flink] [python] [node] [go]
# What is there already is kept until its package file changes.
set -euo pipefail
cd "$(dirname "$0")/../.."
peers=$PWD/target/peers
mkdir -p "$peers"

# Whether a package file is the one that was fetched last.
is_current() { cmp -s "$1" "$2"; }

# The jars that a client's pom.xml names, into a folder of the client's name.
jars() {
    local wanted=tests/clients/$1/pom.xml jars=$peers/$1
    is_current "$wanted" "$jars/pom.xml" && return
    rm -rf "$jars"
    mvn --batch-mode --quiet -Dstyle.color=never --file "$wanted" dependency:copy-dependencies -DincludeScope=runtime \
        -DoutputDirectory="$jars"
    cp "$wanted" "$jars/pom.xml"
}

# A program beside a client's pom.xml, compiled with those jars.
program() {
    local source=tests/clients/$1/$2.java jars=$peers/$1
    is_current "$source" "$jars/$2.java" && return
    javac -Xlint:all -Werror -cp "$jars/*" -d "$jars" "$source"
    cp "$source" "$jars/"
}

# A Python environment with what a client's requirements.txt names, into a folder.
environment() {
    local wanted=tests/clients/$1/requirements.txt folder=$peers/$2
    is_current "$wanted" "$folder/requirements.txt" && return
    rm -rf "$folder"
    python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir --requirement "$wanted"
    cp "$wanted" "$folder/requirements.txt"
}

java() {
    tests/peers/fetch-kafka.sh >/dev/null
    jars java3
}

python() {
    environment python python
}

streams() {
    jars streams
    program streams WordCount
}

# The connectors apart from the worker, which finds them by its plugin.path.
connect() {
    jars connect
    [ -d "$peers/connect/plugins" ] && return
    mkdir "$peers/connect/plugins"
    mv "$peers"/connect/connect-file-*.jar "$peers/connect/plugins"
}

spark() {
    jars spark
    environment spark pyspark
}

flink() {
    jars flink
    program flink ExactlyOnce
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

clients=(java streams connect spark flink python node go)
[ $# -gt 0 ] || set -- "${clients[@]}"
for client in "$@"; do
    [[ " ${clients[*]} " == *" $client "* ]] || { echo "fetch.sh: no client $client; there are ${clients[*]}" >&2; exit 2; }
    "$client"
done
