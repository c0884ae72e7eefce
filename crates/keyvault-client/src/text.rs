//! Other people's words, made fit for a log or a sentence of ours.

/// At most `longest` characters on one line, without control characters.
pub(crate) fn one_line(text: &str, longest: usize) -> String {
    let mut line = String::new();
    let mut words = text.split(|c: char| c.is_whitespace() || c.is_control());
    for word in words.by_ref().filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if let Some((end, _)) = line.char_indices().nth(longest) {
            line.truncate(end);
            line.push('…');
            break;
        }
    }
    line
}

/// A GUID as Azure prints them.
pub(crate) fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_and_cut() {
        assert_eq!(one_line(" a\r\n\tb\u{0}c ", 10), "a b c");
        assert_eq!(one_line("äöü äöü", 4), "äöü …");
        assert_eq!(one_line(&"x".repeat(100), 3), "xxx…");
    }

    #[test]
    fn guids_are_told_from_other_text() {
        assert!(is_guid("4633458b-17de-408a-b874-0445c86b69e6"));
        assert!(!is_guid("4633458b-17de-408a-b874-0445c86b69e"));
        assert!(!is_guid("4633458b+17de-408a-b874-0445c86b69e6"));
    }
}
