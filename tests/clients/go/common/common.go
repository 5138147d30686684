// Package common holds what the programs share: the records that they send and expect back, and how they end. Each is
// started as `PROGRAM HOST:PORT SCENARIO [idempotent]`, prints one line and exits with 0, or tells what is wrong.
package common

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"
	"time"
)

// No scenario may take longer, whatever a client waits for.
const limit = 50 * time.Second

const startMs = 1_767_225_600_000

// Header of a record; names may come twice.
type Header struct {
	Name  string
	Value []byte
}

// Record in the shape that every client's own can be brought to.
type Record struct {
	Key, Value  []byte
	Headers     []Header
	TimestampMs int64
}

// Time of the record.
func (record Record) Time() time.Time { return time.UnixMilli(record.TimestampMs) }

// Records of every kind, then more of them than one batch of a small client holds. Where a client tells no empty value
// from none, nil is not among them.
func Records(count int, withNil bool) []Record {
	none := []byte(nil)
	if !withNil {
		none = []byte("none")
	}
	all := make([]byte, 256)
	for at := range all {
		all[at] = byte(at)
	}
	headers := []Header{{"b", []byte("1")}, {"a", []byte{0, 255}}, {"b", []byte("2")}, {"b", []byte("1")}, {"c", none}}
	made := []Record{
		{Key: []byte("key"), Value: []byte("value"), Headers: headers},
		{Key: none, Value: []byte("no key")},
		{Key: []byte("tombstone"), Value: none},
		{Key: []byte("schlüssel"), Value: all},
		{Key: []byte("large"), Value: []byte(strings.Repeat("0123456789abcdef", 20_000))},
	}
	for at := len(made); at < count; at++ {
		made = append(made, Record{
			Key:     fmt.Appendf(nil, "key %d", at%7),
			Value:   fmt.Appendf(nil, "line %d of a long log, %d bytes after the last one", at, at*31%977),
			Headers: []Header{{"at", fmt.Appendf(nil, "%d", at)}},
		})
	}
	for at := range made {
		made[at].TimestampMs = startMs + int64(at)
	}
	return made
}

// Same compares lists, and shows where they part.
func Same[T any](found, expected []T, what string) {
	for at := range min(len(found), len(expected)) {
		if !reflect.DeepEqual(found[at], expected[at]) {
			Fail("%s: number %d is %.300q, not %.300q", what, at, fmt.Sprint(found[at]), fmt.Sprint(expected[at]))
		}
	}
	Equal(len(found), len(expected), "count, "+what)
}

// Equal compares values.
func Equal[T comparable](found, expected T, what string) {
	if found != expected {
		Fail("%s: %v, not %v", what, found, expected)
	}
}

// Must expects no error.
func Must(err error, what string) {
	if err != nil {
		Fail("%s: %v", what, err)
	}
}

// Got expects no error with a value.
func Got[T any](value T, err error) T {
	Must(err, "a call")
	return value
}

// Fail ends the program.
func Fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

// Until waits until an attempt succeeds.
func Until(ctx context.Context, what string, attempt func() bool) {
	for !attempt() {
		select {
		case <-ctx.Done():
			Fail("no %s: %v", what, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Scenario does its work and tells what it did.
type Scenario func(ctx context.Context, address string, idempotent bool) string

// Main runs the scenario that the command line names.
func Main(scenarios map[string]Scenario) {
	names := make([]string, 0, len(scenarios))
	for name := range scenarios {
		names = append(names, name)
	}
	sort.Strings(names)
	if len(os.Args) < 3 || scenarios[os.Args[2]] == nil {
		Fail("usage: %s HOST:PORT %s [idempotent]", os.Args[0], strings.Join(names, "|"))
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	// A client that does not heed its context ends all the same.
	time.AfterFunc(limit+5*time.Second, func() { Fail("%s did not end within %s", os.Args[2], limit) })
	done := scenarios[os.Args[2]](ctx, os.Args[1], len(os.Args) > 3 && os.Args[3] == "idempotent")
	fmt.Printf("%s: %s\n", os.Args[2], done)
}
