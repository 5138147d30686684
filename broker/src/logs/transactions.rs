//! The transactions' start: their log replayed, and what it no longer knows of ended.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use runnel_proto::records::{ControlType, TransactionMarker};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::markers::write_marker;
use super::open::Opener;
use super::own::{TRANSACTIONS, coordinator_log};
use super::repair::{Repair, Replayed, Rows};
use crate::clock;
use crate::config::BrokerConfig;
use crate::coordinator::group::EndTransactionRequest;
use crate::coordinator::runtime::Groups;
use crate::coordinator::transaction::{TransactionCoordinator, TransactionSettings, skip_lost_ids};
use crate::coordinator::transaction_runtime::{self, TransactionShell, Transactions};
use crate::error::BrokerError;
use crate::metadata::Mirror;
use crate::partition::{self, Registry};
use crate::start::StartError;
use crate::types::UnixMillis;

/// What the transactions start with.
pub(super) struct Start<'a> {
    pub(super) opener: &'a Opener<'a>,
    pub(super) broker: &'a BrokerConfig,
    pub(super) mirror: &'a Arc<Mirror>,
    pub(super) shared: &'a partition::Shared,
    pub(super) registry: &'a Registry,
    pub(super) groups: &'a Groups,
}

impl Start<'_> {
    /// Replays the transactions and lets them go.
    pub(super) fn run(&self, runtime: &Handle) -> Result<(Transactions, JoinHandle<()>), StartError> {
        let epoch = self.shared.leader_epoch;
        let new = || TransactionCoordinator::new(transaction_settings(self.broker), epoch);
        let Replayed { partition, machine, refusal } =
            self.repair().run(new, TransactionCoordinator::replay)?;
        if self.broker.transactions_salvage_enable && refusal.is_none() {
            runtime.block_on(self.end_orphans(&machine))?;
        }
        let tell = self.opener.events.clone();
        let shell = TransactionShell {
            log: coordinator_log(TRANSACTIONS, partition, Arc::clone(self.mirror)),
            write_marker: write_marker(self.registry.clone(), self.groups.clone()),
            on_event: Box::new(move |message: String| tell.tell(clock::now_ms(), &message)),
        };
        let _in_runtime = runtime.enter();
        let now_ms = clock::now_ms();
        let (transactions, task) = transaction_runtime::start(machine, shell, now_ms);
        Ok(match refusal {
            Some(error) => (transactions.refusing(error, stopgap_ids(now_ms)), task),
            None => (transactions, task),
        })
    }

    fn repair(&self) -> Repair<'_> {
        Repair {
            opener: self.opener,
            mirror: self.mirror,
            shared: self.shared,
            registry: self.registry,
            own: TRANSACTIONS,
            refused: "transactions",
            setting: "transactions.salvage.enable",
            goes_on: self.broker.transactions_salvage_enable,
            loss: "transactions that were open are aborted, and one that was being committed may be in part",
            amend: |rows: &mut Rows, lost| skip_lost_ids(rows, lost),
        }
    }

    /// Aborts what is open in partitions and groups and known to no transactional id: nobody else would ever end it, and readers
    /// of committed records would wait for it.
    async fn end_orphans(&self, machine: &TransactionCoordinator) -> Result<(), BrokerError> {
        let mut ended = 0;
        for partition in self.registry.all().iter().flat_map(|topic| &topic.partitions) {
            // One that is quarantined serves nobody.
            for producer in partition.producers().unwrap_or_default() {
                if producer.transaction_start.is_none() || machine.is_under_way(producer.producer_id) {
                    continue;
                }
                let abort = TransactionMarker {
                    control_type: ControlType::Abort,
                    coordinator_epoch: self.shared.leader_epoch,
                };
                let (id, epoch) = (producer.producer_id, producer.epoch);
                let appended = partition.append_marker(id, epoch, abort, false, clock::now_ms())?;
                partition.durable(appended.next_offset).await?;
                ended += 1;
            }
        }
        if self.groups.check().is_ok() {
            for (group, producer_id, producer_epoch) in self.groups.pending_producers() {
                if !machine.is_under_way(producer_id) {
                    let end = EndTransactionRequest { group, producer_id, producer_epoch, commit: false };
                    self.groups.end_transaction(end).await?;
                    ended += 1;
                }
            }
        }
        if ended > 0 {
            let message = format!("{ended} parts of transactions that nobody knows any more were aborted");
            self.opener.events.warn(clock::now_ms(), &message);
        }
        Ok(())
    }
}

/// Ids for producers without a transactional id while none can be reserved: far above all that ever are, and above those of an
/// earlier start, which gave out fewer than a million for each millisecond since.
fn stopgap_ids(now_ms: UnixMillis) -> AtomicI64 {
    AtomicI64::new((1 << 62) + (now_ms.clamp(0, (1 << 42) - 1) << 20))
}

fn transaction_settings(config: &BrokerConfig) -> TransactionSettings {
    TransactionSettings {
        max_timeout_ms: config.transaction_max_timeout_ms,
        expiration_ms: config.transactional_id_expiration_ms.into(),
        ..TransactionSettings::default()
    }
}
