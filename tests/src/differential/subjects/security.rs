//! Who somebody is and what they may do: not to be had on either broker, and both say so.

use runnel_proto::kafka::messages::create_acls_request::AclCreation;
use runnel_proto::kafka::messages::delete_acls_request::DeleteAclsFilter;
use runnel_proto::kafka::messages::describe_user_scram_credentials_request::UserName;
use runnel_proto::kafka::messages::{
    CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest, DescribeUserScramCredentialsRequest,
    SaslAuthenticateRequest, SaslHandshakeRequest,
};

use crate::differential::pair::Pair;

const ANY: i8 = 1;
const TOPIC: i8 = 2;
const LITERAL: i8 = 3;
const READ: i8 = 3;
const ALLOW: i8 = 3;

pub(super) fn run(pair: &mut Pair) {
    acls(pair);
    users(pair);
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "", "NONE"] {
        pair.ask(
            &format!("a handshake for {mechanism:?}"),
            SaslHandshakeRequest { mechanism: mechanism.into() },
        );
    }
    pair.ask("who somebody is", SaslAuthenticateRequest { auth_bytes: b"\0user\0secret"[..].into() });
    pair.reconnect();
}

fn acls(pair: &mut Pair) {
    let all = DescribeAclsRequest {
        resource_type_filter: ANY,
        pattern_type_filter: ANY,
        operation: ANY,
        permission_type: ANY,
        resource_name_filter: None,
        principal_filter: None,
        host_filter: None,
    };
    pair.ask("all rules", all.clone());
    pair.ask("rules of no type", DescribeAclsRequest { resource_type_filter: 0, ..all.clone() });
    pair.ask("rules of the future", DescribeAclsRequest { resource_type_filter: 99, ..all });
    let rule = AclCreation {
        resource_type: TOPIC,
        resource_name: "logs".into(),
        resource_pattern_type: LITERAL,
        principal: "User:somebody".into(),
        host: "*".into(),
        operation: READ,
        permission_type: ALLOW,
    };
    let create = |creations| CreateAclsRequest { creations };
    pair.ask("a rule", create(vec![rule.clone()]));
    pair.ask("two rules", create(vec![rule.clone(), rule.clone()]));
    pair.ask("a rule without name", create(vec![AclCreation { resource_name: "".into(), ..rule }]));
    pair.ask("no rule", create(Vec::new()));
    let filter = DeleteAclsFilter {
        resource_type_filter: ANY,
        resource_name_filter: None,
        pattern_type_filter: ANY,
        principal_filter: None,
        host_filter: None,
        operation: ANY,
        permission_type: ANY,
    };
    let delete = |filters| DeleteAclsRequest { filters };
    pair.ask("deletion of rules", delete(vec![filter.clone()]));
    pair.ask("deletion by two filters", delete(vec![filter.clone(), filter]));
    pair.ask("deletion by no filter", delete(Vec::new()));
}

fn users(pair: &mut Pair) {
    let request = |names: Option<&[&str]>| DescribeUserScramCredentialsRequest {
        users: names.map(|names| names.iter().map(|name| UserName { name: (*name).into() }).collect()),
    };
    pair.ask("all users", request(None));
    pair.ask("no users", request(Some(&[])));
    pair.ask("a user", request(Some(&["somebody"])));
    pair.ask("a user twice", request(Some(&["somebody", "somebody"])));
    pair.ask("a user without name", request(Some(&[""])));
}
