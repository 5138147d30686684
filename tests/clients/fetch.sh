#!/usr/bin/env bash
# Fetches clients of Kafka, each from its own registry, for the tests to run: Kafka's tools, Kafka Streams, Connect, Spark,
# Flink, a Python environment, Node's modules; builds the programs of ours that want it, and the tests that some clients
# have of their own. With names, those alone:
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
    kafka_python_suite
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

# kafka-python's own tests lie in its source distribution, but for what makes them a package and starts brokers.
kafka_python_suite() {
    local wanted=tests/clients/python/requirements.txt suite=$peers/kafka-python
    is_current $wanted "$suite/requirements.txt" && return
    rm -rf "$suite"
    mkdir -p "$suite"
    "$peers/python/bin/pip" download --quiet --disable-pip-version-check --no-deps --no-binary kafka-python --dest "$suite" \
        "$(grep '^kafka-python==' $wanted)"
    tar --extract --gzip --directory="$suite" --strip-components=1 --wildcards --file="$(ls "$suite"/*.tar.gz)" '*/test'
    touch "$suite/test/__init__.py"
    cp tests/clients/python/suite/service.py "$suite/test/"
    cp $wanted "$suite/"
}

node() {
    local folder=tests/clients/node
    is_current $folder/package.json $folder/node_modules/package.json && return
    (cd $folder && npm install --no-audit --no-fund --no-package-lock --silent)
    cp $folder/package.json $folder/node_modules/package.json
}

# A package's own tests as a program, and beside it the folder that they run in.
go_suite() {
    command go test -c -o "$peers/go/$1.test" "$2"
    ln -sfn "$(command go list -f '{{.Dir}}' "$2")" "$peers/go/$1.sources"
}

go() (
    cd tests/clients/go
    command go build -o "$peers/go/" ./...
    go_suite kafka-go github.com/segmentio/kafka-go
    go_suite kgo github.com/twmb/franz-go/pkg/kgo
)

clients=(java streams connect spark flink python node go)
[ $# -gt 0 ] || set -- "${clients[@]}"
for client in "$@"; do
    [[ " ${clients[*]} " == *" $client "* ]] || { echo "fetch.sh: no client $client; there are ${clients[*]}" >&2; exit 2; }
    "$client"
done
