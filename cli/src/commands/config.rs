//! `runnel config`: settings of the broker, of topics and of groups.

use std::collections::BTreeMap;
use std::fmt::Write;

use runnel_proto::text::escape;
use runnel_proto::v1;
use runnel_proto::v1::config_resource::Of;
use serde::Serialize;
use serde_json::Value;

use crate::admin::Admin;
use crate::args::{
    ConfigArgs, ConfigCommand, ConfigGetArgs, ConfigSetArgs, ConfigUnsetArgs, KeyValue, ResourceSpec,
};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Report, Screen, Table, bytes, duration_ms, left};

/// Runs it.
pub(crate) async fn run(context: &Context, args: ConfigArgs) -> Result<(), Failure> {
    match args.command {
        ConfigCommand::Get(args) => get(context, args).await,
        ConfigCommand::Set(args) => set(context, args).await,
        ConfigCommand::Unset(args) => unset(context, args).await,
    }
}

async fn get(context: &Context, args: ConfigGetArgs) -> Result<(), Failure> {
    let mut admin = Admin::connect(context).await?;
    let verbose = context.verbose > 0;
    let settings = describe(&mut admin, &args.resource, verbose).await?.only(&args.keys)?;
    output::print(context, &settings, args.output.output)
}

async fn set(context: &Context, args: ConfigSetArgs) -> Result<(), Failure> {
    let pairs = unique(args.settings)?;
    let keys: Vec<String> = pairs.keys().cloned().collect();
    let mut admin = Admin::connect(context).await?;
    apply(&mut admin, wire(&args.resource), pairs, Vec::new(), args.dry_run).await?;
    if args.dry_run {
        context.note("Nothing was changed: this would be accepted.");
        return Ok(());
    }
    let settings = describe(&mut admin, &args.resource, false).await?.only(&keys)?;
    output::print(context, &settings, args.output.output)
}

async fn unset(context: &Context, args: ConfigUnsetArgs) -> Result<(), Failure> {
    let mut admin = Admin::connect(context).await?;
    apply(&mut admin, wire(&args.resource), BTreeMap::new(), args.keys.clone(), args.dry_run).await?;
    if args.dry_run {
        context.note("Nothing was changed: this would be accepted.");
        return Ok(());
    }
    let settings = describe(&mut admin, &args.resource, false).await?.only(&args.keys)?;
    output::print(context, &settings, args.output.output)
}

/// Settings by key; a key given twice is a mistake.
pub(super) fn unique(pairs: Vec<KeyValue>) -> Result<BTreeMap<String, String>, Failure> {
    let mut settings = BTreeMap::new();
    for pair in pairs {
        let key = escape(&pair.key).into_owned();
        if settings.insert(pair.key, pair.value).is_some() {
            return Err(Failure::usage(format!("{key} is given twice")));
        }
    }
    Ok(settings)
}

/// Changes settings, all or none.
pub(super) async fn apply(
    admin: &mut Admin,
    of: Of,
    set: BTreeMap<String, String>,
    unset: Vec<String>,
    validate_only: bool,
) -> Result<(), Failure> {
    let resource = Some(v1::ConfigResource { of: Some(of) });
    let request = v1::AlterConfigsRequest { resource, set, unset, validate_only };
    admin.configs.alter_configs(request).await?;
    Ok(())
}

fn wire(resource: &ResourceSpec) -> Of {
    match resource {
        ResourceSpec::Broker => Of::Broker(true),
        ResourceSpec::Topic(name) => Of::Topic(name.clone()),
        ResourceSpec::Group(name) => Of::Group(name.clone()),
    }
}

async fn describe(admin: &mut Admin, resource: &ResourceSpec, verbose: bool) -> Result<Settings, Failure> {
    let request =
        v1::DescribeConfigsRequest { resource: Some(v1::ConfigResource { of: Some(wire(resource)) }) };
    let response = admin.configs.describe_configs(request).await?;
    let entries = response.into_inner().entries.into_iter().map(Setting::from).collect();
    Ok(Settings { entries, resource: resource.to_string(), verbose })
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Settings {
    entries: Vec<Setting>,
    #[serde(skip)]
    resource: String,
    #[serde(skip)]
    verbose: bool,
}

/// One setting; numbers and booleans are such in JSON, too.
#[derive(Debug, PartialEq, Serialize)]
struct Setting {
    key: String,
    value: Value,
    default_value: Value,
    source: &'static str,
    r#type: String,
    read_only: bool,
    documentation: String,
}

impl From<v1::ConfigEntry> for Setting {
    fn from(entry: v1::ConfigEntry) -> Self {
        Self {
            value: typed(&entry.value, &entry.r#type),
            default_value: typed(&entry.default_value, &entry.r#type),
            source: source_name(entry.source()),
            key: entry.key,
            r#type: entry.r#type,
            read_only: entry.read_only,
            documentation: entry.documentation,
        }
    }
}

/// A setting's text as the value that it stands for; as text when it is not of its type.
fn typed(text: &str, kind: &str) -> Value {
    let number = match kind {
        "int" | "long" => text.parse::<i64>().ok().map(Value::from),
        "double" => text.parse::<f64>().ok().map(Value::from),
        "boolean" => text.parse::<bool>().ok().map(Value::from),
        _ => None,
    };
    number.unwrap_or_else(|| Value::from(text))
}

fn source_name(source: v1::ConfigSource) -> &'static str {
    match source {
        v1::ConfigSource::Unspecified => "unknown",
        v1::ConfigSource::Default => "default",
        v1::ConfigSource::StaticBroker => "static-broker",
        v1::ConfigSource::DynamicBroker => "dynamic-broker",
        v1::ConfigSource::Topic => "topic",
        v1::ConfigSource::Group => "group",
    }
}

impl Settings {
    /// The settings with these keys, in this order; all when none is given.
    fn only(mut self, keys: &[String]) -> Result<Self, Failure> {
        if keys.is_empty() {
            return Ok(self);
        }
        let mut kept = Vec::new();
        for key in keys {
            let at = self.entries.iter().position(|setting| &setting.key == key);
            let at = at.ok_or_else(|| self.no_such(key))?;
            kept.push(self.entries.swap_remove(at));
        }
        self.entries = kept;
        Ok(self)
    }

    fn no_such(&self, key: &str) -> Failure {
        let resource = escape(&self.resource);
        Failure::failed(format!(
            "{resource} has no setting {}; `runnel config get {resource}` lists those that it has",
            escape(key)
        ))
    }
}

impl Setting {
    /// A value for people: as it is written, and with what large numbers come to.
    fn shown(&self, value: &Value) -> String {
        let text = plain(value);
        let meaning = match value.as_i64() {
            Some(i64::MAX) => return "no limit".to_owned(),
            Some(ms @ 1000..) if self.key.ends_with(".ms") => duration_ms(ms),
            Some(size @ 1024..) if self.key.ends_with(".bytes") => bytes(size.unsigned_abs()),
            _ => return text,
        };
        format!("{text} ({meaning})")
    }
}

/// A value as it is written on the command line.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Report for Settings {
    fn text(&self, screen: &Screen) -> String {
        let mut table = Table::new([left("SETTING"), left("VALUE"), left("SOURCE"), left("DEFAULT")]);
        for setting in &self.entries {
            let (value, default) = (setting.shown(&setting.value), setting.shown(&setting.default_value));
            table.row([(&setting.key).into(), value.into(), setting.source.into(), default.into()]);
        }
        let mut text = table.render(screen);
        if self.verbose {
            for setting in &self.entries {
                let read_only = if setting.read_only { ", read-only" } else { "" };
                let (key, kind) = (escape(&setting.key), escape(&setting.r#type));
                let _ = write!(text, "\n{key} ({kind}{read_only})\n  {}\n", escape(&setting.documentation));
            }
        }
        text
    }

    fn names(&self) -> Vec<String> {
        self.entries.iter().map(|setting| setting.key.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Settings {
        let entry = |key: &str, value: &str, kind: &str| v1::ConfigEntry {
            key: key.into(),
            value: value.into(),
            default_value: value.into(),
            source: v1::ConfigSource::Topic.into(),
            r#type: kind.into(),
            documentation: "What it does.".into(),
            read_only: false,
        };
        let entries = vec![
            entry("cleanup.policy", "compact", "list").into(),
            entry("retention.ms", "-1", "long").into(),
            entry("min.cleanable.dirty.ratio", "0.5", "double").into(),
        ];
        Settings { entries, resource: "topic:orders".into(), verbose: false }
    }

    #[test]
    fn large_numbers_are_told_in_words_to_people_alone() {
        let setting = |key: &str, value: i64| Setting {
            key: key.into(),
            ..Setting::from(v1::ConfigEntry {
                value: value.to_string(),
                r#type: "long".into(),
                ..Default::default()
            })
        };
        let shown = |key, value| {
            let setting = setting(key, value);
            setting.shown(&setting.value)
        };
        assert_eq!(shown("flush.messages", i64::MAX), "no limit");
        assert_eq!(shown("retention.ms", 604_800_000), "604800000 (7d00h)");
        assert_eq!(shown("segment.bytes", 1 << 30), "1073741824 (1.0 GiB)");
        assert_eq!(shown("retention.ms", -1), "-1");
        assert_eq!(setting("flush.messages", i64::MAX).value, i64::MAX);
    }

    #[test]
    fn values_keep_their_type() {
        let json = serde_json::to_value(sample()).expect("json");
        assert_eq!(json[0]["value"], "compact");
        assert_eq!(json[1]["value"], -1);
        assert_eq!(json[2]["value"], 0.5);
        assert_eq!(typed("not a number", "long"), "not a number");
    }

    #[test]
    fn keys_are_picked_in_order() {
        let keys = ["retention.ms".to_owned(), "cleanup.policy".to_owned()];
        let picked = sample().only(&keys).expect("both exist");
        assert_eq!(picked.names(), keys);
        let failure = sample().only(&["retention".to_owned()]).expect_err("no such key");
        assert!(failure.message.contains("topic:orders has no setting retention"), "{}", failure.message);
    }

    #[test]
    fn documentation_is_shown_on_request() {
        let screen = Screen { width: None, color: false };
        assert!(!sample().text(&screen).contains("What it does"));
        let text = Settings { verbose: true, ..sample() }.text(&screen);
        assert!(text.contains("\nretention.ms (long)\n  What it does.\n"), "{text}");
    }

    #[test]
    fn a_setting_given_twice_is_refused() {
        let pair = |value: &str| KeyValue { key: "retention.ms".into(), value: value.into() };
        assert_eq!(unique(vec![pair("1")]).map(|settings| settings.len()), Ok(1));
        assert_eq!(unique(vec![pair("1"), pair("2")]).map_err(|failure| failure.exit_code), Err(2));
    }
}
