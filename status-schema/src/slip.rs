//! What people do to JSON files by hand, recognised from the bytes of one that cannot be read.

/// What is probably wrong with a file that is not JSON, and what to do; `None` where nothing
/// gives it away. `offset` is where the parser stopped, in bytes.
pub(crate) fn recognise(bytes: &[u8], offset: usize) -> Option<&'static str> {
    let is_utf16 = bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF");
    if is_utf16 || bytes.iter().take(64).any(|byte| *byte == 0) {
        return Some(
            "it is UTF-16, which Windows PowerShell writes by default: save it as UTF-8 \
             (Out-File -Encoding utf8)",
        );
    }
    let rest = bytes.get(offset..).unwrap_or_default();
    let rest = std::str::from_utf8(rest).unwrap_or_default().trim_start();
    if rest.starts_with("\\\"") {
        return Some(
            "there are backslashes before its quotes, which only a shell needs: remove them",
        );
    }
    if rest.starts_with(['\u{201c}', '\u{201d}', '\u{201e}', '\u{2018}', '\u{2019}']) {
        return Some(
            "there are typographic quotes in it, which word processors make of straight ones: \
             write \"",
        );
    }
    match rest.chars().next()? {
        '\'' => Some("there are single quotes in it: write \" instead"),
        '/' | '#' => Some("there is a comment in it, which JSON does not have: remove it"),
        ']' | '}' if before(bytes, offset) == Some(b',') => {
            Some("there is a comma behind the last element: remove it")
        }
        letter if letter.is_ascii_alphabetic() => {
            Some("there is a name or value without quotes: write \"NAME\"")
        }
        _ => None,
    }
}

/// The last byte before `offset` that is no white space.
fn before(bytes: &[u8], offset: usize) -> Option<u8> {
    bytes.get(..offset)?.iter().rev().find(|byte| !byte.is_ascii_whitespace()).copied()
}

/// The offset of a line and a column, both counted from 1 as serde_json counts them: a column is
/// a number of bytes, and 0 stands for the end of the line before.
pub(crate) fn offset(bytes: &[u8], line: usize, column: usize) -> usize {
    let before: usize = bytes
        .split_inclusive(|byte| *byte == b'\n')
        .take(line.saturating_sub(1))
        .map(<[u8]>::len)
        .sum();
    before + column.saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slip(bytes: &[u8]) -> Option<&'static str> {
        let error = serde_json::from_slice::<serde_json::Value>(bytes).unwrap_err();
        recognise(bytes, offset(bytes, error.line(), error.column()))
    }

    #[test]
    fn what_people_do_by_hand_is_recognised() {
        for (text, word) in [
            ("{'a': 1}", "single quotes"),
            ("{\n  \"a\": 'b'\n}", "single quotes"),
            (r#"{\"a\": 1}"#, "backslashes"),
            ("{\u{201c}a\u{201d}: 1}", "typographic"),
            ("// mine\n{}", "comment"),
            ("{\"a\": 1, # why\n \"b\": 2}", "comment"),
            ("{\"a\": [1,]}", "comma"),
            ("{\"a\": 1,\n}", "comma"),
            ("{a: 1}", "without quotes"),
            ("{\"a\": https://b}", "without quotes"),
        ] {
            assert!(slip(text.as_bytes()).unwrap_or_default().contains(word), "{text}");
        }
    }

    #[test]
    fn a_file_of_windows_powershell_is_recognised() {
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        for bytes in [utf16("\u{feff}{\"a\": 1}"), utf16("{\"a\": 1}")] {
            assert!(slip(&bytes).unwrap().contains("UTF-16"));
        }
    }

    #[test]
    fn what_nothing_gives_away_stays_unexplained() {
        for text in ["{", "[1, 2", "{\"a\" 1}", "\u{7}"] {
            assert_eq!(slip(text.as_bytes()), None, "{text}");
        }
    }
}
