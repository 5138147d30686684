//! A broker's life: what starts in which order, and what stops in which.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::BrokerConfig;
use crate::connections::Connections;
use crate::data_dir::DataDir;
use crate::error::BrokerError;
use crate::listener::Listener;
use crate::logs::Logs;
use crate::operations::{BrokerInfo, Operations, Parts};
use crate::partition::Fatal;
use crate::start::StartError;
use crate::{clock, grpc, http, upkeep};

/// How often an auto-started broker asks itself whether anybody still needs it.
const IDLE_CHECK: Duration = Duration::from_secs(1);

/// What a broker is started with.
#[derive(Debug)]
pub struct BrokerOptions {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// TCP addresses to listen on, as `HOST:PORT`; port 0 takes a free one. The Unix socket in the data directory is always
    /// there.
    pub listen: Vec<String>,
    /// The settings of the configuration file and the command line.
    pub config: BrokerConfig,
    /// Listen beyond loopback although there is neither TLS nor authentication.
    pub insecure: bool,
    /// Started by a client because none was running: leaves by itself when idle.
    pub autostarted: bool,
}

/// A broker that runs.
pub struct Broker {
    operations: Operations,
    logs: Logs,
    fatal: Fatal,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    // Last: the lock on the data directory is given back when all else is gone.
    data_dir: DataDir,
}

impl Broker {
    /// Starts a broker: it answers on all its addresses on return.
    pub async fn start(options: BrokerOptions) -> Result<Self, StartError> {
        let data_dir = DataDir::open(&options.data_dir)?;
        let addresses = resolve(&options.listen, options.insecure)?;
        let mut listeners = Vec::with_capacity(addresses.len() + 1);
        let mut shown = Vec::with_capacity(addresses.len() + 1);
        for (text, address) in addresses {
            let (listener, bound) = bind(&text, address).await?;
            listeners.push(listener);
            shown.push(bound.to_string());
        }
        let fatal = Fatal::default();
        let (stop, stopping) = watch::channel(false);
        let (logs, opened) = Logs::open(data_dir.path(), &options.config, fatal.clone()).await?;
        let socket = data_dir.socket();
        let unix = Listener::unix(&socket).map_err(|error| StartError::Listen {
            address: format!("unix:{}", socket.display()),
            reason: unix_reason(&error, &socket),
        })?;
        listeners.push(unix);
        shown.push(format!("unix:{}", socket.display()));
        let operations = Operations::new(Parts {
            disk: opened.disk,
            registry: opened.registry,
            partitions: opened.partitions,
            image: opened.image,
            metadata_log: opened.metadata_log,
            mirror: opened.mirror,
            groups: opened.groups,
            transactions: opened.transactions,
            events: opened.events,
            connections: Connections::new(options.config.max_connections),
            stop: stopping.clone(),
            broker: BrokerInfo {
                id: options.config.broker_id,
                version: env!("CARGO_PKG_VERSION"),
                listeners: shown,
                data_dir: data_dir.path().to_owned(),
                start_time_ms: clock::now_ms(),
                autostarted: options.autostarted,
            },
            config: options.config,
        })?;
        let router = grpc::routes(&operations)
            .await
            .into_axum_router()
            .merge(http::routes(operations.clone()))
            .fallback(http::show_nothing);
        let mut tasks = JoinSet::new();
        for listener in listeners {
            tasks.spawn(listener.serve(router.clone(), operations.clone(), stopping.clone()));
        }
        tasks.spawn(logs.checkpoints(operations.clone()));
        tasks.spawn(upkeep::run(operations.clone()));
        tasks.spawn(upkeep::scrub(operations.clone()));
        tasks.spawn(forget_gone_topics(operations.clone()));
        if options.autostarted {
            tasks.spawn(leave_when_idle(operations.clone(), stop.clone()));
        }
        Ok(Self { operations, logs, fatal, stop, tasks, data_dir })
    }

    /// Where the broker listens, as `HOST:PORT` and `unix:PATH`.
    pub fn addresses(&self) -> &[String] {
        &self.operations.broker().listeners
    }

    /// Serves until `shutdown` comes, the disk fails, or an auto-started broker is idle; then stops in order.
    ///
    /// # Errors
    /// The disk failed: nothing more was acknowledged, and the next start verifies the logs.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> Result<(), BrokerError> {
        let Self { operations, logs, fatal, stop, mut tasks, data_dir } = self;
        let failure = tokio::select! {
            () = shutdown => None,
            () = operations.stopped() => None,
            reason = fatal.raised() => Some(reason),
        };
        tracing::info!("the broker stops");
        stop.send_replace(true);
        if let Some(reason) = &failure {
            logs.abandon(reason);
        }
        while tasks.join_next().await.is_some() {}
        let closed = match failure {
            Some(reason) => Err(BrokerError::StorageFailed { reason }),
            None => logs.close().await,
        };
        if closed.is_ok() {
            tracing::info!("the broker has stopped in order; everything acknowledged is on disk");
        }
        // A socket that nobody listens on would only be an address that refuses.
        let _ = std::fs::remove_file(data_dir.socket());
        closed
    }
}

/// Finishes deletions that a crash cut short. What fails is made up for when the topic's name is used again.
async fn forget_gone_topics(operations: Operations) {
    if let Err(error) = operations.forget_gone_topics().await {
        tracing::warn!(%error, "offsets of a deleted topic could not be forgotten");
    }
}

/// Ends an auto-started broker once nobody has been connected for `idle.exit.ms`.
async fn leave_when_idle(operations: Operations, stop: watch::Sender<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(IDLE_CHECK) => {}
            () = operations.stopped() => return,
        }
        let patience_ms = operations.config().idle_exit_ms.unwrap_or(i64::MAX);
        if operations.connections().idle_ms(clock::now_ms()) >= patience_ms {
            tracing::info!("nobody has been connected for a while; the auto-started broker leaves");
            stop.send_replace(true);
            return;
        }
    }
}

fn resolve(listen: &[String], insecure: bool) -> Result<Vec<(String, SocketAddr)>, StartError> {
    let mut addresses = Vec::with_capacity(listen.len());
    for text in listen {
        let refused = |reason: String| StartError::Listen { address: text.clone(), reason };
        let found = std::net::ToSocketAddrs::to_socket_addrs(text.as_str())
            .map_err(|error| refused(format!("{error}; give HOST:PORT, as 127.0.0.1:9092")))?;
        for address in found {
            if !address.ip().is_loopback() && !insecure {
                return Err(refused(
                    "it can be reached from other machines, and there is neither TLS nor authentication; \
                     listen on 127.0.0.1, or say --insecure"
                        .into(),
                ));
            }
            addresses.push((text.clone(), address));
        }
    }
    Ok(addresses)
}

async fn bind(text: &str, address: SocketAddr) -> Result<(Listener, SocketAddr), StartError> {
    let refused = |error: io::Error| StartError::Listen {
        address: text.to_owned(),
        reason: match error.kind() {
            io::ErrorKind::AddrInUse => {
                "the address is in use; stop whoever has it or choose another with --listen".into()
            }
            _ => error.to_string(),
        },
    };
    Listener::tcp(address).await.map_err(refused)
}

fn unix_reason(error: &io::Error, socket: &std::path::Path) -> String {
    /// What fits into `sockaddr_un`, less the terminating zero.
    const LONGEST: usize = 107;
    let length = socket.as_os_str().len();
    if length > LONGEST {
        return format!(
            "its path is {length} bytes long and {LONGEST} are possible; choose a shorter --data"
        );
    }
    error.to_string()
}
