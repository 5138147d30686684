//! `runnel broker`: serves in the foreground until it is told to stop.

use std::io;

use runnel_broker::config::BrokerConfig;
use runnel_broker::{Broker, BrokerOptions};
use tracing_subscriber::EnvFilter;

use crate::args::{LogFormat, ServeArgs};
use crate::context::{Context, say};
use crate::failure::Failure;
use crate::signals::Interrupts;

/// An auto-started broker leaves after so long without a client; it comes back in no time.
const IDLE_EXIT_MS: &str = "600000";

/// Runs it.
pub(super) async fn run(context: &Context, args: ServeArgs) -> Result<(), Failure> {
    start_logging(context, args.log_format)?;
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
    let mut interrupts = Interrupts::catch().map_err(|error| Failure::failed(error.to_string()))?;
    let broker = Broker::start(options)
        .await
        .map_err(|error| Failure { exit_code: error.exit_code(), message: error.to_string() })?;
    announce(context, args.log_format, broker.addresses());
    let stopped = broker.run_until(async move { interrupts.next().await }).await;
    stopped.map_err(|error| Failure::failed(error.to_string()))
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

/// Tells people that all is well; logs for programs hold nothing but JSON.
fn announce(context: &Context, format: LogFormat, addresses: &[String]) {
    let line = format!("runnel {} serves on {}", env!("CARGO_PKG_VERSION"), addresses.join(", "));
    match format {
        LogFormat::Text if context.quiet => {}
        LogFormat::Text => say(&line),
        LogFormat::Json => tracing::info!("{line}"),
    }
}

/// Logs go to stderr; `RUNNEL_LOG` chooses what, as `info` or `runnel_broker=debug`, else `-q` and `-v` do.
fn start_logging(context: &Context, format: LogFormat) -> Result<(), Failure> {
    let level = match (context.quiet, context.verbose) {
        (true, _) => "warn",
        (false, 0) => "info,sled=warn",
        (false, 1) => "debug,sled=warn,h2=info,hyper=info",
        (false, _) => "trace",
    };
    let wanted = std::env::var("RUNNEL_LOG").ok().filter(|text| !text.is_empty());
    let filter = EnvFilter::try_new(wanted.as_deref().unwrap_or(level)).map_err(|error| {
        Failure::usage(format!("RUNNEL_LOG is no log filter ({error}); write one like runnel_broker=debug"))
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(context.colors_stderr());
    match format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}
