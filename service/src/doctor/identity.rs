//! Asking for a token: whether the endpoint answers, and whom it knows. Pure.

use extension_settings::{Identity, IdentitySelector};
use keyvault_client::{AccessToken, ClientError, ErrorKind, TokenClaims};
use worker_state::Timestamp;

use super::finding::{Finding, Step};
use crate::source::failure;

/// What came of asking for a token for `resource`. The token itself is never part of it.
pub(super) fn findings(
    identity: &Identity,
    resource: &str,
    asked: &Result<AccessToken, ClientError>,
) -> Vec<Finding> {
    match asked {
        Ok(token) => {
            vec![Finding::fine(Step::Endpoint, "answers"), token_finding(identity, resource, token)]
        }
        Err(error) if is_the_endpoints(error.kind()) => vec![
            Finding::failed(Step::Endpoint, error.fault(), failure(error)),
            Finding::skipped(Step::Token, format!("none for {resource}")),
        ],
        Err(error) => vec![
            Finding::fine(Step::Endpoint, "answers"),
            Finding::failed(Step::Token, error.fault(), failure(error)),
        ],
    }
}

/// Whether no identity endpoint answered, or something else did.
fn is_the_endpoints(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::IdentityUnreachable
            | ErrorKind::IdentityTimedOut
            | ErrorKind::IdentityUnavailable
            | ErrorKind::IdentityAnswer
    )
}

fn token_finding(identity: &Identity, resource: &str, token: &AccessToken) -> Finding {
    let claims = token.claims();
    let until = Timestamp::from(token.expires());
    let text = format!("for {resource}, until {until}, {}", kind(claims));
    let finding = match another_than_meant(&identity.selector, claims) {
        Some(odd) => Finding::attention(Step::Token, format!("{text}; {odd}")),
        None => Finding::fine(Step::Token, text),
    };
    finding.with(ids(claims))
}

/// Which kind of identity answered, as far as the token says so itself.
fn kind(claims: &TokenClaims) -> &'static str {
    let resource = claims.resource_id.as_deref().unwrap_or_default().to_ascii_lowercase();
    if resource.contains("/userassignedidentities/") {
        "for a user-assigned identity"
    } else if resource.is_empty() {
        "for an identity that it does not name"
    } else {
        "for the machine's system-assigned identity"
    }
}

fn ids(claims: &TokenClaims) -> Vec<String> {
    let named = [
        ("client id", &claims.client_id),
        ("object id", &claims.object_id),
        ("resource id", &claims.resource_id),
        ("tenant id", &claims.tenant_id),
    ];
    let line = |(name, id): (&str, &Option<String>)| Some(format!("{name} {}", id.as_ref()?));
    named.into_iter().filter_map(line).collect()
}

/// A GUID does not say what it is the id of: the client tries a client id that nobody knows as an
/// object id too.
fn another_than_meant(selector: &IdentitySelector, claims: &TokenClaims) -> Option<String> {
    let (IdentitySelector::ClientId(meant), Some(client)) = (selector, &claims.client_id) else {
        return None;
    };
    if meant.eq_ignore_ascii_case(client) {
        return None;
    }
    let is_object = claims.object_id.as_ref().is_some_and(|id| id.eq_ignore_ascii_case(meant));
    Some(match is_object {
        true => format!("msiClientId is the identity's object id: write its client id {client}"),
        false => format!("msiClientId is {meant}, but the token is for the client id {client}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0";
    const TWO: &str = "1b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0";

    fn claims(resource: &str) -> TokenClaims {
        TokenClaims {
            object_id: Some(ONE.into()),
            client_id: Some(TWO.into()),
            tenant_id: None,
            resource_id: (!resource.is_empty()).then(|| resource.to_owned()),
        }
    }

    fn odd(meant: &str) -> Option<String> {
        another_than_meant(&IdentitySelector::ClientId(meant.into()), &claims(""))
    }

    #[test]
    fn the_kind_of_identity_is_read_from_its_resource() {
        let user = "/subscriptions/1/resourcegroups/g/providers/Microsoft.ManagedIdentity/\
                    userAssignedIdentities/web";
        let machine = "/subscriptions/1/resourcegroups/g/providers/Microsoft.Compute/\
                       virtualMachines/vm";
        assert_eq!(kind(&claims(user)), "for a user-assigned identity");
        assert_eq!(kind(&claims(machine)), "for the machine's system-assigned identity");
        assert_eq!(kind(&claims("")), "for an identity that it does not name");
    }

    #[test]
    fn an_object_id_in_place_of_a_client_id_is_told() {
        assert_eq!(odd(&TWO.to_ascii_uppercase()), None);
        let expected = format!("object id: write its client id {TWO}");
        assert!(odd(ONE).unwrap().ends_with(&expected));
        assert!(odd("3").unwrap().contains("but the token is for"));
        assert_eq!(another_than_meant(&IdentitySelector::Unspecified, &claims("")), None);
    }

    #[test]
    fn every_id_has_a_line() {
        let lines = ids(&claims("/subscriptions/1"));
        let expected = [format!("client id {TWO}"), format!("object id {ONE}")];
        assert_eq!(lines[..2], expected);
        assert_eq!(lines[2..], ["resource id /subscriptions/1"]);
    }
}
