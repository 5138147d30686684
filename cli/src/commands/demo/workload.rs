//! What the demo writes: invented records of a small shop, at rates that rise and fall. Plain arithmetic, no clock.

use std::fmt::Write;
use std::time::Duration;

use runnel_proto::records::Compression;

/// One topic of the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stream {
    pub(super) topic: &'static str,
    pub(super) partitions: i32,
    pub(super) compression: Compression,
    /// Records a second, on average.
    pub(super) records_per_s: u32,
    /// From one peak of the rate to the next.
    pub(super) period: Duration,
    pub(super) kind: Kind,
}

/// What its records look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Order,
    Click,
    Payment,
    LogLine,
}

/// Everything that is written.
pub(super) const STREAMS: [Stream; 4] = [
    Stream {
        topic: "orders",
        partitions: 6,
        compression: Compression::None,
        records_per_s: 240,
        period: Duration::from_secs(40),
        kind: Kind::Order,
    },
    Stream {
        topic: "clicks",
        partitions: 8,
        compression: Compression::Lz4,
        records_per_s: 2400,
        period: Duration::from_secs(90),
        kind: Kind::Click,
    },
    Stream {
        topic: "payments",
        partitions: 3,
        compression: Compression::None,
        records_per_s: 60,
        period: Duration::from_secs(25),
        kind: Kind::Payment,
    },
    Stream {
        topic: "app-logs",
        partitions: 4,
        compression: Compression::Zstd,
        records_per_s: 700,
        period: Duration::from_secs(60),
        kind: Kind::LogLine,
    },
];

/// A record before it is in a batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Invented {
    /// Empty: the record has no key.
    pub(super) key: String,
    pub(super) value: String,
    pub(super) header: Option<(&'static str, &'static str)>,
}

impl Stream {
    /// Records a second, `elapsed` after the start: half as many again at the peak, half as many between peaks.
    pub(super) fn rate(&self, elapsed: Duration) -> f64 {
        let phase = elapsed.as_secs_f64() / self.period.as_secs_f64() * std::f64::consts::TAU;
        f64::from(self.records_per_s) * (1.0 + 0.5 * phase.sin())
    }
}

/// Turns a rate into whole records: what is left of one tick counts in the next.
#[derive(Debug, Default)]
pub(super) struct Pace {
    due: f64,
}

impl Pace {
    /// How many records are due after another `tick` at this rate.
    pub(super) fn take(&mut self, records_per_s: f64, tick: Duration) -> usize {
        self.due += records_per_s * tick.as_secs_f64();
        let whole = self.due.floor();
        self.due -= whole;
        whole as usize
    }
}

/// Invents records; the same seed invents the same.
#[derive(Debug)]
pub(super) struct Inventor {
    kind: Kind,
    dice: Dice,
    made: u64,
}

impl Inventor {
    pub(super) fn new(kind: Kind, seed: u64) -> Self {
        Self { kind, dice: Dice(seed), made: 0 }
    }

    /// Writes the next record over the last one.
    pub(super) fn next(&mut self, record: &mut Invented, time_ms: i64) {
        self.made += 1;
        record.key.clear();
        record.value.clear();
        record.header = None;
        // Writing to a string can't fail.
        let _ = match self.kind {
            Kind::Order => self.order(record, time_ms),
            Kind::Click => self.click(record, time_ms),
            Kind::Payment => self.payment(record, time_ms),
            Kind::LogLine => self.log_line(record, time_ms),
        };
    }

    fn order(&mut self, record: &mut Invented, time_ms: i64) -> std::fmt::Result {
        const ITEMS: [&str; 6] = ["kettle", "lamp", "blanket", "notebook", "bicycle bell", "tea"];
        let (order, customer) = (self.made, self.dice.below(5000));
        let (item, quantity, cents) =
            (self.dice.pick(&ITEMS), 1 + self.dice.below(4), 250 + self.dice.below(20_000));
        record.header = Some(("source", self.dice.pick(&["web", "app", "shop"])));
        write!(record.key, "customer-{customer}")?;
        write!(
            record.value,
            r#"{{"order":{order},"customer":{customer},"item":"{item}","quantity":{quantity},"total_cents":{cents},"time_ms":{time_ms}}}"#
        )
    }

    fn click(&mut self, record: &mut Invented, time_ms: i64) -> std::fmt::Result {
        const PAGES: [&str; 6] = ["/", "/search", "/basket", "/item/17", "/item/4711", "/checkout"];
        let (session, page, ms) = (self.dice.below(800), self.dice.pick(&PAGES), 3 + self.dice.below(90));
        write!(record.key, "session-{session:04x}")?;
        write!(
            record.value,
            r#"{{"session":"{session:04x}","page":"{page}","took_ms":{ms},"time_ms":{time_ms}}}"#
        )
    }

    fn payment(&mut self, record: &mut Invented, time_ms: i64) -> std::fmt::Result {
        let (payment, order, cents) = (self.made, self.dice.below(100_000), 250 + self.dice.below(20_000));
        let method = self.dice.pick(&["card", "invoice", "transfer"]);
        let state = if self.dice.below(20) == 0 { "declined" } else { "settled" };
        write!(record.key, "order-{order}")?;
        write!(
            record.value,
            r#"{{"payment":{payment},"order":{order},"method":"{method}","cents":{cents},"state":"{state}","time_ms":{time_ms}}}"#
        )
    }

    fn log_line(&mut self, record: &mut Invented, time_ms: i64) -> std::fmt::Result {
        const SAYINGS: [&str; 5] = [
            "request served",
            "cache refilled",
            "slow query",
            "retrying upstream",
            "connection closed by peer",
        ];
        let level = if self.dice.below(50) == 0 { "WARN" } else { "INFO" };
        let (host, saying, ms) = (self.dice.below(12), self.dice.pick(&SAYINGS), self.dice.below(400));
        write!(record.value, "{time_ms} {level} host-{host:02} {saying} in {ms} ms")
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014): even enough for a demo.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn pick(&mut self, choices: &[&'static str]) -> &'static str {
        choices[self.below(choices.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_stay_around_their_average() {
        for stream in STREAMS {
            let rates: Vec<f64> = (0..100).map(|step| stream.rate(stream.period * step / 100)).collect();
            let mean = rates.iter().sum::<f64>() / 100.0;
            assert!((mean / f64::from(stream.records_per_s) - 1.0).abs() < 0.01, "{}: {mean}", stream.topic);
            assert!(rates.iter().all(|&rate| rate > 0.0));
        }
    }

    #[test]
    fn a_pace_loses_nothing_to_rounding() {
        let mut pace = Pace::default();
        let made: usize = (0..1000).map(|_| pace.take(333.0, Duration::from_millis(10))).sum();
        assert!((3329..=3330).contains(&made), "{made}");
    }

    #[test]
    fn records_are_what_they_look_like() {
        for stream in STREAMS {
            let mut inventor = Inventor::new(stream.kind, 7);
            let mut record = Invented::default();
            for _ in 0..100 {
                inventor.next(&mut record, 1_782_907_200_000);
                match stream.kind {
                    Kind::LogLine => assert!(record.key.is_empty() && record.value.starts_with("178290")),
                    _ => {
                        let json: serde_json::Value = serde_json::from_str(&record.value).expect("JSON");
                        assert!(!record.key.is_empty() && json["time_ms"] == 1_782_907_200_000_i64);
                    }
                }
            }
        }
    }

    #[test]
    fn the_same_seed_invents_the_same() {
        let invent = |seed| {
            let (mut inventor, mut record) = (Inventor::new(Kind::Order, seed), Invented::default());
            inventor.next(&mut record, 0);
            record
        };
        assert_eq!(invent(1), invent(1));
        assert_ne!(invent(1), invent(2));
    }
}
