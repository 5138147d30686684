//! `runnel topic create` and `alter`.

use runnel_proto::text::escape;
use runnel_proto::v1;
use serde::Serialize;

use crate::admin::{Admin, ItemError, finish};
use crate::args::{TopicAlterArgs, TopicCreateArgs};
use crate::commands::config::{apply, unique};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Report, Screen};

/// Creates topics.
pub(super) async fn run(context: &Context, args: TopicCreateArgs) -> Result<(), Failure> {
    let configs = unique(args.configs)?;
    let mut admin = Admin::connect(context).await?;
    let mut outcomes = Vec::new();
    for name in args.topics {
        let request = v1::CreateTopicRequest {
            name: name.clone(),
            partitions: args.partitions.unwrap_or(0),
            configs: configs.clone(),
            if_not_exists: args.if_not_exists,
            auto_create: false,
            validate_only: args.dry_run,
        };
        let response = admin.topics.create_topic(request).await;
        outcomes.push(Outcome::new(name, args.dry_run, response.map(tonic::Response::into_inner)));
    }
    let report = Outcomes(outcomes);
    finish(context, &report, args.output.output, report.0.iter().filter_map(|outcome| outcome.error.as_ref()))
}

#[derive(Serialize)]
struct Outcomes(Vec<Outcome>);

/// What became of one topic.
#[derive(Serialize)]
struct Outcome {
    name: String,
    id: Option<String>,
    partitions: Option<i32>,
    created: bool,
    dry_run: bool,
    error: Option<ItemError>,
}

impl Outcome {
    fn new(name: String, dry_run: bool, response: Result<v1::CreateTopicResponse, tonic::Status>) -> Self {
        match response {
            Ok(topic) => Self {
                name,
                id: Some(topic.id).filter(|id| !id.is_empty()),
                partitions: Some(topic.partitions),
                created: topic.created && !dry_run,
                dry_run,
                error: None,
            },
            Err(status) => Self {
                name,
                id: None,
                partitions: None,
                created: false,
                dry_run,
                error: Some((&status).into()),
            },
        }
    }

    fn text(&self) -> String {
        let Some(partitions) = self.partitions else { return String::new() };
        let what = match (self.created, self.dry_run) {
            (true, _) => "created",
            (false, true) => "could be created",
            (false, false) => "existed already",
        };
        let s = if partitions == 1 { "" } else { "s" };
        format!("{} {what}, {partitions} partition{s}\n", escape(&self.name))
    }
}

impl Report for Outcomes {
    fn text(&self, _screen: &Screen) -> String {
        self.0.iter().map(Outcome::text).collect()
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().filter(|outcome| outcome.error.is_none()).map(|outcome| outcome.name.clone()).collect()
    }
}

/// Changes a topic: settings first, since they are checked as a whole, then the partitions.
pub(super) async fn alter(context: &Context, args: TopicAlterArgs) -> Result<(), Failure> {
    let set = unique(args.configs)?;
    let mut admin = Admin::connect(context).await?;
    if !set.is_empty() || !args.unset.is_empty() {
        let resource = v1::config_resource::Of::Topic(args.topic.clone());
        apply(&mut admin, resource, set, args.unset, false).await?;
    }
    if let Some(total) = args.partitions {
        let request = v1::CreatePartitionsRequest { topic: args.topic.clone(), total };
        admin.topics.create_partitions(request).await?;
    }
    context.note(&format!("{} altered", escape(&args.topic)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_tell_created_from_existing() {
        let answer = |created| Ok(v1::CreateTopicResponse { id: "1".into(), partitions: 1, created });
        assert_eq!(Outcome::new("a".into(), false, answer(true)).text(), "a created, 1 partition\n");
        assert_eq!(Outcome::new("a".into(), false, answer(false)).text(), "a existed already, 1 partition\n");
        assert_eq!(Outcome::new("a".into(), true, answer(true)).text(), "a could be created, 1 partition\n");
    }
}
