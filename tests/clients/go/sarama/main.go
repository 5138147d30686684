// sarama: it asks in the versions of the Kafka release that it is told to speak to.
package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"

	. "runnel/tests/clients/common"
)

var codecs = []sarama.CompressionCodec{
	sarama.CompressionNone, sarama.CompressionGZIP, sarama.CompressionSnappy, sarama.CompressionLZ4,
	sarama.CompressionZSTD,
}

// The release of many programs in use, which set none, and the newest.
var releases = []sarama.KafkaVersion{sarama.DefaultVersion, sarama.MaxVersion}

func main() {
	Main(map[string]Scenario{"codecs": allCodecs, "group": group, "admin": admin})
}

func config(release sarama.KafkaVersion) *sarama.Config {
	config := sarama.NewConfig()
	config.Version = release
	config.Producer.Return.Successes = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Producer.Flush.Frequency = 5 * time.Millisecond
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Interval = 100 * time.Millisecond
	config.Consumer.Group.Heartbeat.Interval = 300 * time.Millisecond
	config.Consumer.Group.Rebalance.Retry.Backoff = 100 * time.Millisecond
	config.Consumer.MaxWaitTime = 100 * time.Millisecond
	return config
}

func produce(
	address string, config *sarama.Config, idempotent bool, topic string, partition int32, sent []Record,
	codec sarama.CompressionCodec,
) []int64 {
	config.Producer.Compression = codec
	config.Producer.Idempotent = idempotent
	// Without producer ids, only one request in flight keeps the order across retries.
	config.Net.MaxOpenRequests = 1
	producer := Got(sarama.NewSyncProducer([]string{address}, config))
	messages := make([]*sarama.ProducerMessage, len(sent))
	for at, record := range sent {
		message := &sarama.ProducerMessage{Topic: topic, Partition: partition, Timestamp: record.Time()}
		if record.Key != nil {
			message.Key = sarama.ByteEncoder(record.Key)
		}
		if record.Value != nil {
			message.Value = sarama.ByteEncoder(record.Value)
		}
		for _, header := range record.Headers {
			message.Headers = append(message.Headers, sarama.RecordHeader{Key: []byte(header.Name), Value: header.Value})
		}
		messages[at] = message
	}
	Must(producer.SendMessages(messages), "send")
	Must(producer.Close(), "close")
	offsets := make([]int64, len(messages))
	for at, message := range messages {
		offsets[at] = message.Offset
	}
	return offsets
}

func shape(messages []*sarama.ConsumerMessage) []Record {
	shaped := make([]Record, len(messages))
	for at, message := range messages {
		shaped[at] = Record{Key: message.Key, Value: message.Value, TimestampMs: message.Timestamp.UnixMilli()}
		for _, header := range message.Headers {
			shaped[at].Headers = append(shaped[at].Headers, Header{Name: string(header.Key), Value: header.Value})
		}
	}
	return shaped
}

func create(address string, config *sarama.Config, topic string, partitions int32) {
	admin := Got(sarama.NewClusterAdmin([]string{address}, config))
	Must(admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1}, false), "create")
	Must(admin.Close(), "close")
}

func allCodecs(ctx context.Context, address string, idempotent bool) string {
	sent := Records(3000, true)
	for _, release := range releases {
		for _, codec := range codecs {
			topic := fmt.Sprintf("sarama-%s-%s", codec, release)
			config := config(release)
			create(address, config, topic, 1)
			offsets := produce(address, config, idempotent, topic, 0, sent, codec)
			client := Got(sarama.NewClient([]string{address}, config))
			consumer := Got(sarama.NewConsumerFromClient(client))
			partition := Got(consumer.ConsumePartition(topic, 0, sarama.OffsetOldest))
			var found []*sarama.ConsumerMessage
			for len(found) < len(sent) {
				select {
				case message := <-partition.Messages():
					found = append(found, message)
				case <-ctx.Done():
					Fail("%d of %d messages: %v", len(found), len(sent), ctx.Err())
				}
			}
			Same(shape(found), sent, topic)
			for at, message := range found {
				Equal(message.Offset, int64(at), "offset")
				Equal(offsets[at], int64(at), "offset told to the producer")
			}
			Equal(Got(client.GetOffset(topic, 0, sent[1234].TimestampMs)), 1234, "offset by time, "+topic)
			Equal(Got(client.GetOffset(topic, 0, sarama.OffsetNewest)), int64(len(sent)), "end offset, "+topic)
			Must(partition.Close(), "close")
			Must(consumer.Close(), "close")
			Must(client.Close(), "close")
		}
	}
	return fmt.Sprintf("%d records in each of %v, by releases %v", len(sent), codecs, releases)
}

// A member of the group: what it owns and what it has read.
type member struct {
	group    sarama.ConsumerGroup
	mutex    sync.Mutex
	share    int
	messages []*sarama.ConsumerMessage
}

func (member *member) Setup(session sarama.ConsumerGroupSession) error {
	member.mutex.Lock()
	defer member.mutex.Unlock()
	member.share = 0
	for _, partitions := range session.Claims() {
		member.share += len(partitions)
	}
	return nil
}

func (member *member) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (member *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		member.mutex.Lock()
		member.messages = append(member.messages, message)
		member.mutex.Unlock()
		session.MarkMessage(message, "")
	}
	return nil
}

func (member *member) seen() (int, []*sarama.ConsumerMessage) {
	member.mutex.Lock()
	defer member.mutex.Unlock()
	return member.share, member.messages
}

func join(ctx context.Context, address string, config *sarama.Config, topic string) *member {
	joined := &member{group: Got(sarama.NewConsumerGroup([]string{address}, topic, config))}
	go func() {
		for {
			err := joined.group.Consume(ctx, []string{topic}, joined)
			if errors.Is(err, sarama.ErrClosedConsumerGroup) || ctx.Err() != nil {
				return
			}
			Must(err, "consume")
		}
	}()
	return joined
}

func group(ctx context.Context, address string, idempotent bool) string {
	for _, release := range releases {
		config := config(release)
		topic := "sarama-shared-" + release.String()
		create(address, config, topic, 4)
		first := join(ctx, address, config, topic)
		share := func(member *member) int { share, _ := member.seen(); return share }
		Until(ctx, "whole topic", func() bool { return share(first) == 4 })
		second := join(ctx, address, config, topic)
		Until(ctx, "fair shares", func() bool { return share(first) == 2 && share(second) == 2 })
		records := Records(400, true)
		for partition := range int32(4) {
			produce(address, config, idempotent, topic, partition, records[partition*100:][:100], sarama.CompressionGZIP)
		}
		count := func(member *member) int { _, messages := member.seen(); return len(messages) }
		Until(ctx, "all messages", func() bool { return count(first) == 200 && count(second) == 200 })
		for partition := range int32(4) {
			var mine []*sarama.ConsumerMessage
			for _, member := range []*member{first, second} {
				_, messages := member.seen()
				for _, message := range messages {
					if message.Partition == partition {
						mine = append(mine, message)
					}
				}
			}
			Same(shape(mine), records[partition*100:][:100], fmt.Sprint("partition ", partition))
		}
		// What is marked is committed on the way out.
		Must(second.group.Close(), "close")
		Until(ctx, "last member's share", func() bool { return share(first) == 4 })
		Must(first.group.Close(), "close")
		produce(address, config, idempotent, topic, 3, records[300:], sarama.CompressionNone)
		resumed := join(ctx, address, config, topic)
		Until(ctx, "what came meanwhile", func() bool { return count(resumed) >= 100 })
		_, messages := resumed.seen()
		for at, message := range messages {
			Equal(message.Partition, 3, "partition of what came meanwhile")
			Equal(message.Offset, int64(100+at), "resumed offset")
		}
		Must(resumed.group.Close(), "close")
	}
	return fmt.Sprintf("two members shared 4 partitions, by releases %v", releases)
}

func refused(err, code error) {
	if !errors.Is(err, code) {
		Fail("%v instead of %v", err, code)
	}
}

func admin(ctx context.Context, address string, idempotent bool) string {
	for _, release := range releases {
		config := config(release)
		topic := "sarama-admin-" + release.String()
		client := Got(sarama.NewClusterAdmin([]string{address}, config))
		hour := "3600000"
		detail := &sarama.TopicDetail{
			NumPartitions: 2, ReplicationFactor: 1, ConfigEntries: map[string]*string{"retention.ms": &hour},
		}
		Must(client.CreateTopic(topic, detail, false), "create")
		refused(client.CreateTopic(topic, detail, false), sarama.ErrTopicAlreadyExists)
		Must(client.CreatePartitions(topic, 3, nil, false), "more partitions")
		Equal(Got(client.ListTopics())[topic].NumPartitions, 3, "partitions")
		retention := func() string {
			resource := sarama.ConfigResource{
				Type: sarama.TopicResource, Name: topic, ConfigNames: []string{"retention.ms"},
			}
			return Got(client.DescribeConfig(resource))[0].Value
		}
		Equal(retention(), hour, "retention.ms")
		value := "7200000"
		Must(client.IncrementalAlterConfig(sarama.TopicResource, topic, map[string]sarama.IncrementalAlterConfigsEntry{
			"retention.ms": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &value},
		}, false), "a setting's change")
		Equal(retention(), value, "retention.ms after its change")
		produce(address, config, idempotent, topic, 1, Records(50, true), sarama.CompressionZSTD)
		Must(client.DeleteRecords(topic, map[int32]int64{1: 20}), "deletion of records")
		connection := Got(sarama.NewClient([]string{address}, config))
		Equal(Got(connection.GetOffset(topic, 1, sarama.OffsetOldest)), 20, "first offset")

		offsets := Got(sarama.NewOffsetManagerFromClient(topic, connection))
		managed := Got(offsets.ManagePartition(topic, 1))
		managed.MarkOffset(33, "why")
		offsets.Commit()
		Must(managed.Close(), "close")
		Must(offsets.Close(), "close")
		Must(connection.Close(), "close")
		stored := Got(client.ListConsumerGroupOffsets(topic, map[string][]int32{topic: {1}})).GetBlock(topic, 1)
		Equal(stored.Offset, 33, "committed")
		Equal(stored.Metadata, "why", "its metadata")
		if _, listed := Got(client.ListConsumerGroups())[topic]; !listed {
			Fail("the group is not listed")
		}
		Equal(Got(client.DescribeConsumerGroups([]string{topic}))[0].State, "Empty", "the group's state")
		Must(client.DeleteConsumerGroup(topic), "the group's deletion")
		brokers, _, err := client.DescribeCluster()
		Must(err, "cluster")
		Equal(len(brokers), 1, "brokers")
		Must(client.DeleteTopic(topic), "the topic's deletion")
		refused(client.DeleteTopic(topic), sarama.ErrUnknownTopicOrPartition)
		Must(client.Close(), "close")
	}
	return fmt.Sprintf("topics, configs, records, offsets and groups, by releases %v", releases)
}
