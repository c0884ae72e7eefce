//! A scenario, played.

use super::FakeAzure;
use crate::certificate::{IssueError, Issued};
use crate::scenario::Scenario;

impl FakeAzure {
    /// Puts into the vaults what the scenario says, and adds its script; the certificates made.
    ///
    /// # Errors
    /// A certificate cannot be made; then the rest is missing.
    pub fn play(&self, scenario: &Scenario) -> Result<Vec<Issued>, IssueError> {
        let mut issued = Vec::new();
        for (vault, content) in &scenario.vaults {
            for (name, spec) in &content.certificates {
                issued.push(self.put_certificate(vault, name, spec)?);
            }
            for series in &content.series {
                for number in 1..=series.count {
                    let name = format!("{}{number}", series.prefix);
                    issued.push(self.put_certificate(vault, &name, &series.spec)?);
                }
            }
            for (name, secret) in &content.secrets {
                self.put_secret(vault, name, &secret.value, secret.content_type.as_deref());
                self.change(vault, name, None, secret.attributes);
            }
            for denial in &content.denials {
                self.deny(vault, denial.clone());
            }
        }
        scenario.faults.iter().for_each(|rule| self.fault(rule.clone()));
        Ok(issued)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demonstrations_scenario_can_be_played() {
        let scenario = Scenario::parse(include_str!("../../scenarios/demo.json")).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let azure = FakeAzure::start(scenario.options(directory.path())).unwrap();
        let issued = azure.play(&scenario).unwrap();
        let names: Vec<_> =
            issued.iter().map(|one| (one.vault.as_str(), one.name.as_str())).collect();
        assert!(names.contains(&("contoso.vault.azure.net", "web-frontend")));
        assert!(names.contains(&("contoso.vault.azure.net", "api-gateway")));
        assert!(names.iter().any(|(vault, _)| *vault == "fabrikam.vault.azure.net"));
    }

    #[test]
    fn a_series_is_numbered_from_one() {
        let text = r#"{"vaults": {"contoso": {"series": [{"prefix": "c-", "count": 3}]}}}"#;
        let scenario = Scenario::parse(text).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let azure = FakeAzure::start(scenario.options(directory.path())).unwrap();
        let names: Vec<_> =
            azure.play(&scenario).unwrap().into_iter().map(|issued| issued.name).collect();
        assert_eq!(names, ["c-1", "c-2", "c-3"]);
    }
}
