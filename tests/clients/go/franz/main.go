// franz-go: it negotiates every version, and asks for much in batches.
package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	. "runnel/tests/clients/common"
)

var codecs = []struct {
	name  string
	codec kgo.CompressionCodec
}{
	{"none", kgo.NoCompression()}, {"gzip", kgo.GzipCompression()}, {"snappy", kgo.SnappyCompression()},
	{"lz4", kgo.Lz4Compression()}, {"zstd", kgo.ZstdCompression()},
}

func main() {
	Main(map[string]Scenario{"codecs": allCodecs, "group": group, "admin": admin, "transactions": transactions})
}

func client(address string, options ...kgo.Opt) *kgo.Client {
	return Got(kgo.NewClient(append(options, kgo.SeedBrokers(address))...))
}

func produce(
	ctx context.Context, address string, idempotent bool, topic string, partition int32, sent []Record,
	codec kgo.CompressionCodec,
) []int64 {
	options := []kgo.Opt{
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(codec),
		kgo.ProducerLinger(5 * time.Millisecond),
	}
	if !idempotent {
		options = append(options, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1))
	}
	producer := client(address, options...)
	defer producer.Close()
	records := make([]*kgo.Record, len(sent))
	for at, record := range sent {
		headers := make([]kgo.RecordHeader, len(record.Headers))
		for at, header := range record.Headers {
			headers[at] = kgo.RecordHeader{Key: header.Name, Value: header.Value}
		}
		records[at] = &kgo.Record{
			Topic: topic, Partition: partition, Key: record.Key, Value: record.Value, Headers: headers,
			Timestamp: record.Time(),
		}
	}
	results := producer.ProduceSync(ctx, records...)
	Must(results.FirstErr(), "produce")
	offsets := make([]int64, len(results))
	for at, result := range results {
		offsets[at] = result.Record.Offset
	}
	return offsets
}

func read(ctx context.Context, consumer *kgo.Client, count int) []*kgo.Record {
	var found []*kgo.Record
	for len(found) < count {
		fetches := consumer.PollFetches(ctx)
		Must(fetches.Err(), fmt.Sprintf("after %d of %d records", len(found), count))
		found = append(found, fetches.Records()...)
	}
	return found
}

func shape(records []*kgo.Record) []Record {
	shaped := make([]Record, len(records))
	for at, record := range records {
		shaped[at] = Record{Key: record.Key, Value: record.Value, TimestampMs: record.Timestamp.UnixMilli()}
		for _, header := range record.Headers {
			shaped[at].Headers = append(shaped[at].Headers, Header{Name: header.Key, Value: header.Value})
		}
	}
	return shaped
}

func create(ctx context.Context, address, topic string, partitions int32) {
	connection := client(address)
	defer connection.Close()
	answer := Got(kadm.NewClient(connection).CreateTopic(ctx, partitions, -1, nil, topic))
	Equal(answer.NumPartitions, partitions, "partitions created")
}

func allCodecs(ctx context.Context, address string, idempotent bool) string {
	sent := Records(3000, true)
	for _, each := range codecs {
		topic := "franz-" + each.name
		create(ctx, address, topic, 1)
		offsets := produce(ctx, address, idempotent, topic, 0, sent, each.codec)
		consumer := client(address, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
			topic: {0: kgo.NewOffset().AtStart()},
		}))
		found := read(ctx, consumer, len(sent))
		Same(shape(found), sent, each.name)
		for at, record := range found {
			Equal(record.Offset, int64(at), "offset")
			Equal(offsets[at], int64(at), "offset told to the producer")
		}
		listed := Got(kadm.NewClient(consumer).ListOffsetsAfterMilli(ctx, sent[1234].TimestampMs, topic))
		offset, _ := listed.Lookup(topic, 0)
		Equal(offset.Offset, 1234, "offset by time, "+each.name)
		consumer.Close()
	}
	return fmt.Sprintf("%d records in each of none, gzip, snappy, lz4, zstd", len(sent))
}

type member struct {
	*kgo.Client
	mutex    sync.Mutex
	assigned map[int32]bool
}

func (member *member) share() int {
	member.mutex.Lock()
	defer member.mutex.Unlock()
	return len(member.assigned)
}

func join(address, topic string) *member {
	joined := &member{assigned: map[int32]bool{}}
	change := func(owned bool) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, changed map[string][]int32) {
			joined.mutex.Lock()
			defer joined.mutex.Unlock()
			for _, partition := range changed[topic] {
				if owned {
					joined.assigned[partition] = true
				} else {
					delete(joined.assigned, partition)
				}
			}
		}
	}
	joined.Client = client(address, kgo.ConsumerGroup(topic), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.HeartbeatInterval(300*time.Millisecond), kgo.SessionTimeout(10*time.Second),
		kgo.OnPartitionsAssigned(change(true)), kgo.OnPartitionsRevoked(change(false)),
		kgo.OnPartitionsLost(change(false)))
	return joined
}

func group(ctx context.Context, address string, idempotent bool) string {
	const topic = "franz-shared"
	create(ctx, address, topic, 4)
	first := join(address, topic)
	Until(ctx, "whole topic", func() bool { return first.share() == 4 })
	second := join(address, topic)
	Until(ctx, "fair shares", func() bool { return first.share() == 2 && second.share() == 2 })
	records := Records(400, true)
	for partition := range int32(4) {
		produce(ctx, address, idempotent, topic, partition, records[partition*100:][:100], kgo.Lz4Compression())
	}
	found := append(read(ctx, first.Client, 200), read(ctx, second.Client, 200)...)
	for partition := range int32(4) {
		mine := slices.DeleteFunc(slices.Clone(found), func(record *kgo.Record) bool {
			return record.Partition != partition
		})
		Same(shape(mine), records[partition*100:][:100], fmt.Sprint("partition ", partition))
	}
	Must(first.CommitUncommittedOffsets(ctx), "commit")
	Must(second.CommitUncommittedOffsets(ctx), "commit")
	second.Close()
	Until(ctx, "last member's share", func() bool { return first.share() == 4 })
	first.Close()
	produce(ctx, address, idempotent, topic, 3, records[300:], kgo.NoCompression())
	resumed := join(address, topic)
	for at, record := range read(ctx, resumed.Client, 100) {
		Equal(record.Partition, 3, "partition of what came meanwhile")
		Equal(record.Offset, int64(100+at), "resumed offset")
	}
	resumed.Close()
	return "two members shared 4 partitions"
}

func refused(err, code error) {
	if !errors.Is(err, code) {
		Fail("%v instead of %v", err, code)
	}
}

func admin(ctx context.Context, address string, idempotent bool) string {
	const topic = "franz-admin"
	connection := client(address)
	defer connection.Close()
	client := kadm.NewClient(connection)
	hour := "3600000"
	Got(client.CreateTopic(ctx, 2, 1, map[string]*string{"retention.ms": &hour}, topic))
	_, err := client.CreateTopic(ctx, 2, 1, nil, topic)
	refused(err, kerr.TopicAlreadyExists)
	Must(Got(client.UpdatePartitions(ctx, 3, topic)).Error(), "more partitions")
	refused(Got(client.UpdatePartitions(ctx, 2, topic)).Error(), kerr.InvalidPartitions)
	Equal(len(Got(client.ListTopics(ctx, topic))[topic].Partitions), 3, "partitions")

	retention := func() string {
		described := Got(Got(client.DescribeTopicConfigs(ctx, topic)).On(topic, nil))
		at := slices.IndexFunc(described.Configs, func(config kadm.Config) bool { return config.Key == "retention.ms" })
		return described.Configs[at].MaybeValue()
	}
	Equal(retention(), hour, "retention.ms")
	change := []kadm.AlterConfig{{Op: kadm.DeleteConfig, Name: "retention.ms"}}
	Must(Got(Got(client.AlterTopicConfigs(ctx, change, topic)).On(topic, nil)).Err, "a setting's deletion")
	Until(ctx, "default for retention.ms", func() bool { return retention() == "604800000" })

	produce(ctx, address, idempotent, topic, 1, Records(50, true), kgo.GzipCompression())
	var offsets kadm.Offsets
	offsets.AddOffset(topic, 1, 20, -1)
	removed := Got(client.DeleteRecords(ctx, offsets))
	Equal(removed[topic][1].LowWatermark, 20, "low watermark")
	start, _ := Got(client.ListStartOffsets(ctx, topic)).Lookup(topic, 1)
	end, _ := Got(client.ListEndOffsets(ctx, topic)).Lookup(topic, 1)
	greatest, _ := Got(client.ListMaxTimestampOffsets(ctx, topic)).Lookup(topic, 1)
	Same([]int64{start.Offset, end.Offset, greatest.Offset}, []int64{20, 50, 49}, "offsets")

	offsets[topic][1] = kadm.Offset{Topic: topic, Partition: 1, At: 33, LeaderEpoch: -1, Metadata: "why"}
	Must(Got(client.CommitOffsets(ctx, topic, offsets)).Error(), "commit")
	stored, _ := Got(client.FetchOffsets(ctx, topic)).Lookup(topic, 1)
	Equal(stored.At, 33, "committed")
	Equal(stored.Metadata, "why", "its metadata")
	lag := Got(client.Lag(ctx, topic))[topic]
	Must(lag.Error(), "lag")
	Equal(lag.Lag.Total(), 17, "lag")
	listed := Got(client.ListGroups(ctx))[topic]
	Equal(listed.State, "Empty", "the listed group's state")
	Must(Got(client.DeleteGroups(ctx, topic)).Error(), "the group's deletion")
	refused(Got(client.DeleteGroups(ctx, topic)).Error(), kerr.GroupIDNotFound)

	brokers := Got(client.ListBrokers(ctx))
	Same(brokers.NodeIDs(), []int32{1}, "brokers")
	size := int64(0)
	Got(client.DescribeAllLogDirs(ctx, nil)).Each(func(dir kadm.DescribedLogDir) {
		Must(dir.Err, "log directory")
		size += dir.Size()
	})
	if size < 300_000 {
		Fail("log directories of %d bytes", size)
	}
	Must(Got(client.DeleteTopics(ctx, topic)).Error(), "the topic's deletion")
	refused(Got(client.DeleteTopics(ctx, topic)).Error(), kerr.UnknownTopicOrPartition)
	return "topics, configs, records, offsets and groups"
}

// Numbers in transactions, of which the odd ones are aborted: each even number comes out of both partitions, once.
func transactions(ctx context.Context, address string, _ bool) string {
	const topic, count = "franz-transactions", 60
	create(ctx, address, topic, 2)
	producer := client(address, kgo.TransactionalID("franz"), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.TransactionTimeout(30*time.Second), kgo.DefaultProduceTopic(topic))
	defer producer.Close()
	for number := range count {
		for !transact(ctx, producer, number) {
		}
	}
	_, epoch, err := producer.ProducerID(ctx)
	Must(err, "the producer's epoch")

	consumer := client(address, kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
			topic: {0: kgo.NewOffset().AtStart(), 1: kgo.NewOffset().AtStart()},
		}))
	defer consumer.Close()
	found := map[int32][]string{}
	for _, record := range read(ctx, consumer, count) {
		found[record.Partition] = append(found[record.Partition], string(record.Value))
	}
	even := make([]string, count/2)
	for at := range even {
		even[at] = fmt.Sprint(2 * at)
	}
	Same(found[0], even, "committed in partition 0")
	Same(found[1], even, "committed in partition 1")
	return fmt.Sprintf("%d, and the epoch is %d", count, epoch)
}

// One transaction; false when it has to be done again.
func transact(ctx context.Context, producer *kgo.Client, number int) bool {
	Must(producer.BeginTransaction(), "begin")
	value := fmt.Append(nil, number)
	err := producer.ProduceSync(ctx, &kgo.Record{Partition: 0, Value: value},
		&kgo.Record{Partition: 1, Value: value}).FirstErr()
	commit := err == nil && number%2 == 0
	Must(producer.EndTransaction(ctx, kgo.TransactionEndTry(commit)), "end")
	return err == nil
}
