//! Values that stand for other values, and were deployed as they are.

/// What a text is instead of a value, if it looks like something that should have been replaced.
pub(crate) fn recognise(text: &str) -> Option<&'static str> {
    let between = |open, close| text.starts_with(open) && text.ends_with(close);
    if between("[", "]") && text.contains('(') {
        Some(
            "is an expression of an ARM template, which only a deployment of that template evaluates",
        )
    } else if between("${", "}") || between("$(", ")") || between("{{", "}}") {
        Some("is a variable that nothing has filled in")
    } else if between("<", ">") {
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
            ("<observedCert1>", "example"),
        ] {
            let found = recognise(text).unwrap_or_default();
            assert!(found.contains(word), "{text}");
        }
        for text in ["", "https://contoso.vault.azure.net/secrets/web", "[web]", "a<b>"] {
            assert_eq!(recognise(text), None, "{text}");
        }
    }
}
