//! The local broker is simply there: started on demand, once, and gone when nobody needs it.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use runnel_tests::harness::{Home, eventually};

/// `runnel` that may start a broker.
fn runnel<const N: usize>(home: &Home, args: [&str; N]) -> runnel_tests::harness::Runnel {
    home.runnel(args).env("RUNNEL_AUTOSTART", "auto")
}

#[test]
fn producing_without_a_broker_starts_one_that_stays() {
    let home = Home::new();
    runnel(&home, ["produce", "t"]).input("a\n").run().ok();
    let pid = home.broker_pid().expect("a broker runs");
    assert_eq!(home.runnel(["consume", "t", "-e"]).run().ok().text(), "a\n");
    let info = home.runnel(["cluster", "info", "-o", "json"]).run().ok().json();
    assert_eq!(info["brokers"][0]["pid"], pid);
    assert_eq!(info["brokers"][0]["autostarted"], true);
    let listeners = info["brokers"][0]["listeners"].as_array().expect("listeners").clone();
    assert!(
        listeners.iter().all(|listener| listener.as_str().is_some_and(|text| text.starts_with("unix:"))),
        "{info}"
    );
}

#[test]
fn the_default_directory_is_in_the_users_home() {
    let home = Home::new();
    runnel(&home, ["produce", "t"]).env_remove("RUNNEL_DATA").input("a\n").run().ok();
    assert!(home.path().join(".local/share/runnel/broker.sock").exists());
    runnel(&home, ["broker", "stop"]).env_remove("RUNNEL_DATA").run().ok();
    let elsewhere = home.path().join("xdg");
    runnel(&home, ["topic", "create", "t"])
        .env_remove("RUNNEL_DATA")
        .env("XDG_DATA_HOME", &elsewhere)
        .run()
        .ok();
    assert!(elsewhere.join("runnel/broker.sock").exists());
    runnel(&home, ["broker", "stop"]).env_remove("RUNNEL_DATA").env("XDG_DATA_HOME", &elsewhere).run().ok();
}

#[test]
fn many_commands_at_once_end_with_one_broker() {
    let home = Home::new();
    let mut writers: Vec<_> = (0..8)
        .map(|number| {
            let mut writer = runnel(&home, ["produce", "t"]).spawn();
            writer.write(format!("{number}\n"));
            writer.close_stdin();
            writer
        })
        .collect();
    for writer in &mut writers {
        writer.wait().ok();
    }
    let output = home.runnel(["consume", "t", "-e"]).run().ok();
    let mut lines = output.lines();
    lines.sort_unstable();
    assert_eq!(lines, ["0", "1", "2", "3", "4", "5", "6", "7"]);
    let info = home.runnel(["cluster", "info", "-o", "json"]).run().ok().json();
    assert_eq!(info["brokers"][0]["pid"], home.broker_pid().expect("a broker runs"));
}

#[test]
fn where_it_is_forbidden_the_command_fails_and_leaves_nothing() {
    let home = Home::new();
    let refused = runnel(&home, ["produce", "t", "--no-autostart"]).input("a\n").run().exits_with(3);
    refused.says("runnel broker start").says_one_line();
    home.runnel(["topic", "list"]).run().exits_with(3).says_one_line();
    runnel(&home, ["topic", "list"]).env("RUNNEL_AUTOSTART", "never").run().exits_with(3);
    assert!(!home.data_dir().exists());
}

#[test]
fn start_status_and_stop_manage_it() {
    let home = Home::new();
    let down = home.runnel(["broker", "status", "-o", "json"]).run().exits_with(1).json();
    assert_eq!(down["running"], false);
    home.runnel(["broker", "stop"]).run().ok().says("No broker");

    let started = home.runnel(["broker", "start", "--listen", "127.0.0.1:0"]).run().ok();
    let pid = home.broker_pid().expect("a broker runs");
    assert!(
        started.text().contains(&pid.to_string()) && started.text().contains("127.0.0.1:"),
        "{}",
        started.text()
    );
    assert!(home.runnel(["broker", "start"]).run().ok().text().contains("runs already"));
    home.runnel(["broker", "start", "--listen", "127.0.0.1:0"])
        .run()
        .exits_with(1)
        .says("runnel broker stop");
    let up = home.runnel(["broker", "status", "-o", "json"]).run().ok().json();
    assert_eq!((&up["running"], &up["cluster"]["brokers"][0]["pid"]), (&true.into(), &pid.into()));

    home.runnel(["produce", "t"]).input("a\n").run().ok();
    home.runnel(["broker", "stop"]).run().ok();
    assert_eq!(home.broker_pid(), None);
    assert!(!home.data_dir().join("broker.sock").exists());
    runnel(&home, ["consume", "t", "-e"]).run().ok();
}

#[test]
fn managing_is_about_the_local_broker_only() {
    let home = Home::new();
    for verb in ["start", "stop"] {
        home.runnel(["broker", verb, "-b", "127.0.0.1:1"]).run().exits_with(2).says("127.0.0.1:1");
    }
}

#[test]
fn a_broker_that_was_killed_is_started_again() {
    let home = Home::new();
    runnel(&home, ["produce", "t"]).input("a\n").run().ok();
    let pid = home.broker_pid().expect("a broker runs");
    kill(Pid::from_raw(pid), Signal::SIGKILL).expect("it runs");
    eventually("its end", || home.broker_pid().map_or(Ok(()), |pid| Err(pid.to_string())));
    assert!(home.data_dir().join("broker.sock").exists(), "what is left behind is in nobody's way");
    runnel(&home, ["produce", "t"]).input("b\n").run().ok();
    assert_eq!(runnel(&home, ["consume", "t", "-e"]).run().ok().text(), "a\nb\n");
}

#[test]
fn an_idle_broker_leaves_and_nothing_is_lost() {
    let home = Home::new();
    let start = ["broker", "--autostarted", "--set", "idle.exit.ms=300"];
    let mut broker = home.runnel(start).spawn();
    eventually("its socket", || {
        if home.data_dir().join("broker.sock").exists() { Ok(()) } else { Err(broker.shown()) }
    });
    home.runnel(["produce", "t"]).input("a\n").run().ok();
    broker.wait().ok().says("leaves");
    assert_eq!(runnel(&home, ["consume", "t", "-e"]).run().ok().text(), "a\n");
}

#[test]
fn why_a_broker_could_not_start_is_told() {
    let home = Home::new();
    std::fs::create_dir(home.data_dir()).expect("a directory");
    home.write("data/letters.txt", "not ours");
    let refused = runnel(&home, ["produce", "t"]).input("a\n").run().exits_with(3);
    refused.says("not Runnel's").says_one_line();
    let kept: Vec<_> = std::fs::read_dir(home.data_dir()).expect("a directory").collect();
    assert_eq!(kept.len(), 1, "a foreign directory is left as it was: {kept:?}");
}

#[test]
fn a_directory_too_deep_for_a_socket_is_refused_at_once() {
    let home = Home::new();
    let deep = home.path().join("d".repeat(100));
    let refused = runnel(&home, ["topic", "list"]).env("RUNNEL_DATA", &deep).run();
    refused.exits_with(3).says("107").says("--data").says_one_line();
    assert!(!deep.exists());
}
