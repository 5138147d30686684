//! The dashboard in a real terminal.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use runnel_tests::harness::{Home, TestBroker, Tmux, eventually};
use serde_json::Value;

/// A broker with two topics, one group up to date and one that lags.
fn busy_broker() -> TestBroker {
    let broker = TestBroker::start();
    for (topic, partitions) in [("orders", "3"), ("clicks", "1")] {
        broker.runnel(["topic", "create", topic, "-p", partitions]).run().ok();
        let input: String = (0..500).map(|number| format!("{number}:{number}\n")).collect();
        broker.runnel(["produce", topic, "-K", ":"]).input(input).run().ok();
    }
    broker.runnel(["consume", "orders", "-g", "billing", "-e"]).run().ok();
    broker.runnel(["consume", "clicks", "-g", "laggard", "-n", "20"]).run().ok();
    broker
}

/// The dashboard of a broker in a terminal of 80×24; `None` without tmux.
fn open(broker: &TestBroker, test: &str) -> Option<Tmux> {
    let tmux = Tmux::open(broker.home(), (80, 24), test)?;
    tmux.type_line("$RUNNEL");
    tmux.wait_for("● live");
    Some(tmux)
}

/// Waits until the terminal is the shell's again, echo and cursor included.
fn expect_restored(tmux: &Tmux) {
    eventually("the shell's screen", || if tmux.is_full_screen() { Err(tmux.screen()) } else { Ok(()) });
    tmux.type_line("stty -a | tr ' ;' '\\n\\n' | grep -xE 'echo|icanon|isig' | tr '\\n' +; echo done");
    tmux.wait_for("isig+icanon+echo+done");
    assert!(tmux.has_cursor(), "the cursor is hidden");
}

#[test]
fn every_screen_is_reached_by_keys() {
    let broker = busy_broker();
    let Some(tmux) = open(&broker, "every_screen_is_reached_by_keys") else { return };
    let overview = tmux.wait_for("laggard");
    for words in ["orders", "clicks", "billing", "consumer groups", "events"] {
        assert!(overview.contains(words), "no {words}:\n{overview}");
    }
    tmux.press(&["?"]);
    tmux.wait_for("one row down, up");
    tmux.press(&["Escape"]);
    tmux.wait_without("one row down, up");

    tmux.press(&["t"]);
    let topics = tmux.wait_without("consumer groups");
    assert!(topics.contains("orders") && topics.contains("clicks"), "{topics}");
    tmux.press(&["/", "o", "r", "d", "Enter", "Enter"]);
    tmux.wait_until("three partitions", |screen| ["0", "1", "2"].iter().all(|row| row_begins(screen, row)));
    tmux.press(&["Escape"]);
    tmux.press(&["c"]);
    tmux.wait_until("the groups", |screen| screen.contains("billing") && screen.contains("laggard"));
    tmux.press(&["Enter"]);
    tmux.wait_for("change →");
    tmux.press(&["o"]);
    tmux.wait_for("events");
    tmux.press(&["q"]);
    expect_restored(&tmux);
}

/// Whether some row inside a frame begins with this cell.
fn row_begins(screen: &str, cell: &str) -> bool {
    screen
        .lines()
        .any(|line| line.split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty()) == Some(cell))
}

#[test]
fn a_filter_narrows_a_list_and_escape_clears_it() {
    let broker = busy_broker();
    let Some(tmux) = open(&broker, "a_filter_narrows_a_list_and_escape_clears_it") else { return };
    tmux.press(&["t"]);
    tmux.wait_until("both", |screen| screen.contains("orders") && screen.contains("clicks"));
    tmux.press(&["/"]);
    tmux.press(&["o", "r", "q"]);
    tmux.wait_for("0 of 2");
    tmux.press(&["BSpace"]);
    tmux.wait_until("one", |screen| screen.contains("orders") && !screen.contains("clicks"));
    tmux.press(&["Enter"]);
    tmux.wait_for("1 of 2");
    tmux.press(&["/"]);
    tmux.press(&["Escape"]);
    tmux.wait_for("clicks");
}

#[test]
fn new_records_are_seen_and_a_frozen_screen_holds_still() {
    let broker = busy_broker();
    let Some(tmux) = open(&broker, "new_records_are_seen_and_a_frozen_screen_holds_still") else { return };
    broker.runnel(["topic", "create", "newborn"]).run().ok();
    broker.produce("newborn", "a\n");
    tmux.press(&["t"]);
    tmux.wait_for("newborn");
    tmux.press(&["f"]);
    tmux.wait_for("FROZEN");
    broker.runnel(["topic", "create", "unseen"]).run().ok();
    // Two snapshots later it would have been there.
    tmux.wait_until("two frozen seconds", |screen| {
        screen.contains("FROZEN 2s") || screen.contains("FROZEN 3s")
    });
    assert!(!tmux.screen().contains("unseen"));
    tmux.press(&["f"]);
    tmux.wait_for("unseen");
}

#[test]
fn a_lost_broker_is_told_and_found_again() {
    let mut broker = busy_broker();
    let Some(tmux) = open(&broker, "a_lost_broker_is_told_and_found_again") else { return };
    tmux.wait_for("laggard");
    broker.kill();
    let lost = tmux.wait_for("no broker");
    assert!(lost.contains("laggard"), "the last figures stay:\n{lost}");
    tmux.wait_for("stale");
    broker.start_again();
    tmux.press(&["r"]);
    tmux.wait_until("life", |screen| screen.contains("● live") && !screen.contains("no broker"));
    broker.produce("reborn", "a\n");
    tmux.wait_for("reborn");
    tmux.press(&["q"]);
    expect_restored(&tmux);
}

#[test]
fn every_size_down_to_a_small_one_is_drawn() {
    let broker = busy_broker();
    let Some(tmux) = open(&broker, "every_size_down_to_a_small_one_is_drawn") else { return };
    for (columns, rows) in [(200, 60), (120, 40), (80, 24), (40, 10), (10, 3), (80, 24)] {
        tmux.resize(columns, rows);
        eventually("a frame of this size", || {
            let screen = tmux.screen();
            let drawn = screen.lines().next().is_some_and(|line| !line.trim().is_empty());
            if drawn && !screen.contains("panicked") { Ok(()) } else { Err(screen) }
        });
    }
    tmux.wait_for("● live");
    tmux.press(&["q"]);
    expect_restored(&tmux);
}

#[test]
fn the_terminal_is_given_back_on_every_way_out() {
    let broker = busy_broker();
    let Some(tmux) = open(&broker, "the_terminal_is_given_back_on_every_way_out") else { return };
    tmux.press(&["C-c"]);
    expect_restored(&tmux);
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        tmux.type_line("clear; sh -c 'echo $$ > pid; exec \"$RUNNEL\" dash'");
        tmux.wait_for("● live");
        let pid = std::fs::read_to_string(broker.home().path().join("pid")).unwrap().trim().parse().unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
        expect_restored(&tmux);
    }
    tmux.type_line("clear; $RUNNEL dash");
    tmux.wait_for("● live");
    tmux.press(&["C-z"]);
    expect_restored(&tmux);
    tmux.type_line("fg");
    tmux.wait_for("● live");
    tmux.press(&["q"]);
    expect_restored(&tmux);
}

#[test]
fn without_a_broker_it_says_so_and_waits_for_one() {
    let home = Home::new();
    let Some(tmux) = Tmux::open(&home, (80, 24), "without_a_broker_it_says_so_and_waits_for_one") else {
        return;
    };
    tmux.type_line("$RUNNEL dash");
    tmux.wait_for("no broker");
    let data_dir = home.data_dir();
    let mut broker = home.runnel(["broker", "--listen", "127.0.0.1:0", "--data"]).arg(&data_dir).spawn();
    tmux.wait_for("● live");
    tmux.press(&["q"]);
    expect_restored(&tmux);
    broker.kill();
}

#[test]
fn on_a_terminal_records_are_escaped_and_deletions_asked_for() {
    let broker = TestBroker::start();
    let Some(tmux) =
        Tmux::open(broker.home(), (80, 24), "on_a_terminal_records_are_escaped_and_deletions_asked_for")
    else {
        return;
    };
    broker.produce("t", "\u{1b}[31mred\u{7}\n");
    tmux.type_line("$RUNNEL consume t -e");
    tmux.wait_for("[31mred");
    tmux.type_line("clear; $RUNNEL topic delete t");
    tmux.wait_for("[y/N]");
    tmux.type_line("n");
    tmux.wait_for("nothing was changed");
    assert_eq!(broker.runnel(["topic", "list", "-o", "name"]).run().ok().text(), "t\n");
    tmux.type_line("clear; $RUNNEL topic delete t");
    tmux.wait_for("[y/N]");
    tmux.type_line("y");
    tmux.wait_for("t deleted");
}

#[test]
fn one_picture_is_printed_as_text_and_as_data() {
    let broker = busy_broker();
    let text = broker.runnel(["dash", "--once", "--size", "120x40"]).run().ok().quiet();
    assert_eq!(text.lines().len(), 40);
    for words in ["orders", "clicks", "laggard", "consumer groups"] {
        assert!(text.text().contains(words), "no {words}:\n{}", text.text());
    }
    assert!(!text.text().contains('\u{1b}'));

    let data = broker.runnel(["dash", "--once", "-o", "json"]).run().ok().quiet().json();
    assert_eq!(data["totals"]["topics"], 2);
    let worst = &data["groups"][0];
    assert_eq!((&worst["group"], worst["lag"].as_f64()), (&Value::from("laggard"), Some(480.0)), "{data}");
    let topics: Vec<&str> =
        data["topics"].as_array().unwrap().iter().filter_map(|row| row["name"].as_str()).collect();
    assert!(topics.contains(&"orders") && !topics.contains(&"__consumer_offsets"), "{topics:?}");

    let nobody = broker.runnel(["dash", "--once", "-b", "127.0.0.1:1"]).run().exits_with(3);
    nobody.says("127.0.0.1:1").says_one_line();
    broker.runnel(["dash", "--size", "80x24"]).run().exits_with(2);
}

#[test]
fn without_a_terminal_or_a_verb_the_help_is_shown() {
    let home = Home::new();
    home.runnel::<&str>([]).run().exits_with(2).says("Usage");
}

#[test]
fn without_a_terminal_the_live_dashboard_writes_nothing_and_names_the_picture() {
    let broker = TestBroker::start();
    let refused = broker.runnel(["dash"]).run().exits_with(2).says("--once").says_one_line();
    assert_eq!(refused.text(), "");
}

#[test]
fn a_demo_outlives_what_people_try_on_it() {
    let home = Home::new();
    let mut demo = home.runnel(["demo", "--duration", "8s", "--size", "120x40"]).spawn();
    demo.wait_for_stderr("leaves nothing behind");
    let said = demo.stderr();
    let address = said.split_whitespace().find(|word| word.starts_with("127.0.0.1:"));
    let address = address.expect("the demo tells where it listens").trim_end_matches(';').to_owned();
    eventually("the demo's topics", || {
        let deleted = home.runnel(["-b", &address, "topic", "delete", "clicks", "--yes"]).run();
        (deleted.code == Some(0)).then_some(()).ok_or_else(|| deleted.shown())
    });
    let ended = demo.wait().ok();
    assert!(ended.text().contains("orders"), "{}", ended.shown());
}
