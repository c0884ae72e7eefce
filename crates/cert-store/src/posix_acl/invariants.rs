//! What holds of any bytes. Shared by the property test and the fuzz target.

use crate::posix_acl::{Caller, PosixAcl, SEARCH};

/// What is a list reads back as it was, means the same when it is written, and can be added to.
pub(crate) fn hold(bytes: &[u8]) {
    let Some(acl) = PosixAcl::decode(bytes) else { return };
    let written = acl.encode();
    assert_eq!(PosixAcl::decode(&written).as_ref(), Some(&acl));
    assert_eq!(written.len(), bytes.len(), "nothing is left out");
    let stranger = acl.users.keys().max().map_or(1, |id| id.wrapping_add(1));
    let caller = Caller::User { id: stranger, groups: Vec::new() };
    let more = acl.clone().grant(SEARCH, [stranger], []);
    assert!(more.allows(&caller, SEARCH, stranger.wrapping_add(1), 0));
    assert_eq!(PosixAcl::decode(&more.encode()), Some(more));
}
