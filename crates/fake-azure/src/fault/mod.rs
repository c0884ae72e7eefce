//! Faults by script: rules that replace or spoil answers.

mod action;
mod spoil;

use serde::{Deserialize, Serialize};

pub use self::action::{Action, Raw};
pub(crate) use self::spoil::{Delivery, spoil};

use crate::exchange::{Asked, Place};

/// One rule. Of all rules that fit a request the first one in order that is not used up decides;
/// the others do not notice it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which requests it fits.
    #[serde(default)]
    pub when: When,
    /// How many fitting requests it lets pass first.
    #[serde(default)]
    pub skip: u32,
    /// How many requests it then decides, for ever if `None`.
    #[serde(default)]
    pub times: Option<u32>,
    /// How long the answer waits, in milliseconds.
    #[serde(default)]
    pub delay_ms: u64,
    /// What happens to the answer.
    #[serde(default)]
    pub then: Action,
}

impl Rule {
    /// This action for every request that fits, for ever.
    #[must_use]
    pub fn new(when: When, then: Action) -> Self {
        Self { when, skip: 0, times: None, delay_ms: 0, then }
    }

    /// The rule, used up after so many requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// The rule, letting so many fitting requests pass first.
    #[must_use]
    pub fn skip(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// The rule, its answer so many milliseconds late.
    #[must_use]
    pub fn delay_ms(mut self, delay_ms: u64) -> Self {
        self.delay_ms = delay_ms;
        self
    }
}

/// Which requests a rule fits: those for which everything named here is so.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// The service that is asked.
    pub place: Option<Place>,
    /// The vault, by its name (`contoso`) or host.
    pub vault: Option<String>,
    /// The secret's name, whatever its case.
    pub secret: Option<String>,
    /// Whether the request carries an `Authorization` header.
    pub authorized: Option<bool>,
}

impl When {
    /// Requests to this service.
    #[must_use]
    pub fn at(place: Place) -> Self {
        Self { place: Some(place), ..Self::default() }
    }

    /// Requests to any vault for this secret.
    #[must_use]
    pub fn secret(name: &str) -> Self {
        Self { secret: Some(name.to_owned()), ..Self::at(Place::Vault) }
    }

    /// Requests to this vault.
    #[must_use]
    pub fn vault(name: &str) -> Self {
        Self { vault: Some(name.to_owned()), ..Self::at(Place::Vault) }
    }

    fn fits(&self, asked: &Asked) -> bool {
        use crate::vault::cloud::{host_in, host_of};
        let same = |wanted: &str, found: Option<&str>| {
            found.is_some_and(|found| found.eq_ignore_ascii_case(wanted))
        };
        self.place.is_none_or(|place| place == asked.place)
            && self.vault.as_ref().is_none_or(|vault| host_of(vault) == host_in(&asked.host))
            && self.secret.as_ref().is_none_or(|secret| same(secret, asked.secret()))
            && self.authorized.is_none_or(|yes| yes == asked.headers.contains_key("Authorization"))
    }
}

/// All rules, with what they have done.
#[derive(Default)]
pub(crate) struct Rules {
    rules: Vec<Standing>,
}

/// A rule and its counters.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Standing {
    #[serde(flatten)]
    rule: Rule,
    /// Fitting requests that it let pass.
    skipped: u32,
    /// Requests that it decided.
    used: u32,
}

impl Rules {
    pub(crate) fn add(&mut self, rule: Rule) {
        self.rules.push(Standing { rule, skipped: 0, used: 0 });
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn all(&self) -> &[Standing] {
        &self.rules
    }

    /// The rule that decides this request, counted.
    pub(crate) fn take(&mut self, asked: &Asked) -> Option<Rule> {
        for standing in &mut self.rules {
            let Standing { rule, skipped, used } = standing;
            if !rule.when.fits(asked) || rule.times.is_some_and(|times| *used >= times) {
                continue;
            }
            if *skipped < rule.skip {
                *skipped += 1;
                continue;
            }
            *used += 1;
            return Some(rule.clone());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderMap;

    use super::*;

    fn asked(host: &str, path: &str) -> Asked {
        Asked {
            place: Place::Vault,
            method: "GET".to_owned(),
            host: host.to_owned(),
            path: path.to_owned(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            absolute: false,
        }
    }

    fn decides(rules: &mut Rules, path: &str) -> bool {
        rules.take(&asked("contoso.vault.azure.net", path)).is_some()
    }

    #[test]
    fn a_rule_lets_some_pass_then_decides_some_then_is_used_up() {
        let mut rules = Rules::default();
        rules.add(Rule::new(When::secret("web"), Action::Close).skip(1).times(2));
        let decided: Vec<_> = (0..5).map(|_| decides(&mut rules, "/secrets/web")).collect();
        assert_eq!(decided, [false, true, true, false, false]);
    }

    #[test]
    fn a_rule_for_one_secret_does_not_notice_another() {
        let mut rules = Rules::default();
        rules.add(Rule::new(When::secret("web"), Action::Close).times(1));
        assert!(!decides(&mut rules, "/secrets/api"));
        assert!(decides(&mut rules, "/secrets/WEB/versions"));
    }

    #[test]
    fn a_vault_is_named_shortly_or_by_host() {
        for name in ["contoso", "contoso.vault.azure.net", "Contoso"] {
            assert!(When::vault(name).fits(&asked("contoso.vault.azure.net:443", "/secrets/x")));
        }
        assert!(!When::vault("fabrikam").fits(&asked("contoso.vault.azure.net", "/")));
    }

    #[test]
    fn rules_read_as_documents() {
        let text =
            r#"{"when": {"place": "imds"}, "times": 2, "then": {"answer": {"status": 410}}}"#;
        let rule: Rule = serde_json::from_str(text).unwrap();
        assert_eq!(rule, Rule::new(When::at(Place::Imds), Action::status(410)).times(2));
        let close: Rule = serde_json::from_str(r#"{"then": "close"}"#).unwrap();
        assert_eq!(close.then, Action::Close);
    }
}
