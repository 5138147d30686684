/* Sends records at a fixed rate, whatever becomes of them, and tells how long each took from the moment that it was due
 * until its acknowledgement: a client that waits for a slow broker would not see the records that it did not send.
 *
 *   open_loop BROKERS TOPIC RECORDS_PER_SECOND RECORDS WARM_UP_RECORDS LINGER_MS
 *
 * Prints "P50 P99 P99.9 MAX" in microseconds. The first WARM_UP_RECORDS do not count. */
#include <pthread.h>
#include <rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#define RECORD_BYTES 1000

static int64_t *latencies_ns;
static size_t acknowledged, failed, all;

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* The record's opaque is the time when it was due. */
static void delivered(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque) {
    (void)producer, (void)opaque;
    if (message->err) {
        failed++;
        return;
    }
    latencies_ns[acknowledged++] = now_ns() - (int64_t)(intptr_t)message->_private;
}

/* On a thread of its own, which wakes with each acknowledgement. librdkafka gives every record up in the end. */
static void *poll_all(void *producer) {
    while (acknowledged + failed < all) rd_kafka_poll(producer, 100);
    return NULL;
}

static void set(rd_kafka_conf_t *settings, const char *name, const char *value) {
    char error[200];
    if (rd_kafka_conf_set(settings, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
}

static int ascending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static long long percentile_us(const int64_t *sorted, size_t count, double part) {
    size_t place = (size_t)(part * (double)count);
    return (long long)(sorted[place < count ? place : count - 1] / 1000);
}

int main(int argc, char **argv) {
    if (argc != 7) {
        fprintf(stderr, "open_loop BROKERS TOPIC RECORDS_PER_SECOND RECORDS WARM_UP_RECORDS LINGER_MS\n");
        return 2;
    }
    const char *topic = argv[2];
    double interval_ns = 1e9 / atof(argv[3]);
    size_t records = strtoul(argv[4], NULL, 10), warm_up = strtoul(argv[5], NULL, 10);
    all = records + warm_up;
    latencies_ns = calloc(all, sizeof *latencies_ns);

    rd_kafka_conf_t *settings = rd_kafka_conf_new();
    set(settings, "bootstrap.servers", argv[1]);
    set(settings, "linger.ms", argv[6]);
    set(settings, "acks", "all");
    set(settings, "queue.buffering.max.messages", "1000000");
    rd_kafka_conf_set_dr_msg_cb(settings, delivered);
    char error[200];
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, settings, error, sizeof error);
    if (!producer) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    char record[RECORD_BYTES];
    memset(record, 'x', sizeof record);

    pthread_t acknowledgements;
    if (pthread_create(&acknowledgements, NULL, poll_all, producer) != 0) return 1;
    prctl(PR_SET_TIMERSLACK, 1UL);
    int64_t start_ns = now_ns();
    for (size_t sent = 0; sent < all; sent++) {
        int64_t due_ns = start_ns + (int64_t)(interval_ns * (double)sent);
        struct timespec due = {due_ns / 1000000000, due_ns % 1000000000};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) != 0) {}
        rd_kafka_resp_err_t refused =
            rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_VALUE(record, sizeof record),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                              RD_KAFKA_V_OPAQUE((void *)(intptr_t)due_ns), RD_KAFKA_V_END);
        if (refused) {
            fprintf(stderr, "%s\n", rd_kafka_err2str(refused));
            return 1;
        }
    }
    pthread_join(acknowledgements, NULL);
    if (failed || acknowledged != all) {
        fprintf(stderr, "%zu of %zu records were acknowledged\n", acknowledged, all);
        return 1;
    }
    int64_t *counted = latencies_ns + warm_up;
    qsort(counted, records, sizeof *counted, ascending);
    printf("%lld %lld %lld %lld\n", percentile_us(counted, records, 0.5), percentile_us(counted, records, 0.99),
           percentile_us(counted, records, 0.999), (long long)(counted[records - 1] / 1000));
    rd_kafka_destroy(producer);
    return 0;
}
