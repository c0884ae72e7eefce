//! Values that stand for other values, and were deployed as they are.

/// Around a variable's name: shells and Terraform, Azure Pipelines, Helm and Jinja, tasks that replace tokens.
const FILLED_IN: [(&str, &str); 5] =
    [("${", "}"), ("$(", ")"), ("{{", "}}"), ("{%", "%}"), ("#{", "}")];

/// What a text is instead of a value, if it looks like something that should have been replaced.
pub(crate) fn recognise(text: &str) -> Option<&'static str> {
    let between = |open, close| text.starts_with(open) && text.ends_with(close);
    let inside = |open: &str, close: &str| {
        text.split_once(open).is_some_and(|(_, rest): (&str, &str)| rest.contains(close))
    };
    if between("[", "]") && text.contains('(') {
        Some(
            "is an expression of an ARM template, which only a deployment of that template evaluates",
        )
    } else if text.starts_with("System.") || between("@{", "}") {
        Some("is what PowerShell writes for what lies too deep (ConvertTo-Json -Depth 10)")
    } else if FILLED_IN.iter().any(|(open, close)| inside(open, close)) {
        Some("is a variable that nothing has filled in")
    } else if inside("<", ">") {
        Some("is a placeholder of an example")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_of_templates_shells_and_examples_are_recognised() {
        for (text, word) in [
            ("[parameters('url')]", "ARM template"),
            ("[concat('https://', variables('v'))]", "ARM template"),
            ("${url}", "variable"),
            ("$(certificateUrl)", "variable"),
            ("{{ url }}", "variable"),
            ("{% url %}", "variable"),
            ("https://#{vault}#.vault.azure.net/secrets/web", "variable"),
            ("<observedCert1>", "example"),
            ("https://${vault}.vault.azure.net/secrets/web", "variable"),
            ("https://<vault>.vault.azure.net/secrets/web", "example"),
            ("System.Collections.Hashtable", "PowerShell"),
            ("@{url=https://x; certificateStoreLocation=/y}", "PowerShell"),
        ] {
            let found = recognise(text).unwrap_or_default();
            assert!(found.contains(word), "{text}");
        }
        for text in ["", "https://contoso.vault.azure.net/secrets/web", "[web]", "a<b", "$a"] {
            assert_eq!(recognise(text), None, "{text}");
        }
    }
}
