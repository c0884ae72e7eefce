//! What a new version must have in common with the one before it.

use crate::field::Field;
use crate::key::Level;
use crate::nested::Nested;
use crate::remark::Remarks;

/// What is compared before a version replaces another. All of it is off unless the entry asks
/// for something that goes beyond its store, or names a guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Guards {
    /// Every DNS name of the old certificate is in the new one.
    pub names: bool,
    /// The new certificate is not valid for less than what remains of the old one.
    pub validity: bool,
    /// The new certificate is not self-signed where the old one was not.
    pub issuer: bool,
}

impl Guards {
    const ALL: Self = Self { names: true, validity: true, issuer: true };

    /// The guards that are on where nothing is said of them.
    pub(crate) fn usual(configured: bool) -> Self {
        if configured { Self::ALL } else { Self::default() }
    }

    /// Reads `guards`. `configured` says whether they are on where nothing is said.
    pub(crate) fn read(field: Option<Field>, configured: bool, remarks: &mut Remarks) -> Self {
        let keys = field.and_then(|field| Nested::read(field, Level::Guards, remarks));
        let written = keys.as_ref().is_some_and(|keys| keys.has_any(Level::Guards.keys()));
        let mut guards = Self::usual(configured || written);
        if let Some(mut keys) = keys {
            let mut flag = |key, guard: &mut bool| {
                let flag = keys.take(key).and_then(|field| field.flag(remarks));
                *guard = flag.unwrap_or(*guard);
            };
            flag("names", &mut guards.names);
            flag("validity", &mut guards.validity);
            flag("issuer", &mut guards.issuer);
        }
        guards
    }
}
