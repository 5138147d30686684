//! `runnel broker`: serves in the foreground until it is told to stop.

use std::io::{self, IsTerminal};

use runnel_broker::config::BrokerConfig;
use runnel_broker::{Broker, BrokerOptions};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::args::{LogFormat, ServeArgs};
use crate::context::{Context, say};
use crate::failure::Failure;

/// An auto-started broker leaves after so long without a client; it comes back in no time.
const IDLE_EXIT_MS: &str = "600000";

/// Runs it.
pub(super) async fn run(context: &Context, args: ServeArgs) -> Result<(), Failure> {
    start_logging(args.log_format);
    let config = load_config(&args)?;
    let listen = match args.listen.is_empty() {
        true => config.listeners.iter().map(ToString::to_string).collect(),
        false => args.listen,
    };
    let options = BrokerOptions {
        data_dir: context.data_dir()?,
        listen,
        config,
        insecure: args.insecure,
        autostarted: args.autostarted,
    };
    // Before the start, so that no signal can come too early to be seen.
    let stop = stop_signal()?;
    let broker = Broker::start(options)
        .await
        .map_err(|error| Failure { exit_code: error.exit_code(), message: error.to_string() })?;
    if !context.quiet {
        say(&format!("runnel {} serves on {}", env!("CARGO_PKG_VERSION"), broker.addresses().join(", ")));
    }
    broker.run_until(stop).await.map_err(|error| Failure::failed(error.to_string()))
}

/// Settings given for a broker that a command starts: no port, and an end. The command line may say otherwise.
fn load_config(args: &ServeArgs) -> Result<BrokerConfig, Failure> {
    let mut settings: Vec<(String, String)> = Vec::new();
    if args.autostarted {
        settings.push(("listeners".into(), String::new()));
        settings.push(("idle.exit.ms".into(), IDLE_EXIT_MS.into()));
    }
    settings.extend(args.settings.iter().map(|setting| (setting.key.clone(), setting.value.clone())));
    BrokerConfig::load(args.config.as_deref(), &settings).map_err(|error| Failure::usage(error.to_string()))
}

/// Ends with the first SIGTERM, SIGINT or SIGHUP.
fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    let listen =
        |kind| signal(kind).map_err(|error| Failure::failed(format!("can't listen to signals: {error}")));
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut hangup = listen(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}

/// Logs go to stderr; `RUNNEL_LOG` chooses what, as `info` or `runnel_broker=debug`.
fn start_logging(format: LogFormat) {
    let filter = EnvFilter::try_from_env("RUNNEL_LOG").unwrap_or_else(|_| EnvFilter::new("info,sled=warn"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    match format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
}
