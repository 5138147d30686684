/* Commits transactions, one after the other, each of so many records, and tells how many it was a second.
 *
 *   transactions BROKERS TOPIC RECORDS_IN_EACH SECONDS
 *
 * The topic's name is the transactional id, too. The first transaction finds the coordinator and the partition's leader;
 * it does not count. */
#include <rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RECORD_BYTES 1000
#define PATIENCE_MS 60000

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void expect_success(rd_kafka_error_t *error) {
    if (error) fail(rd_kafka_error_string(error));
}

static void set(rd_kafka_conf_t *settings, const char *name, const char *value) {
    char error[200];
    if (rd_kafka_conf_set(settings, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) fail(error);
}

static void commit(rd_kafka_t *producer, const char *topic, long records) {
    char record[RECORD_BYTES];
    memset(record, 'x', sizeof record);
    expect_success(rd_kafka_begin_transaction(producer));
    for (long sent = 0; sent < records; sent++) {
        rd_kafka_resp_err_t refused =
            rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_VALUE(record, sizeof record),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
        if (refused) fail(rd_kafka_err2str(refused));
    }
    /* Fails if any of its records did. */
    expect_success(rd_kafka_commit_transaction(producer, PATIENCE_MS));
}

int main(int argc, char **argv) {
    if (argc != 5) fail("transactions BROKERS TOPIC RECORDS_IN_EACH SECONDS");
    const char *topic = argv[2];
    long records = atol(argv[3]);
    double seconds = atof(argv[4]);

    rd_kafka_conf_t *settings = rd_kafka_conf_new();
    set(settings, "bootstrap.servers", argv[1]);
    set(settings, "transactional.id", topic);
    set(settings, "linger.ms", "0");
    char error[200];
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, settings, error, sizeof error);
    if (!producer) fail(error);
    expect_success(rd_kafka_init_transactions(producer, PATIENCE_MS));
    commit(producer, topic, records);

    double start_s = now_s(), end_s = start_s;
    long committed = 0;
    for (; end_s - start_s < seconds; end_s = now_s()) {
        commit(producer, topic, records);
        committed++;
    }
    printf("%.3f\n", (double)committed / (end_s - start_s));
    rd_kafka_destroy(producer);
    return 0;
}
