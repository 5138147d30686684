//! `runnel broker stop`.

use super::local_only;
use crate::context::Context;
use crate::failure::Failure;
use crate::local;

/// Runs it. That no broker runs is what was asked for.
pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    local_only(context, "stop")?;
    let data_dir = context.data_dir()?;
    let Some(pid) = local::broker_pid(&data_dir).await else {
        context.note(&format!("No broker runs on {}.", local::shown(&data_dir)));
        return Ok(());
    };
    local::stop_and_wait(&data_dir, pid).await.map_err(Failure::failed)?;
    context.note(&format!("The broker, process {pid}, has stopped; everything acknowledged is on disk."));
    Ok(())
}
