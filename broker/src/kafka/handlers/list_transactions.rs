//! `ListTransactions`: the transactional ids that fit (KIP-664, KIP-994, KIP-1152).

use runnel_proto::kafka::ErrorCode;
use runnel_proto::kafka::messages::list_transactions_response;
use runnel_proto::kafka::messages::{ListTransactionsRequest, ListTransactionsResponse};

use super::transaction_code;
use crate::coordinator::transaction::{TransactionFilter, TransactionState};
use crate::kafka::call::Call;

/// Answers a request.
pub(in crate::kafka) async fn handle(
    call: &Call,
    request: ListTransactionsRequest,
) -> ListTransactionsResponse {
    let (known, unknown): (Vec<_>, Vec<_>) =
        request.state_filters.into_iter().partition(|name| TransactionState::named(name).is_some());
    // Of states that there are not, no transaction is.
    if known.is_empty() && !unknown.is_empty() {
        return ListTransactionsResponse { unknown_state_filters: unknown, ..Default::default() };
    }
    let states = known.iter().filter_map(|name| TransactionState::named(name)).collect();
    let mut filter = TransactionFilter::new()
        .states(states)
        .producer_ids(request.producer_id_filters)
        .open_for_ms(Some(request.duration_filter));
    if let Some(pattern) = request.transactional_id_pattern.filter(|pattern| !pattern.is_empty()) {
        filter = match filter.pattern(&pattern) {
            Ok(filter) => filter,
            Err(_) => {
                let error_code = ErrorCode::InvalidRegularExpression.code();
                return ListTransactionsResponse { error_code, ..Default::default() };
            }
        };
    }
    let listed = match call.operations.list_transactions(&filter) {
        Ok(listed) => listed,
        Err(error) => {
            let error_code = transaction_code(&error).code();
            return ListTransactionsResponse { error_code, ..Default::default() };
        }
    };
    let listed = listed.into_iter().map(|transaction| list_transactions_response::TransactionState {
        transactional_id: transaction.transactional_id.into(),
        producer_id: transaction.producer_id,
        transaction_state: transaction.state.to_string().into(),
    });
    ListTransactionsResponse {
        unknown_state_filters: unknown,
        transaction_states: listed.collect(),
        ..Default::default()
    }
}
