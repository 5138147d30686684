//! `runnel broker start`: the local broker, in the background.

use std::ffi::OsString;

use runnel_proto::text::escape;

use super::{local_only, status};
use crate::args::{LogFormat, ServeArgs};
use crate::context::Context;
use crate::failure::Failure;
use crate::local;
use crate::output;

/// Runs it.
pub(super) async fn run(context: &Context, args: ServeArgs) -> Result<(), Failure> {
    local_only(context, "start")?;
    let data_dir = context.data_dir()?;
    let socket = local::socket_path(&data_dir).map_err(Failure::usage)?;
    let runs = local::listens(&socket).map_err(Failure::unreachable)?;
    if runs && !asks_nothing(&args) {
        return Err(Failure::failed(format!(
            "a broker runs on {} already; stop it with `runnel broker stop` to start it another way",
            local::shown(&data_dir)
        )));
    }
    if !runs {
        local::start_and_wait(&data_dir, &pass_on(&args)?).await.map_err(Failure::failed)?;
    }
    let broker = status::ask(&data_dir).await?;
    let listeners: Vec<_> = broker.listeners.iter().map(|address| escape(address)).collect();
    let verb = if runs { "runs already" } else { "started" };
    output::print_text(&format!("{verb}, process {}, listens on {}\n", broker.pid, listeners.join(" ")))
}

/// Whether any broker will do.
fn asks_nothing(args: &ServeArgs) -> bool {
    args.listen.is_empty() && args.config.is_none() && args.settings.is_empty()
}

/// The same arguments for `runnel broker`; it runs in another directory.
fn pass_on(args: &ServeArgs) -> Result<Vec<OsString>, Failure> {
    let mut passed: Vec<OsString> = Vec::new();
    for address in &args.listen {
        passed.extend(["--listen".into(), address.into()]);
    }
    if let Some(file) = &args.config {
        passed.extend(["--config".into(), local::absolute(file).map_err(Failure::usage)?.into()]);
    }
    for setting in &args.settings {
        passed.extend(["--set".into(), format!("{}={}", setting.key, setting.value).into()]);
    }
    if args.insecure {
        passed.push("--insecure".into());
    }
    if args.log_format == LogFormat::Json {
        passed.extend(["--log-format".into(), "json".into()]);
    }
    Ok(passed)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{BrokerCommand, Cli, Command};

    fn parse(line: &[&str]) -> ServeArgs {
        let cli = Cli::try_parse_from(line).expect("parses");
        match cli.command {
            Some(Command::Broker(args)) => match args.command {
                Some(BrokerCommand::Start(serve)) => serve,
                _ => args.serve,
            },
            _ => panic!("not `broker`: {line:?}"),
        }
    }

    #[test]
    fn everything_is_passed_on_to_the_background() {
        let flags = [
            "--listen",
            "h:1",
            "--listen",
            "h:2",
            "--config",
            "/c",
            "--set",
            "a=b=c",
            "--insecure",
            "--log-format",
            "json",
        ];
        let started = parse(&[&["runnel", "broker", "start"], &flags[..]].concat());
        let passed = pass_on(&started).expect("passed on");
        assert_eq!(passed, flags.map(OsString::from));
        assert_eq!(
            format!("{:?}", parse(&[&["runnel", "broker"], &flags[..]].concat())),
            format!("{started:?}")
        );
    }
}
