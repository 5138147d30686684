//! `runnel group delete`.

use runnel_proto::text::escape;
use runnel_proto::v1;
use serde::Serialize;

use crate::admin::{Admin, ItemError, finish};
use crate::args::GroupDeleteArgs;
use crate::confirm::confirm;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Report, Screen};

/// Runs it.
pub(super) async fn run(context: &Context, args: GroupDeleteArgs) -> Result<(), Failure> {
    let mut admin = Admin::connect(context).await?;
    let names: Vec<_> = args.groups.iter().map(|name| escape(name)).collect();
    confirm(&format!("deletes the committed offsets of {}", names.join(", ")), args.confirm.yes)?;
    let mut outcomes = Vec::new();
    for group in args.groups {
        let response = admin.groups.delete_group(v1::DeleteGroupRequest { group: group.clone() }).await;
        let error = response.err().map(|status| ItemError::from(&status));
        outcomes.push(Outcome { group, deleted: error.is_none(), error });
    }
    let report = Outcomes(outcomes);
    finish(context, &report, args.output.output, report.0.iter().filter_map(|outcome| outcome.error.as_ref()))
}

#[derive(Serialize)]
struct Outcomes(Vec<Outcome>);

/// What became of one group.
#[derive(Serialize)]
struct Outcome {
    group: String,
    deleted: bool,
    error: Option<ItemError>,
}

impl Report for Outcomes {
    fn text(&self, _screen: &Screen) -> String {
        self.names().iter().map(|name| format!("{} deleted\n", escape(name))).collect()
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().filter(|outcome| outcome.deleted).map(|outcome| outcome.group.clone()).collect()
    }
}
