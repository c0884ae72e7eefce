//! Characters that nobody sees: they come along with text that is copied from pages and chats.

/// What to say of a text with a character in it that takes no room, turns the direction of
/// writing, or looks like a space and is none. The joiners of scripts and of emoji (U+200C,
/// U+200D) belong to names.
pub(crate) fn objection(text: &str) -> Option<String> {
    let found = text.chars().find(|character| is_invisible(*character))?;
    Some(format!(
        "has a character in it that nobody sees (U+{:04X}), as copied text often has: write it anew",
        u32::from(found)
    ))
}

fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{a0}'
            | '\u{ad}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202f}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_named() {
        for (text, name) in [
            ("web\u{200b}", "U+200B"),
            ("\u{feff}https://", "U+FEFF"),
            ("a\u{a0}b", "U+00A0"),
            ("evil\u{202e}mep", "U+202E"),
        ] {
            let said = objection(text).unwrap_or_default();
            assert!(said.contains(&format!("({name})")), "{said}");
        }
        for text in ["", "a b", "Büro", "日本", "👩\u{200d}🔧", "نامه\u{200c}ای"] {
            assert_eq!(objection(text), None);
        }
    }
}
