//! Transactions: who is a producer, what takes part, how it ends, and what can be seen of it.

use super::Operations;
use crate::coordinator::group::{NamedPartition, TransactionalCommitRequest};
use crate::coordinator::transaction::{
    AddRequest, EndRequest, InitRequest, Producer, Target, TransactionDescription, TransactionFilter,
    TransactionSummary,
};
use crate::coordinator::transaction_runtime::{Pass, Transactions};
use crate::error::BrokerError;

impl Operations {
    /// Makes the caller a producer: with a transactional id the only one of that name, whoever was it before is fenced.
    pub async fn init_producer(&self, request: InitRequest) -> Result<Producer, BrokerError> {
        self.transactions().init(request).await
    }

    /// Lets partitions take part in the producer's transaction, all or none: when one does not exist, each of them has its own
    /// outcome and nothing has changed.
    pub async fn add_partitions_to_transaction(
        &self,
        transactional_id: String,
        producer: Producer,
        partitions: Vec<NamedPartition>,
    ) -> Result<Vec<Result<(), BrokerError>>, BrokerError> {
        let mut outcomes: Vec<_> = partitions
            .iter()
            .map(|partition| {
                let topic = self.registry().topic(&partition.topic)?;
                topic.writable_partition(partition.partition).map(|_| ())
            })
            .collect();
        if outcomes.iter().any(Result::is_err) {
            for outcome in outcomes.iter_mut().filter(|outcome| outcome.is_ok()) {
                *outcome = Err(BrokerError::OperationNotAttempted);
            }
            return Ok(outcomes);
        }
        let targets = partitions.into_iter().map(Target::Partition).collect();
        self.transactions()
            .add(AddRequest { transactional_id, producer, targets, bumps_epoch: false })
            .await?;
        Ok(outcomes)
    }

    /// Lets a group take part in the producer's transaction: its offsets can then be committed within it.
    pub async fn add_offsets_to_transaction(
        &self,
        transactional_id: String,
        producer: Producer,
        group: String,
    ) -> Result<(), BrokerError> {
        let targets = vec![Target::Group(group)];
        self.transactions().add(AddRequest { transactional_id, producer, targets, bumps_epoch: false }).await
    }

    /// Lets partitions and groups take part in the producer's transaction that it is about to write to, unless they do already:
    /// so do producers whose epoch rises with each transaction, without asking first (KIP-890).
    pub async fn extend_transaction(
        &self,
        transactional_id: &str,
        producer: Producer,
        targets: Vec<Target>,
    ) -> Result<(), BrokerError> {
        if self.transactions().takes_part(transactional_id, producer, &targets) {
            return Ok(());
        }
        let transactional_id = transactional_id.to_owned();
        self.transactions().add(AddRequest { transactional_id, producer, targets, bumps_epoch: true }).await
    }

    /// Commits offsets within the producer's transaction; one outcome for each. They count when it commits. `extends`: the group
    /// takes part from now on.
    pub async fn commit_offsets_in_transaction(
        &self,
        transactional_id: &str,
        request: TransactionalCommitRequest,
        extends: bool,
    ) -> Result<Vec<Result<(), BrokerError>>, BrokerError> {
        let producer = Producer { id: request.producer_id, epoch: request.producer_epoch };
        let group = Target::Group(request.commit.group.clone());
        if extends {
            self.extend_transaction(transactional_id, producer, vec![group.clone()]).await?;
        }
        // The transaction's end reaches the group after these offsets, or they are refused here.
        let _inside = self.transactions().enter(transactional_id, producer, &group)?;
        self.groups().commit_transactional(request).await
    }

    /// Lets a batch be appended to a partition within the producer's transaction, whose end waits for as long as the result is
    /// held: until the batch is appended, no longer.
    pub fn enter_transaction(
        &self,
        transactional_id: &str,
        producer: Producer,
        partition: NamedPartition,
    ) -> Result<Pass, BrokerError> {
        self.transactions().enter(transactional_id, producer, &Target::Partition(partition))
    }

    /// Ends the producer's transaction: the outcome is durable, and reaches everybody that takes part, whatever happens.
    /// Returns who the producer is from now on.
    pub async fn end_transaction(&self, request: EndRequest) -> Result<Producer, BrokerError> {
        self.transactions().end(request).await
    }

    /// The transactional ids that fit.
    pub fn list_transactions(
        &self,
        filter: &TransactionFilter,
    ) -> Result<Vec<TransactionSummary>, BrokerError> {
        self.transactions().check()?;
        Ok(self.transactions().list(filter))
    }

    /// One transactional id.
    pub fn describe_transaction(
        &self,
        transactional_id: &str,
    ) -> Result<TransactionDescription, BrokerError> {
        let unknown =
            || BrokerError::UnknownTransactionalId { transactional_id: transactional_id.to_owned() };
        self.transactions().check()?;
        self.transactions().describe(transactional_id).ok_or_else(unknown)
    }

    fn transactions(&self) -> &Transactions {
        &self.shared.transactions
    }
}
