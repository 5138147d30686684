//! `runnel topic delete`.

use runnel_proto::text::escape;
use runnel_proto::v1;
use serde::Serialize;

use crate::admin::{Admin, ItemError, finish};
use crate::args::TopicDeleteArgs;
use crate::confirm::confirm;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Report, Screen, bytes, count};

/// Runs it.
pub(super) async fn run(context: &Context, args: TopicDeleteArgs) -> Result<(), Failure> {
    let mut admin = Admin::connect(context).await?;
    let found = admin.describe_topics(args.topics.clone()).await?;
    let held: Vec<String> = found.iter().filter(|topic| topic.error.is_none()).map(holds).collect();
    if !held.is_empty() {
        confirm(&format!("deletes {}", held.join("; ")), args.confirm.yes)?;
    }
    let mut outcomes = Vec::new();
    for name in args.topics {
        let response = admin.topics.delete_topic(v1::DeleteTopicRequest { name: name.clone() }).await;
        outcomes.push(Outcome::new(name, args.if_exists, response.err()));
    }
    let report = Outcomes(outcomes);
    finish(context, &report, args.output.output, report.0.iter().filter_map(|outcome| outcome.error.as_ref()))
}

/// What is lost with a topic.
fn holds(topic: &v1::TopicDescription) -> String {
    let records =
        topic.partitions.iter().map(|partition| partition.high_watermark - partition.log_start_offset).sum();
    let size = topic.partitions.iter().map(|partition| partition.size_bytes).sum();
    format!("topic {} with {} records, {}", escape(&topic.name), count(records), bytes(size))
}

#[derive(Serialize)]
struct Outcomes(Vec<Outcome>);

/// What became of one topic.
#[derive(Serialize)]
struct Outcome {
    name: String,
    deleted: bool,
    error: Option<ItemError>,
}

impl Outcome {
    fn new(name: String, if_exists: bool, refusal: Option<tonic::Status>) -> Self {
        let Some(status) = refusal else { return Self { name, deleted: true, error: None } };
        let mut error = runnel_proto::status::from_status(&status);
        if error.code() == v1::ErrorCode::UnknownTopic {
            // The broker advises to create it.
            error.message = format!("topic {name:?} does not exist; `runnel topic list` names those that do");
        }
        let forgiven = if_exists && error.code() == v1::ErrorCode::UnknownTopic;
        Self { name, deleted: false, error: (!forgiven).then(|| error.into()) }
    }

    fn text(&self) -> String {
        match (&self.error, self.deleted) {
            (Some(_), _) => String::new(),
            (None, true) => format!("{} deleted\n", escape(&self.name)),
            (None, false) => format!("{} did not exist\n", escape(&self.name)),
        }
    }
}

impl Report for Outcomes {
    fn text(&self, _screen: &Screen) -> String {
        self.0.iter().map(Outcome::text).collect()
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().filter(|outcome| outcome.deleted).map(|outcome| outcome.name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_topic_is_an_error_unless_that_is_accepted() {
        let refusal = || {
            let error = v1::Error {
                code: v1::ErrorCode::UnknownTopic.into(),
                message: "no".into(),
                name: "a".into(),
            };
            Some(runnel_proto::status::to_status(error))
        };
        let strict = Outcome::new("a".into(), false, refusal());
        assert!(strict.error.is_some_and(|error| error.code == "UNKNOWN_TOPIC"));
        let lenient = Outcome::new("a".into(), true, refusal());
        assert_eq!((lenient.error.as_ref(), lenient.text().as_str()), (None, "a did not exist\n"));
    }
}
