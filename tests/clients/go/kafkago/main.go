// kafka-go: it speaks a few versions alone, old ones, and refuses answers with a byte too many.
package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	. "runnel/tests/clients/common"
)

var codecs = []struct {
	name  string
	codec kafka.Compression
}{{"none", 0}, {"gzip", kafka.Gzip}, {"snappy", kafka.Snappy}, {"lz4", kafka.Lz4}, {"zstd", kafka.Zstd}}

func main() {
	// By default it remembers metadata for seconds.
	kafka.DefaultTransport = &kafka.Transport{MetadataTTL: 50 * time.Millisecond}
	Main(map[string]Scenario{"codecs": allCodecs, "group": group, "admin": admin})
}

func client(address string) *kafka.Client {
	return &kafka.Client{Addr: kafka.TCP(address), Timeout: 20 * time.Second}
}

func produce(
	ctx context.Context, address, topic string, partition int, sent []Record, codec kafka.Compression,
) {
	writer := &kafka.Writer{
		Addr: kafka.TCP(address), Topic: topic, Compression: codec, RequiredAcks: kafka.RequireAll,
		BatchTimeout: 5 * time.Millisecond, BatchSize: 500,
		Balancer: kafka.BalancerFunc(func(kafka.Message, ...int) int { return partition }),
	}
	messages := make([]kafka.Message, len(sent))
	for at, record := range sent {
		messages[at] = kafka.Message{Key: record.Key, Value: record.Value, Time: record.Time()}
		for _, header := range record.Headers {
			messages[at].Headers = append(messages[at].Headers, kafka.Header{Key: header.Name, Value: header.Value})
		}
	}
	Must(writer.WriteMessages(ctx, messages...), "write")
	Must(writer.Close(), "close")
}

func shape(messages []kafka.Message) []Record {
	shaped := make([]Record, len(messages))
	for at, message := range messages {
		shaped[at] = Record{Key: message.Key, Value: message.Value, TimestampMs: message.Time.UnixMilli()}
		for _, header := range message.Headers {
			shaped[at].Headers = append(shaped[at].Headers, Header{Name: header.Key, Value: header.Value})
		}
	}
	return shaped
}

func read(ctx context.Context, reader *kafka.Reader, count int) []kafka.Message {
	found := make([]kafka.Message, 0, count)
	for len(found) < count {
		message, err := reader.FetchMessage(ctx)
		Must(err, fmt.Sprintf("after %d of %d messages", len(found), count))
		found = append(found, message)
	}
	return found
}

func create(ctx context.Context, address, topic string, partitions int) error {
	config := kafka.TopicConfig{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1}
	answer := Got(client(address).CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{config}}))
	return answer.Errors[topic]
}

func allCodecs(ctx context.Context, address string, _ bool) string {
	// It tells nothing from no bytes only in what it writes.
	sent := Records(3000, false)
	for _, each := range codecs {
		topic := "kafkago-" + each.name
		Must(create(ctx, address, topic, 1), "create")
		produce(ctx, address, topic, 0, sent, each.codec)
		reader := kafka.NewReader(kafka.ReaderConfig{
			Brokers: []string{address}, Topic: topic, MaxWait: 100 * time.Millisecond,
		})
		found := read(ctx, reader, len(sent))
		Same(shape(found), sent, each.name)
		for at, message := range found {
			Equal(message.Offset, int64(at), "offset")
		}
		Must(reader.SetOffsetAt(ctx, sent[1234].Time()), "seek by time")
		Equal(reader.Offset(), 1234, "offset by time, "+each.name)
		Must(reader.Close(), "close")
	}
	return fmt.Sprintf("%d records in each of none, gzip, snappy, lz4, zstd", len(sent))
}

func join(address, topic string) *kafka.Reader {
	return kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{address}, GroupID: topic, Topic: topic, MaxWait: 100 * time.Millisecond,
		HeartbeatInterval: 300 * time.Millisecond, SessionTimeout: 10 * time.Second, RebalanceTimeout: 10 * time.Second,
		StartOffset: kafka.FirstOffset, JoinGroupBackoff: 100 * time.Millisecond,
	})
}

// Members of the group and how many partitions each has.
func shares(ctx context.Context, address, topic string) map[string]int {
	answer := Got(client(address).DescribeGroups(ctx, &kafka.DescribeGroupsRequest{GroupIDs: []string{topic}}))
	shares := map[string]int{}
	if answer.Groups[0].GroupState != "Stable" {
		return shares
	}
	for _, member := range answer.Groups[0].Members {
		for _, topic := range member.MemberAssignments.Topics {
			shares[member.MemberID] += len(topic.Partitions)
		}
	}
	return shares
}

func fair(ctx context.Context, address, topic string, members, each int) {
	Until(ctx, fmt.Sprintf("%d members with %d partitions", members, each), func() bool {
		shares := shares(ctx, address, topic)
		for _, share := range shares {
			if share != each {
				return false
			}
		}
		return len(shares) == members
	})
}

func group(ctx context.Context, address string, _ bool) string {
	const topic = "kafkago-shared"
	Must(create(ctx, address, topic, 4), "create")
	first := join(address, topic)
	fair(ctx, address, topic, 1, 4)
	second := join(address, topic)
	fair(ctx, address, topic, 2, 2)
	records := Records(400, false)
	for partition := range 4 {
		produce(ctx, address, topic, partition, records[partition*100:][:100], kafka.Snappy)
	}
	var both sync.WaitGroup
	var found [2][]kafka.Message
	for at, reader := range []*kafka.Reader{first, second} {
		both.Go(func() {
			found[at] = read(ctx, reader, 200)
			Must(reader.CommitMessages(ctx, found[at]...), "commit")
		})
	}
	both.Wait()
	for partition := range 4 {
		var mine []kafka.Message
		for _, message := range append(found[0], found[1]...) {
			if message.Partition == partition {
				mine = append(mine, message)
			}
		}
		Same(shape(mine), records[partition*100:][:100], fmt.Sprint("partition ", partition))
	}
	Must(second.Close(), "close")
	fair(ctx, address, topic, 1, 4)
	Must(first.Close(), "close")
	produce(ctx, address, topic, 3, records[300:], 0)
	resumed := join(address, topic)
	for at, message := range read(ctx, resumed, 100) {
		Equal(message.Partition, 3, "partition of what came meanwhile")
		Equal(message.Offset, int64(100+at), "resumed offset")
	}
	Must(resumed.Close(), "close")
	return "two members shared 4 partitions"
}

func admin(ctx context.Context, address string, _ bool) string {
	const topic = "kafkago-admin"
	client := client(address)
	Must(create(ctx, address, topic, 2), "create")
	if err := create(ctx, address, topic, 2); !errors.Is(err, kafka.TopicAlreadyExists) {
		Fail("%v instead of %v", err, kafka.TopicAlreadyExists)
	}
	more := Got(client.CreatePartitions(ctx, &kafka.CreatePartitionsRequest{
		Topics: []kafka.TopicPartitionsConfig{{Name: topic, Count: 3}},
	}))
	Must(more.Errors[topic], "more partitions")
	Until(ctx, "third partition", func() bool {
		metadata := Got(client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}}))
		return len(metadata.Topics[0].Partitions) == 3
	})

	retention := func() string {
		described := Got(client.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{
			Resources: []kafka.DescribeConfigRequestResource{{
				ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ConfigNames: []string{"retention.ms"},
			}},
		}))
		return described.Resources[0].ConfigEntries[0].ConfigValue
	}
	Equal(retention(), "604800000", "retention.ms")
	changed := Got(client.IncrementalAlterConfigs(ctx, &kafka.IncrementalAlterConfigsRequest{
		Resources: []kafka.IncrementalAlterConfigsRequestResource{{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: topic,
			Configs: []kafka.IncrementalAlterConfigsRequestConfig{{
				Name: "retention.ms", Value: "7200000", ConfigOperation: kafka.ConfigOperationSet,
			}},
		}},
	}))
	Must(changed.Resources[0].Error, "a setting's change")
	Equal(retention(), "7200000", "retention.ms after its change")

	produce(ctx, address, topic, 1, Records(50, false), kafka.Zstd)
	listed := Got(client.ListOffsets(ctx, &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{topic: {kafka.FirstOffsetOf(1), kafka.LastOffsetOf(1)}},
	}))
	offsets := listed.Topics[topic][0]
	Same([]int64{offsets.FirstOffset, offsets.LastOffset}, []int64{0, 50}, "offsets")
	committed := Got(client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{
		GroupID: topic, GenerationID: -1,
		Topics: map[string][]kafka.OffsetCommit{topic: {{Partition: 1, Offset: 33, Metadata: "why"}}},
	}))
	Must(committed.Topics[topic][0].Error, "commit")
	fetched := Got(client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{
		GroupID: topic, Topics: map[string][]int{topic: {1}},
	}))
	Equal(fetched.Topics[topic][0].CommittedOffset, 33, "committed")
	Equal(fetched.Topics[topic][0].Metadata, "why", "its metadata")
	groups := Got(client.ListGroups(ctx, &kafka.ListGroupsRequest{}))
	Must(groups.Error, "groups")
	listedGroup := false
	for _, each := range groups.Groups {
		listedGroup = listedGroup || each.GroupID == topic
	}
	Equal(listedGroup, true, "the group is listed")
	deleted := Got(client.DeleteGroups(ctx, &kafka.DeleteGroupsRequest{GroupIDs: []string{topic}}))
	Must(deleted.Errors[topic], "the group's deletion")
	gone := Got(client.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{topic}}))
	Must(gone.Errors[topic], "the topic's deletion")
	return "topics, configs, offsets and groups"
}
