//! Plain HTTP on the same address: `/metrics` for Prometheus, `/healthz` and `/readyz` for whoever keeps processes alive.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
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

/// What is asked for at no known path: over gRPC a method, else a page.
pub async fn show_nothing(request: Request) -> Response {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    if content_type.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc")) {
        return tonic::Status::unimplemented("this broker has no such method").into_http();
    }
    let pages = "there is no such page; there are /metrics, /healthz and /readyz\n";
    (StatusCode::NOT_FOUND, pages).into_response()
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
