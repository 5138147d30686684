import java.util.concurrent.atomic.AtomicBoolean;

import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.sink.TransactionNamingStrategy;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * Writes the records of the topic {@code in}, in capitals, to the topic {@code out}, each once. Fails the first time that
 * it sees the record {@code fail}. Ends when its input or its job does. Arguments: the broker, a transaction naming
 * strategy, a directory for checkpoints, then settings of Flink and of the sink's producer.
 */
public class ExactlyOnce {
    private static final AtomicBoolean FAILED = new AtomicBoolean();

    public static void main(String[] args) throws Exception {
        Configuration config = new Configuration();
        config.setString("execution.checkpointing.interval", "500ms");
        config.setString("execution.checkpointing.dir", "file://" + args[2]);
        config.setString("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION");
        config.setString("restart-strategy.type", "fixed-delay");
        config.setString("restart-strategy.fixed-delay.attempts", "20");
        config.setString("restart-strategy.fixed-delay.delay", "500ms");

        KafkaSource<String> source = KafkaSource.<String>builder()
            .setBootstrapServers(args[0])
            .setTopics("in")
            .setGroupId("flink")
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setValueOnlyDeserializer(new SimpleStringSchema())
            .build();

        var sink = KafkaSink.<String>builder()
            .setBootstrapServers(args[0])
            .setRecordSerializer(KafkaRecordSerializationSchema.builder()
                .setTopic("out")
                .setValueSerializationSchema(new SimpleStringSchema())
                .build())
            .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
            .setTransactionNamingStrategy(TransactionNamingStrategy.valueOf(args[1]))
            .setTransactionalIdPrefix("flink");
        for (int at = 3; at < args.length; at++) {
            String[] setting = args[at].split("=", 2);
            config.setString(setting[0], setting[1]);
            sink.setProperty(setting[0], setting[1]);
        }

        StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(1, config);
        env.fromSource(source, WatermarkStrategy.noWatermarks(), "in").map(ExactlyOnce::capitals).sinkTo(sink.build());
        JobClient job = env.executeAsync();
        job.getJobExecutionResult().whenComplete((result, failure) -> {
            if (failure != null) {
                failure.printStackTrace();
            }
            System.exit(failure == null ? 0 : 1);
        });
        while (System.in.read() >= 0) { }
        System.exit(0);
    }

    private static String capitals(String value) throws InterruptedException {
        if (value.equals("fail") && FAILED.compareAndSet(false, true)) {
            // Meanwhile the records before this one leave for the broker, and no checkpoint commits them.
            Thread.sleep(1000);
            throw new IllegalStateException("asked to fail");
        }
        return value.toUpperCase();
    }
}
