//! `runnel broker`: serves in the foreground until it is told to stop.

use std::io;

use runnel_broker::config::BrokerConfig;
use runnel_broker::{Broker, BrokerOptions};
use runnel_proto::client::Address;
use tracing_subscriber::EnvFilter;

use crate::args::{LogFormat, ServeArgs};
use crate::context::Context;
use crate::failure::Failure;
use crate::local;
use crate::signals::Interrupts;

/// A broker that was started on demand leaves after so long without clients: coming back takes it no time.
const AUTOSTARTED_IDLE_EXIT_MS: &str = "600000";

/// Runs it.
pub(super) async fn run(context: &Context, args: ServeArgs) -> Result<(), Failure> {
    let config = load_config(&args)?;
    for address in &args.listen {
        address.parse::<Address>().map_err(|error| Failure::usage(format!("--listen: {error}")))?;
    }
    let listen = listen_on(&args, &config);
    // Caught before the start: a signal that comes meanwhile must not be lost.
    let mut interrupts =
        Interrupts::catch().map_err(|error| Failure::failed(format!("can't catch signals: {error}")))?;
    log_to_stderr(context, args.log_format)?;
    let data_dir = context.data_dir()?;
    let options = BrokerOptions {
        data_dir: data_dir.clone(),
        listen,
        config,
        insecure: args.insecure,
        autostarted: args.autostarted,
    };
    let broker = Broker::start(options).await.map_err(|error| match error.is_locked() && args.launched {
        true => Failure { exit_code: local::EXIT_LOCKED, message: error.to_string() },
        false => Failure::failed(error.to_string()),
    })?;
    tracing::info!("serves {} on {}", local::shown(&data_dir), broker.addresses().join(" "));
    broker
        .run_until(async move { interrupts.next().await })
        .await
        .map_err(|error| Failure::failed(error.to_string()))
}

fn load_config(args: &ServeArgs) -> Result<BrokerConfig, Failure> {
    let idle_exit =
        args.autostarted.then(|| ("idle.exit.ms".to_owned(), AUTOSTARTED_IDLE_EXIT_MS.to_owned()));
    let given = args.settings.iter().map(|setting| (setting.key.clone(), setting.value.clone()));
    // The last one of a key holds, so whoever starts a broker on demand can still choose another time.
    let sets: Vec<(String, String)> = idle_exit.into_iter().chain(given).collect();
    BrokerConfig::load(args.config.as_deref(), &sets).map_err(|error| Failure::usage(error.to_string()))
}

/// The command line's addresses, else the configuration's; none for an auto-started broker, whose clients are all local.
fn listen_on(args: &ServeArgs, config: &BrokerConfig) -> Vec<String> {
    match args.listen.is_empty() {
        false => args.listen.clone(),
        true if args.autostarted => Vec::new(),
        true => config.listeners.iter().map(ToString::to_string).collect(),
    }
}

/// Sends what the broker has to tell to standard error; RUNNEL_LOG says how much.
fn log_to_stderr(context: &Context, format: LogFormat) -> Result<(), Failure> {
    let level = match (context.quiet, context.verbose) {
        (true, _) => "warn",
        (false, 0) => "info",
        (false, 1) => "debug",
        (false, _) => "trace",
    };
    let wanted = std::env::var("RUNNEL_LOG").ok().filter(|text| !text.is_empty());
    let filter = EnvFilter::try_new(wanted.as_deref().unwrap_or(level)).map_err(|error| {
        Failure::usage(format!("RUNNEL_LOG is no log filter: {error}; write one like `info`"))
    })?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(context.colors_stderr()).with_target(false).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    Ok(())
}
