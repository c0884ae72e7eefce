//! What was found, for people. Pure.

use std::fmt::Write;

use super::finding::{Finding, Section, Stop, Subject, Verdict, whose};
use crate::wording;

/// More stops than these are counted.
const MOST_STOPS: usize = 20;

/// One section: a line for what it is about, a line for each step, and more lines below.
pub(super) fn section(section: &Section) -> String {
    let mut text = format!("\n{}\n", title(&section.subject));
    for finding in &section.findings {
        text.push_str(&line(finding));
    }
    text
}

/// What a section is about, in words.
pub(super) fn title(subject: &Subject) -> String {
    match subject {
        Subject::Machine => "this machine".into(),
        Subject::Identity(identity) => format!("identity: {identity}"),
        Subject::Vault(host) => format!("vault {host}"),
        Subject::Store(path) => format!("store {}", path.display()),
        Subject::Certificate { name, url } => format!("certificate {name}: {url}"),
    }
}

fn line(finding: &Finding) -> String {
    let verdict = match finding.verdict {
        Verdict::Fine => "ok",
        Verdict::Attention => "warning",
        // It stands out among many.
        Verdict::Failed => "FAILED",
        Verdict::Skipped => "-",
    };
    let mut text = format!("  {verdict:7}  {:11}  {}", finding.step.word(), finding.text);
    if let Some((fault, code)) = finding.blame {
        let _ = write!(text, " (code {}: {})", code.number(), whose(fault));
    }
    text.push('\n');
    for detail in &finding.details {
        let _ = writeln!(text, "{:22}  {detail}", "");
    }
    text
}

/// How it all ended.
pub(super) fn conclusion(certificates: usize, stops: &[Stop]) -> String {
    if stops.is_empty() {
        let all = match certificates {
            1 => "the certificate gets".to_owned(),
            number => format!("all {number} certificates get"),
        };
        return format!("\n{all} through\n");
    }
    let (all, stopped) = (wording::count(certificates, "certificate"), stops.len());
    let verb = if stopped == 1 { "does" } else { "do" };
    let mut text = format!("\n{stopped} of {all} {verb} not get through:\n");
    let width = stops.iter().map(|stop| stop.name.chars().count()).max().unwrap_or_default();
    for stop in stops.iter().take(MOST_STOPS) {
        let (name, step) = (&stop.name, stop.step.word());
        let _ = write!(text, "  {name:width$}  stops at {step}");
        let _ = match &stop.at {
            Subject::Certificate { .. } => writeln!(text),
            at => writeln!(text, ", see {}", title(at)),
        };
    }
    if let Some(more @ 1..) = stopped.checked_sub(MOST_STOPS) {
        let _ = writeln!(text, "  … and {more} more");
    }
    text
}

#[cfg(test)]
mod tests {
    use keyvault_client::Fault;

    use super::super::finding::Step;
    use super::*;
    use crate::code::Code;
    use crate::failure::{Failure, Retry};

    fn certificate() -> Subject {
        Subject::Certificate { name: "contoso.web".into(), url: "https://x".into() }
    }

    #[test]
    fn a_section_has_a_line_for_each_step() {
        let mut failure = Failure::plain(Code::AccessDenied, Retry::Backoff, "no role".into());
        failure.causes = vec!["403".into()];
        let findings = vec![
            Finding::fine(Step::Connection, "10.0.0.1:443").with(["more".to_owned()]),
            Finding::attention(Step::Token, "odd"),
            Finding::failed(Step::Permission, Fault::Access, failure),
            Finding::skipped(Step::Content, "not asked"),
        ];
        let text = section(&Section { subject: certificate(), findings });
        let expected = "
certificate contoso.web: https://x
  ok       connection   10.0.0.1:443
                        more
  warning  token        odd
  FAILED   permission   no role (code 21: permissions)
                        because: 403
  -        content      not asked
";
        assert_eq!(text, expected);
    }

    #[test]
    fn the_end_says_who_stops_where() {
        assert_eq!(conclusion(1, &[]), "\nthe certificate gets through\n");
        assert_eq!(conclusion(3, &[]), "\nall 3 certificates get through\n");
        let vault = Subject::Vault("contoso.vault.azure.net".into());
        let stops = [
            Stop { name: "contoso.web".into(), step: Step::Tls, at: vault },
            Stop { name: "api".into(), step: Step::Store, at: certificate() },
        ];
        let expected = "
2 of 3 certificates do not get through:
  contoso.web  stops at tls, see vault contoso.vault.azure.net
  api          stops at store
";
        assert_eq!(conclusion(3, &stops), expected);
        let many: Vec<Stop> = std::iter::repeat_n(stops[1].clone(), 23).collect();
        assert!(conclusion(23, &many).ends_with("  … and 3 more\n"));
    }
}
