//! Status codes. 0 is fine; a positive code is for the customer to mend (settings, permissions,
//! the certificate), a negative one lies with Azure, the network or this machine. The resource
//! manager words its errors by the sign. `docs/status-codes.md` explains each.

/// Why something is not as it should be, as a number for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub(crate) enum Code {
    Ok = 0,
    SettingsRefused = 1,
    InitialSyncGivenUp = 2,
    GrantUnusable = 10,
    HeldBack = 11,
    NotValid = 12,
    Held = 13,
    ReactionFailed = 14,
    ExpiresSoon = 15,
    OtherCertificates = 16,
    SecretNotFound = 20,
    AccessDenied = 21,
    VaultFirewall = 22,
    SecretDisabled = 23,
    NotACertificate = 24,
    NoPrivateKey = 25,
    Identity = 26,
    StorePath = 27,
    IdentityEndpoint = -20,
    VaultUnreachable = -21,
    Tls = -22,
    Proxy = -23,
    Throttled = -24,
    VaultUnavailable = -25,
    UnexpectedAnswer = -26,
    Disk = -30,
    State = -31,
}

impl Code {
    /// The number that statuses carry.
    pub(crate) fn number(self) -> i32 {
        self as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_each_code() {
        let page = include_str!("../../docs/status-codes.md");
        let source = include_str!("code.rs").split_once("enum Code {").unwrap().1;
        let numbers = source.split_once('}').unwrap().0.lines().filter_map(|line| {
            line.split_once(" = ").map(|(_, number)| number.trim_end_matches(','))
        });
        let numbers: Vec<&str> = numbers.collect();
        assert_eq!(numbers.len(), 27);
        for number in numbers {
            assert!(page.contains(&format!("| {number} |")), "docs/status-codes.md lacks {number}");
        }
        assert_eq!(Code::Tls.number(), -22);
    }
}
