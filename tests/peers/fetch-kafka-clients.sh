#!/usr/bin/env bash
# Fetches Kafka's own client library from Maven Central into target/peers/, and unpacks the definitions of its messages
# beside it. What is there already is kept. Needs Maven.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=$(sed -n 's/.*KAFKA_VERSION: &str = "\(.*\)";/\1/p' proto/codegen/src/lib.rs)
library=kafka-clients-${version:?proto/codegen/src/lib.rs names no version}
artifact=org.apache.kafka:kafka-clients:$version
mkdir -p target/peers
# Without a project Maven leaves marks in the current folder.
cd target/peers
if [ ! -e "$library.jar" ]; then
    mvn --batch-mode --quiet dependency:copy -Dartifact="$artifact" -DoutputDirectory="$PWD"
fi
if [ ! -d "$library/common/message" ]; then
    mvn --batch-mode --quiet dependency:unpack -Dartifact="$artifact" -Dmdep.unpack.includes='common/message/*.json' \
        -DoutputDirectory="$PWD/$library"
fi
