import java.util.Arrays;
import java.util.Properties;

import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Materialized;

/**
 * Counts the words of the topic {@code lines} into the topic {@code counts}, where each word is a key and each count a
 * value: one record for each word that came, since nothing is held back in a cache. Prints its states; ends when its
 * input does. Arguments: the broker, a processing guarantee, a directory.
 */
public class WordCount {
    public static void main(String[] args) throws Exception {
        Properties config = new Properties();
        config.put("application.id", "word-count");
        config.put("bootstrap.servers", args[0]);
        config.put("processing.guarantee", args[1]);
        config.put("state.dir", args[2]);
        config.put("default.key.serde", Serdes.StringSerde.class);
        config.put("default.value.serde", Serdes.StringSerde.class);
        config.put("statestore.cache.max.bytes", 0);
        config.put("repartition.purge.interval.ms", 500);
        // The shortest that a broker lets through: so long a killed instance is waited for.
        config.put("session.timeout.ms", 6000);
        config.put("auto.offset.reset", "earliest");

        StreamsBuilder builder = new StreamsBuilder();
        builder.<String, String>stream("lines")
            .flatMapValues(line -> Arrays.asList(line.split(" ")))
            .groupBy((key, word) -> word)
            .count(Materialized.as("counts"))
            .toStream()
            .mapValues(count -> Long.toString(count))
            .to("counts");

        try (KafkaStreams streams = new KafkaStreams(builder.build(), config)) {
            streams.setStateListener((now, before) -> System.out.println(now));
            streams.start();
            while (System.in.read() >= 0) { }
        }
    }
}
