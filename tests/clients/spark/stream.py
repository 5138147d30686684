"""Spark's structured streaming on a broker. Arguments: the broker, Spark's jars for Kafka, a directory, then steps:
copy: all of the topic `in`, in capitals, to the topic `out`, from where the last copy has ended;
since=MS: the records of `in` from a time on, to the topic `since`;
range=MS,MS: prints the values of `in` from a time to before another."""

import os
import sys

from pyspark.sql import SparkSession

broker, jars, directory, *steps = sys.argv[1:]
os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
builder = SparkSession.builder.master("local[1]").appName("stream")
for key, value in {
    "spark.driver.memory": "512m",
    "spark.driver.extraClassPath": f"{jars}/*",
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
    "spark.local.dir": directory,
    "spark.sql.warehouse.dir": directory,
    "spark.ui.enabled": "false",
}.items():
    builder = builder.config(key, value)
spark = builder.getOrCreate()
spark.sparkContext.setLogLevel("ERROR")


def source(reader, **options):
    options = {"kafka.bootstrap.servers": broker, "subscribe": "in", **options}
    return reader.format("kafka").options(**options).load()


def write(records, topic):
    records = records.selectExpr("key", "upper(cast(value as string)) as value")
    writer = records.writeStream.format("kafka").option("kafka.bootstrap.servers", broker)
    return writer.option("topic", topic).option("checkpointLocation", f"{directory}/{topic}")


for step in steps:
    name, _, times = step.partition("=")
    if name == "copy":
        query = write(source(spark.readStream, startingOffsets="earliest"), "out").start()
        query.processAllAvailable()
        query.stop()
    elif name == "since":
        records = source(spark.readStream, startingTimestamp=times, maxOffsetsPerTrigger="70")
        write(records, "since").trigger(availableNow=True).start().awaitTermination()
    elif name == "range":
        first, end = times.split(",")
        records = source(spark.read, startingTimestamp=first, endingTimestamp=end)
        for row in records.selectExpr("cast(value as string) as value").orderBy("partition", "offset").collect():
            print(row.value)
    else:
        sys.exit(f"no step {step}")
spark.stop()
