//! Plain HTTP on the same address: `/metrics` for Prometheus, `/healthz` and `/readyz` for whoever keeps processes alive.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;

use crate::metrics;
use crate::operations::Operations;

/// The plain pages. Everything else is gRPC.
pub fn routes(operations: Operations) -> Router {
    Router::new()
        .route("/metrics", get(show_metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(show_ready))
        .with_state(operations)
}

async fn show_metrics(State(operations): State<Operations>) -> impl IntoResponse {
    // Figures take every partition's lock once, and time lags read the disk.
    let text = tokio::task::spawn_blocking(move || metrics::render(&operations)).await;
    match text {
        Ok(text) => (StatusCode::OK, [(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text),
        Err(error) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
            format!("{error}\n"),
        ),
    }
}

async fn show_ready(State(operations): State<Operations>) -> impl IntoResponse {
    match operations.ready() {
        true => (StatusCode::OK, "ready\n"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
    }
}
