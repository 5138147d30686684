//! Changes of metadata: decide, persist, apply, reply. They take turns, and go through even when their caller leaves.

use std::future::Future;

use super::Operations;
use crate::clock;
use crate::error::BrokerError;
use crate::metadata::{InternalLog, MetadataImage};
use crate::types::LogRecord;

impl Operations {
    /// Makes `records` durable, then lets them change the image. The caller holds the turn.
    pub(super) async fn persist(&self, records: &[LogRecord]) -> Result<(), BrokerError> {
        if records.is_empty() {
            return Ok(());
        }
        let log = &self.shared.metadata_log;
        let next_offset = log.append_records(records, clock::now_ms())?;
        log.durable(next_offset).await?;
        let mut image = self.shared.image.write().expect("no one panics while holding the image");
        for record in records {
            image
                .replay(&record.key, record.value.as_deref())
                .map_err(|error| BrokerError::Internal { reason: error.to_string() })?;
        }
        let first = next_offset - records.len() as i64;
        self.shared.mirror.record(InternalLog::Metadata, first..next_offset, (first..).zip(records));
        Ok(())
    }

    /// Looks at the image.
    pub(super) fn image<T>(&self, look: impl FnOnce(&MetadataImage) -> T) -> T {
        look(&self.shared.image.read().expect("no one panics while holding the image"))
    }

    /// Runs a change to its end even when whoever asked for it goes away in the middle: a record that is durable and not
    /// applied would come into force at the next start only.
    pub(super) async fn unhurried<T, F>(
        &self,
        work: impl FnOnce(Self) -> F + Send + 'static,
    ) -> Result<T, BrokerError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, BrokerError>> + Send + 'static,
    {
        let operations = self.clone();
        let task = tokio::spawn(async move {
            let turn = operations.clone();
            let _turn = turn.shared.turn.lock().await;
            work(operations).await
        });
        task.await.unwrap_or_else(|error| Err(BrokerError::Internal { reason: error.to_string() }))
    }
}
