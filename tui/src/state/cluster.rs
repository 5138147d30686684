//! What the broker told: the whole of it, kept up to date by snapshots.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use runnel_proto::v1::{BrokerSample, Event, Snapshot, Totals};

use super::figure::Figure;
use super::group::{self, Group};
use super::series::{Series, Trend};
use super::topic::{Reader, Topic};
use super::value::{self, Eta};

/// Topics, groups, brokers, sums and their histories. Pure: it changes by [`Cluster::apply`] alone and reads no clock.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    /// When the broker took the newest snapshot, in Unix milliseconds by its own clock; 0 before the first.
    pub(crate) time_ms: i64,
    pub(crate) id: String,
    pub(crate) brokers: Vec<Broker>,
    pub(crate) totals: Totals,
    /// By topic id.
    pub(crate) topics: BTreeMap<String, Topic>,
    /// By name.
    pub(crate) groups: BTreeMap<String, Group>,
    /// The newest last.
    pub(crate) events: VecDeque<Event>,
    /// The moments of all samples, in Unix milliseconds.
    pub(crate) times_ms: Series,
    pub(crate) records_in: Series,
    pub(crate) records_out: Series,
    /// Snapshots on the current stream. The first one's rates of 0 may only mean that nothing was measured yet.
    snapshots: u32,
    rates_known: bool,
    /// From one snapshot to the next.
    interval_ms: f64,
    /// What goes out, as a mean over the last few snapshots.
    pub(crate) records_out_per_s: f64,
    pub(crate) bytes_out_per_s: f64,
}

/// One broker.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Broker {
    pub(crate) sample: BrokerSample,
    /// Processors' worth of time used over the last interval: 1.0 is one core; unknown until there are two samples.
    pub(crate) cpu_cores: Option<f64>,
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            time_ms: 0,
            id: String::new(),
            brokers: Vec::new(),
            totals: Totals::default(),
            topics: BTreeMap::new(),
            groups: BTreeMap::new(),
            events: VecDeque::new(),
            times_ms: Series::new(Self::HISTORY),
            records_in: Series::new(Self::HISTORY),
            records_out: Series::new(Self::HISTORY),
            snapshots: 0,
            rates_known: false,
            interval_ms: 1000.0,
            records_out_per_s: f64::NAN,
            bytes_out_per_s: f64::NAN,
        }
    }
}

impl Cluster {
    /// How far back the throughput's history goes, in samples: two a column of a chart that fills a wide screen.
    const HISTORY: usize = 480;
    /// The newest snapshot's share in a mean over the last few.
    const NEWEST_WEIGHT: f64 = 0.35;
    /// Events kept.
    const EVENTS: usize = 200;

    /// A new stream begins, with a snapshot once an interval: what is known stays, but is stale until a full one comes.
    pub(crate) fn stream_opened(&mut self, interval: Duration) {
        self.snapshots = 0;
        self.interval_ms = interval.as_millis() as f64;
    }

    /// Whether anything was ever heard.
    pub(crate) fn is_known(&self) -> bool {
        self.time_ms != 0
    }

    /// Snapshots heard on this stream.
    pub(crate) fn snapshots(&self) -> u32 {
        self.snapshots
    }

    /// A rate as the broker said it, or unknown while it can't have measured one.
    pub(crate) fn rate(&self, per_s: f64) -> Figure {
        Figure::known(self.rates_known.then_some(per_s))
    }

    /// The topic that bears a name now.
    pub(crate) fn topic_by_name(&self, name: &str) -> Option<&Topic> {
        self.topics.values().find(|topic| topic.name == name)
    }

    /// How a group's lag changes.
    pub(crate) fn trend(&self, group: &Group) -> Option<Trend> {
        Trend::of(&group.lags, &self.times_ms)
    }

    /// When a group's lag will be gone; None when it has nothing to lag behind.
    pub(crate) fn eta(&self, group: &Group) -> Option<Eta> {
        Some(value::eta(group.sums.lag?, group.sums.time_lag_ms, self.trend(group)))
    }

    /// The topics with partitions that are not served, by name.
    pub(crate) fn troubled(&self) -> Vec<&Topic> {
        let mut topics: Vec<_> = self.topics.values().filter(|topic| topic.sums.failed > 0).collect();
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        topics
    }

    /// Adds an event that the broker can't tell: that it was away.
    pub(crate) fn note(&mut self, message: String) {
        self.events.push_back(Event { time_ms: self.time_ms, message });
    }

    /// Takes over a snapshot, full or of what changed, and adds a sample to every history.
    pub(crate) fn apply(&mut self, snapshot: Snapshot) {
        let interval_ms = snapshot.time_ms - self.time_ms;
        let was_known = self.is_known() && self.snapshots > 0;
        self.snapshots += 1;
        self.time_ms = snapshot.time_ms;
        self.id = snapshot.cluster_id;
        self.apply_brokers(snapshot.brokers, was_known.then_some(interval_ms));
        self.totals = snapshot.totals.unwrap_or_default();
        self.rates_known = self.snapshots > 1 || moves(&self.totals);

        // A full snapshot forgets what it doesn't mention, but topics and groups that live on keep their history.
        let (mut old_topics, mut old_groups) = (BTreeMap::new(), BTreeMap::new());
        if snapshot.full {
            old_topics = std::mem::take(&mut self.topics);
            old_groups = std::mem::take(&mut self.groups);
        }
        for id in &snapshot.removed_topic_ids {
            self.topics.remove(id);
        }
        for name in &snapshot.removed_groups {
            self.groups.remove(name);
        }
        for sample in snapshot.topics {
            let topic = self.topics.entry(sample.id.clone()).or_insert_with(|| {
                old_topics.remove(&sample.id).unwrap_or_else(|| Topic::new(sample.id.clone()))
            });
            topic.apply(sample, snapshot.full);
        }
        for sample in snapshot.groups {
            let group = self.groups.entry(sample.group.clone()).or_insert_with(|| {
                old_groups.remove(&sample.group).unwrap_or_else(|| Group::new(sample.group.clone()))
            });
            group.apply(sample, snapshot.full);
        }
        // A new stream tells again what the broker still knows.
        self.events.retain(|event| !snapshot.full || !snapshot.events.contains(event));
        self.events.extend(snapshot.events);
        self.events.make_contiguous().sort_by_key(|event| event.time_ms);
        self.events.drain(..self.events.len().saturating_sub(Self::EVENTS));
        self.find_readers();
        if self.rates_known {
            self.record();
        }
    }

    fn apply_brokers(&mut self, samples: Vec<BrokerSample>, interval_ms: Option<i64>) {
        let before: BTreeMap<i32, BrokerSample> =
            self.brokers.drain(..).map(|broker| (broker.sample.id, broker.sample)).collect();
        for sample in samples {
            let cpu_cores = interval_ms.filter(|&interval_ms| interval_ms > 0).and_then(|interval_ms| {
                let before =
                    before.get(&sample.id).filter(|old| old.start_time_ms == sample.start_time_ms)?;
                let used_ms = sample.cpu_ms.checked_sub(before.cpu_ms)?;
                Some(used_ms as f64 / interval_ms as f64)
            });
            self.brokers.push(Broker { sample, cpu_cores });
        }
        self.brokers.sort_by_key(|broker| broker.sample.id);
    }

    /// Tells every topic which groups read it.
    fn find_readers(&mut self) {
        let mut readers: BTreeMap<&str, Vec<Reader>> = BTreeMap::new();
        for group in self.groups.values() {
            for (topic, partitions) in &group.topics {
                readers.entry(topic).or_default().push(Reader {
                    group: group.name.clone(),
                    lag: group::lag(partitions.values()),
                    time_lag_ms: group::time_lag_ms(partitions.values()).unwrap_or_default(),
                });
            }
        }
        for topic in self.topics.values_mut() {
            topic.readers = readers.remove(topic.name.as_str()).unwrap_or_default();
        }
    }

    /// Adds a sample to every history. While the broker was away nothing is known, for as many samples as that took.
    fn record(&mut self) {
        let now_ms = self.time_ms as f64;
        let last_ms = self.times_ms.last(1).next();
        if let Some(last_ms) = last_ms {
            let missed = ((now_ms - last_ms) / self.interval_ms).round() - 1.0;
            let missed = if missed >= 2.0 { (missed as usize).min(Self::HISTORY) } else { 0 };
            for back in (1..=missed).rev() {
                self.sample(now_ms - back as f64 * self.interval_ms, |_| f64::NAN);
            }
        }
        self.smooth();
        self.sample(now_ms, |value| value);
    }

    /// Readers take what is there in bursts: what goes out is told as a mean over the last few snapshots.
    fn smooth(&mut self) {
        let mean = |mean: &mut f64, now: f64| {
            *mean = if mean.is_finite() { *mean + Self::NEWEST_WEIGHT * (now - *mean) } else { now };
        };
        mean(&mut self.records_out_per_s, self.totals.records_out_per_s);
        mean(&mut self.bytes_out_per_s, self.totals.bytes_out_per_s);
        for topic in self.topics.values_mut() {
            mean(&mut topic.bytes_out_per_s, topic.sums.bytes_out_per_s);
        }
    }

    fn sample(&mut self, time_ms: f64, value: impl Fn(f64) -> f64) {
        self.times_ms.push(time_ms);
        self.records_in.push(value(self.totals.records_in_per_s));
        self.records_out.push(value(self.records_out_per_s));
        for topic in self.topics.values_mut() {
            topic.records_in.push(value(topic.sums.records_in_per_s));
        }
        for group in self.groups.values_mut() {
            group.lags.push(value(group.sums.lag.and_then(Figure::value).unwrap_or(f64::NAN)));
        }
    }
}

fn moves(totals: &Totals) -> bool {
    totals.records_in_per_s > 0.0 || totals.bytes_out_per_s > 0.0 || totals.records_out_per_s > 0.0
}
