//! What the machine's administrator lets settings ask for.

use std::error::Error;
use std::fmt;

/// The variable that carries a [`Permission`], and the file that it stands in. The variable counts
/// there alone: settings come from whoever deploys, commands are the administrator's business.
pub(crate) const WHERE: &str = "AKVVM_REACTIONS in /etc/akvvm/environment";

/// How far settings may reach beyond certificates. Ordered: each permits what those before it do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Nothing is reloaded, signalled or run.
    None,
    /// Units and signals, but no commands.
    #[default]
    Units,
    /// Also commands.
    Commands,
}

impl Permission {
    /// The value of the variable.
    ///
    /// # Errors
    /// Where it is none of `none`, `units` and `commands`.
    pub fn parse(text: &str) -> Result<Self, NotAPermission> {
        match text {
            "none" => Ok(Self::None),
            "units" => Ok(Self::Units),
            "commands" => Ok(Self::Commands),
            _ => Err(NotAPermission { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Units => "units",
            Self::Commands => "commands",
        })
    }
}

/// Not a [`Permission`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAPermission {
    text: String,
}

impl fmt::Display for NotAPermission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{WHERE} must be none, units or commands, but is {:?}", self.text)
    }
}

impl Error for NotAPermission {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_reads_as_it_is_written() {
        for permission in [Permission::None, Permission::Units, Permission::Commands] {
            assert_eq!(Permission::parse(&permission.to_string()), Ok(permission));
        }
        assert_eq!(Permission::default(), Permission::Units);
    }

    #[test]
    fn each_permits_what_those_before_it_do() {
        assert!(Permission::None < Permission::Units);
        assert!(Permission::Units < Permission::Commands);
    }

    #[test]
    fn anything_else_is_named_with_what_there_is() {
        let said = Permission::parse("Commands").unwrap_err().to_string();
        let wanted = "AKVVM_REACTIONS in /etc/akvvm/environment must be none, units or commands, \
                      but is \"Commands\"";
        assert_eq!(said, wanted);
    }
}
