//! What every step of one call knows.

use super::fault::FaultKind;
use super::route::Version;

/// One call on its way through the portal.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub now_ms: i64,
    pub version: Version,
    pub correlation_id: String,
    /// The item of a batch that is to go wrong, and how.
    pub spoilt: Option<FaultKind>,
}
