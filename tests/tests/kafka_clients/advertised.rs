//! A broker behind a port mapping: clients reach it at an address that it does not listen on.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use runnel_tests::clients::find;
use runnel_tests::harness::{Runnel, TestBroker};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// Forwards a port to another until it is dropped.
struct Proxy {
    port: u16,
    listener: Option<TcpListener>,
    connections: Arc<AtomicUsize>,
    runtime: Runtime,
}

impl Proxy {
    fn bind() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let port = listener.local_addr().expect("its address").port();
        Self { port, listener: Some(listener), connections: Arc::default(), runtime }
    }

    fn forward_to(&mut self, target: String) {
        let (listener, connections) = (self.listener.take().expect("once"), Arc::clone(&self.connections));
        self.runtime.spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::Relaxed);
                let target = target.clone();
                tokio::spawn(async move {
                    let mut broker = TcpStream::connect(target).await?;
                    copy_bidirectional(&mut client, &mut broker).await
                });
            }
        });
    }
}

#[test]
fn a_broker_behind_a_port_mapping_is_reached_at_its_advertised_address() {
    let Some(kcat) = find("kcat", "a_broker_behind_a_port_mapping_is_reached_at_its_advertised_address")
    else {
        return;
    };
    let mut proxy = Proxy::bind();
    let advertised = format!("localhost:{}", proxy.port);
    let broker = TestBroker::start_with(&[&format!("advertised.listeners={advertised}")]);
    let kcat = |address: &str, args: &[&str]| {
        let mut command = Command::new(&kcat);
        command.args(["-b", address]).args(args);
        Runnel::new(command)
    };
    let listed = kcat(&broker.address(), &["-L"]).run().ok();
    assert!(listed.text().contains(&format!("broker 1 at {advertised}")), "{}", listed.text());
    proxy.forward_to(broker.address());
    let outside = format!("127.0.0.1:{}", proxy.port);
    kcat(&outside, &["-P", "-t", "mapped"]).input("a\nb\n").run().ok();
    let bootstrapped = proxy.connections.load(Ordering::Relaxed);
    assert!(bootstrapped > 1, "producing took the advertised address, not the one behind it");
    let group =
        kcat(&outside, &["-G", "readers", "-e", "-X", "auto.offset.reset=earliest", "mapped"]).run().ok();
    assert_eq!(group.text(), "a\nb\n");
    assert!(proxy.connections.load(Ordering::Relaxed) > bootstrapped + 1, "so did the group");
}
