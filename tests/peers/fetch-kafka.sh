#!/bin/sh
# Fetches Apache Kafka from Maven Central into target/peers/kafka, once, and prints where its jars are.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
jars=$here/../../target/peers/kafka
mkdir -p "$jars"
jars=$(cd "$jars" && pwd)
# Copied last, so what was interrupted is done again.
if ! cmp -s "$here/pom.xml" "$jars/pom.xml"; then
    for tool in mvn java; do
        command -v "$tool" >/dev/null || { echo "$tool is missing (Debian: apt-get install maven)" >&2; exit 1; }
    done
    rm -f "$jars"/*.jar
    mvn --batch-mode --quiet -Dstyle.color=never --file "$here/pom.xml" dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$jars" >&2
    cp "$here/pom.xml" "$jars/pom.xml"
fi
echo "$jars"
