//! Characters that nobody sees: they come along with text that is copied from pages and chats.

/// The first character of a text that takes no room, turns the direction of writing, or looks like
/// a space and is none, as people name it (`U+200B`). The joiners of scripts and of emoji
/// (U+200C, U+200D) belong to names.
pub(crate) fn first(text: &str) -> Option<String> {
    let found = text.chars().find(|character| is_invisible(*character))?;
    Some(format!("U+{:04X}", u32::from(found)))
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
            assert_eq!(first(text).as_deref(), Some(name));
        }
        for text in ["", "a b", "Büro", "日本", "👩\u{200d}🔧", "نامه\u{200c}ای"] {
            assert_eq!(first(text), None);
        }
    }
}
