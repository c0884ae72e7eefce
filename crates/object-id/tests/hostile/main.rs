//! Texts that are no names, or nearly.

mod invariants;

use proptest::prelude::*;

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused_and_never_escapes_its_directory(text in ".{0,80}") {
        invariants::hold(&text);
        invariants::hold(&format!("https://abc.vault.azure.net/secrets/{text}"));
        invariants::hold(&format!("https://{text}/secrets/x"));
    }

    #[test]
    fn texts_of_the_right_letters_never_panic(text in "[hps:/@.?#%a-zA-Z0-9\\[\\]\u{0}-]{0,80}") {
        invariants::hold(&text);
        invariants::hold(&format!("https://abc.vault.azure.net/{text}"));
        invariants::hold(&format!("https://{text}.vault.azure.net/keys/x"));
    }
}
