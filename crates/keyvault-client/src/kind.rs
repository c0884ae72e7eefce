//! What can go wrong, whose fault it is, and when to ask again.

use std::time::Duration;

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// What the customer configured: settings, the vault, the certificate in it.
    Customer,
    /// A permission that is missing, or an identity.
    Access,
    /// Azure's own services.
    Azure,
    /// The way between this machine and Azure.
    Network,
    /// This machine.
    Host,
}

/// When it makes sense to ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Soon, with growing gaps.
    Backoff,
    /// Not before this time has passed: the other side said so. Clamped to one hour.
    After(Duration),
    /// At the usual poll: only somebody's action can change the answer.
    NextPoll,
}

/// What went wrong. Stable: status codes and documents hang on these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorKind {
    /// The identity endpoint cannot be connected to.
    IdentityUnreachable,
    /// The identity endpoint does not answer in time.
    IdentityTimedOut,
    /// The identity endpoint says that it is busy, updating, throttling or broken.
    IdentityUnavailable,
    /// Something else answers in the identity endpoint's place, or it answers nonsense.
    IdentityAnswer,
    /// Several identities are assigned and none was named.
    IdentityAmbiguous,
    /// The named identity is not assigned to this machine, or none is.
    IdentityNotFound,
    /// The identity endpoint refuses the request for another reason.
    IdentityRefused,
    /// The proof that Azure Arc's agent asks for cannot be given, or is not accepted.
    IdentityProof,
    /// The identity's tenant has no tokens for the vault's cloud.
    WrongCloud,
    /// The vault's or the proxy's name cannot be resolved.
    NameNotResolved,
    /// Nothing listens at the vault's or the proxy's address.
    ConnectionRefused,
    /// There is no route to the vault or the proxy.
    Unreachable,
    /// The vault or the proxy does not answer in time.
    TimedOut,
    /// The connection was cut, or what came over it is no HTTP.
    ConnectionLost,
    /// The vault's certificate is not trusted, or no TLS connection comes about.
    Tls,
    /// This machine has no trusted certificate authorities.
    NoTrustedRoots,
    /// The proxy refuses to connect to the vault.
    Proxy,
    /// The vault does not accept the token.
    Unauthorized,
    /// The vault trusts another tenant than the identity's.
    WrongTenant,
    /// The vault's challenge cannot be used.
    Challenge,
    /// The identity has no role that lets it read secrets.
    ForbiddenByRbac,
    /// The vault's access policies do not let the identity read secrets.
    AccessDenied,
    /// The vault's firewall refuses this machine.
    ForbiddenByFirewall,
    /// The vault is reachable through private links only.
    ForbiddenByConnection,
    /// An Azure policy refuses the request.
    ForbiddenByPolicy,
    /// The vault refuses for a reason it does not name.
    Forbidden,
    /// The secret, or the certificate behind it, is disabled or not complete yet.
    SecretDisabled,
    /// The vault has no such secret, or no such version of it.
    SecretNotFound,
    /// The secret is being deleted, recovered or changed.
    Conflict,
    /// The vault throttles.
    Throttled,
    /// The vault has an error of its own.
    VaultUnavailable,
    /// The vault does not understand the request.
    VaultRefused,
    /// A redirect, which is never followed.
    Redirected,
    /// What answers is no key vault, or what it answers is no secret.
    VaultAnswer,
    /// The answer is about another secret than was asked for.
    OtherSecret,
}

impl ErrorKind {
    /// Every kind, for tables and documents.
    pub const ALL: [Self; 35] = [
        Self::IdentityUnreachable,
        Self::IdentityTimedOut,
        Self::IdentityUnavailable,
        Self::IdentityAnswer,
        Self::IdentityAmbiguous,
        Self::IdentityNotFound,
        Self::IdentityRefused,
        Self::IdentityProof,
        Self::WrongCloud,
        Self::NameNotResolved,
        Self::ConnectionRefused,
        Self::Unreachable,
        Self::TimedOut,
        Self::ConnectionLost,
        Self::Tls,
        Self::NoTrustedRoots,
        Self::Proxy,
        Self::Unauthorized,
        Self::WrongTenant,
        Self::Challenge,
        Self::ForbiddenByRbac,
        Self::AccessDenied,
        Self::ForbiddenByFirewall,
        Self::ForbiddenByConnection,
        Self::ForbiddenByPolicy,
        Self::Forbidden,
        Self::SecretDisabled,
        Self::SecretNotFound,
        Self::Conflict,
        Self::Throttled,
        Self::VaultUnavailable,
        Self::VaultRefused,
        Self::Redirected,
        Self::VaultAnswer,
        Self::OtherSecret,
    ];

    /// Whose fault this is.
    #[must_use]
    pub fn fault(self) -> Fault {
        match self {
            Self::WrongCloud | Self::SecretDisabled | Self::SecretNotFound | Self::Conflict => {
                Fault::Customer
            }
            Self::IdentityAmbiguous
            | Self::IdentityNotFound
            | Self::WrongTenant
            | Self::ForbiddenByRbac
            | Self::AccessDenied
            | Self::ForbiddenByFirewall
            | Self::ForbiddenByConnection
            | Self::ForbiddenByPolicy
            | Self::Forbidden => Fault::Access,
            Self::IdentityTimedOut
            | Self::IdentityUnavailable
            | Self::IdentityRefused
            | Self::Unauthorized
            | Self::Throttled
            | Self::VaultUnavailable
            | Self::VaultRefused => Fault::Azure,
            Self::NameNotResolved
            | Self::ConnectionRefused
            | Self::Unreachable
            | Self::TimedOut
            | Self::ConnectionLost
            | Self::Tls
            | Self::Proxy
            | Self::Challenge
            | Self::Redirected
            | Self::VaultAnswer
            | Self::OtherSecret => Fault::Network,
            Self::IdentityUnreachable
            | Self::IdentityAnswer
            | Self::IdentityProof
            | Self::NoTrustedRoots => Fault::Host,
        }
    }

    /// When to ask again, where the other side did not say.
    #[must_use]
    pub fn retry(self) -> Retry {
        match self {
            // Role assignments, network rules and policies act some minutes after they are made.
            Self::ForbiddenByRbac
            | Self::AccessDenied
            | Self::ForbiddenByFirewall
            | Self::ForbiddenByConnection
            | Self::ForbiddenByPolicy
            | Self::Forbidden => Retry::Backoff,
            Self::IdentityAmbiguous
            | Self::IdentityNotFound
            | Self::IdentityRefused
            | Self::WrongCloud
            | Self::WrongTenant
            | Self::SecretDisabled
            | Self::SecretNotFound
            | Self::VaultRefused
            | Self::OtherSecret => Retry::NextPoll,
            _ => Retry::Backoff,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_table_of_kinds_has_each_once() {
        assert_eq!(HashSet::from(ErrorKind::ALL).len(), ErrorKind::ALL.len());
        // The last in the enum's order is the last of the table, so none was forgotten.
        assert_eq!(
            ErrorKind::ALL.last().map(|last| *last as usize + 1),
            Some(ErrorKind::ALL.len())
        );
    }
}
