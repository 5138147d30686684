//! What tools ask of a whole cluster.

use runnel_proto::kafka::ApiKey;
use runnel_proto::kafka::messages::describe_client_quotas_request::ComponentData;
use runnel_proto::kafka::messages::update_features_request::FeatureUpdateKey;
use runnel_proto::kafka::messages::{
    DescribeClientQuotasRequest, DescribeTransactionsRequest, ListTransactionsRequest, UpdateFeaturesRequest,
};

use crate::differential::pair::Pair;

pub(super) fn run(pair: &mut Pair) {
    quotas(pair);
    transactions(pair);
    features(pair);
}

fn quotas(pair: &mut Pair) {
    let request = |rows: &[(&str, i8, Option<&str>)], strict| {
        let row = |(entity_type, match_type, name): &(&str, i8, Option<&str>)| ComponentData {
            entity_type: (*entity_type).into(),
            match_type: *match_type,
            r#match: name.map(Into::into),
        };
        DescribeClientQuotasRequest { components: rows.iter().map(row).collect(), strict }
    };
    pair.ask("all quotas", request(&[], false));
    pair.ask("quotas of no component, strictly", request(&[], true));
    pair.ask("quotas of a user", request(&[("user", 0, Some("somebody"))], true));
    pair.ask("quotas of the default client", request(&[("client-id", 1, None)], false));
    pair.ask("quotas of any address", request(&[("ip", 2, None)], false));
    pair.ask("quotas of an unknown entity", request(&[("planet", 2, None)], false));
    pair.ask("quotas of an entity without name", request(&[("", 2, None)], false));
    pair.ask("quotas of an entity named twice", request(&[("user", 2, None), ("user", 2, None)], false));
    pair.ask("quotas of a user and an address", request(&[("user", 2, None), ("ip", 2, None)], false));
    pair.ask("quotas of an unknown match", request(&[("user", 7, None)], false));
}

fn transactions(pair: &mut Pair) {
    let describe = |ids: &[&str]| DescribeTransactionsRequest {
        transactional_ids: ids.iter().map(|id| (*id).into()).collect(),
    };
    pair.ask("an unknown transaction", describe(&["nobody"]));
    pair.ask("a transaction without id", describe(&[""]));
    pair.ask("no transaction", describe(&[]));
    pair.ask("a transaction twice", describe(&["nobody", "nobody"]));
    let list = |states: &[&str], producers: &[i64]| ListTransactionsRequest {
        state_filters: states.iter().map(|state| (*state).into()).collect(),
        producer_id_filters: producers.to_vec(),
        duration_filter: -1,
        ..Default::default()
    };
    pair.ask("transactions in unknown states", list(&["Nowhere", "Ongoing", "ongoing"], &[]));
    pair.ask("transactions of an unknown producer", list(&[], &[77_777_777]));
    if pair.version(ApiKey::ListTransactions).is_some_and(|version| version >= 1) {
        let long = ListTransactionsRequest { duration_filter: 1_000_000, ..list(&[], &[]) };
        pair.ask("transactions open for long", long);
    }
}

fn features(pair: &mut Pair) {
    let request = |rows: &[(&str, i16, i8)]| UpdateFeaturesRequest {
        timeout_ms: 30_000,
        feature_updates: rows
            .iter()
            .map(|(feature, level, upgrade_type)| FeatureUpdateKey {
                feature: (*feature).into(),
                max_version_level: *level,
                upgrade_type: *upgrade_type,
                ..Default::default()
            })
            .collect(),
        validate_only: true,
    };
    if pair.version(ApiKey::UpdateFeatures).is_none_or(|version| version < 1) {
        return;
    }
    for (case, rows) in [
        ("the level that holds", &[("transaction.version", 2, 1)][..]),
        ("a level beyond all", &[("transaction.version", 99, 1)]),
        ("a negative level", &[("transaction.version", -1, 1)]),
        ("a lower level as an upgrade", &[("transaction.version", 1, 1)]),
        ("a lower level", &[("transaction.version", 1, 2)]),
        ("an unknown feature", &[("no.such.feature", 1, 1)]),
        ("a feature without name", &[("", 1, 1)]),
        ("an unknown kind of change", &[("transaction.version", 2, 7)]),
        ("a feature twice", &[("transaction.version", 2, 1), ("transaction.version", 2, 1)]),
        ("no feature", &[]),
    ] {
        pair.ask(case, request(rows));
    }
}
