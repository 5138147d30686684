//! `DescribeAcls`, `CreateAcls`, `DeleteAcls`: there are no access rules, and each says so.

use runnel_proto::kafka::messages::create_acls_response::AclCreationResult;
use runnel_proto::kafka::messages::delete_acls_response::DeleteAclsFilterResult;
use runnel_proto::kafka::messages::{
    CreateAclsRequest, CreateAclsResponse, DeleteAclsRequest, DeleteAclsResponse, DescribeAclsRequest,
    DescribeAclsResponse,
};
use runnel_proto::kafka::{ErrorCode, StrBytes};

use crate::kafka::call::Call;

const ERROR_CODE: i16 = ErrorCode::SecurityDisabled as i16;
const TEXT: StrBytes = StrBytes::from_static("no access rules are in force on this broker");

/// Answers `DescribeAcls`.
pub(in crate::kafka) async fn describe(_: &Call, _: DescribeAclsRequest) -> DescribeAclsResponse {
    DescribeAclsResponse { error_code: ERROR_CODE, error_message: Some(TEXT), ..Default::default() }
}

/// Answers `CreateAcls`.
pub(in crate::kafka) async fn create(_: &Call, request: CreateAclsRequest) -> CreateAclsResponse {
    let refuse = || AclCreationResult { error_code: ERROR_CODE, error_message: Some(TEXT) };
    let results = request.creations.iter().map(|_| refuse()).collect();
    CreateAclsResponse { results, ..Default::default() }
}

/// Answers `DeleteAcls`.
pub(in crate::kafka) async fn delete(_: &Call, request: DeleteAclsRequest) -> DeleteAclsResponse {
    let refuse =
        || DeleteAclsFilterResult { error_code: ERROR_CODE, error_message: Some(TEXT), ..Default::default() };
    let filter_results = request.filters.iter().map(|_| refuse()).collect();
    DeleteAclsResponse { filter_results, ..Default::default() }
}
