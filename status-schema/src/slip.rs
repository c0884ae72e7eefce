//! What people do to JSON files by hand, or give in their place, recognised from the bytes of one
//! that cannot be read.

use serde_json::Error;

/// What is probably wrong with a file that is not JSON, and what to do; `None` where nothing
/// gives it away. `error` is what the parser says of it.
pub(crate) fn recognise(bytes: &[u8], error: &Error) -> Option<&'static str> {
    if let Some(other) = not_text(bytes).or_else(|| another_kind(std::str::from_utf8(bytes).ok()?))
    {
        return Some(other);
    }
    if error.to_string().starts_with("control character") {
        // Found a line too late.
        return Some("there is a line break or a tab between quotes: remove it");
    }
    let offset = offset(bytes, error.line(), error.column());
    at(bytes, offset).or_else(|| of(error))
}

/// What cannot be text in UTF-8.
fn not_text(bytes: &[u8]) -> Option<&'static str> {
    let nul = |parity: usize| {
        let halves = bytes.iter().take(64).skip(parity).step_by(2);
        halves.clone().count() > 0 && halves.into_iter().all(|byte| *byte == 0)
    };
    let is_utf16 = bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF");
    if is_utf16 || nul(0) || nul(1) {
        return Some(
            "it is UTF-16, which Windows PowerShell writes by default: save it as UTF-8 \
             (Out-File -Encoding utf8)",
        );
    }
    if bytes.contains(&0) {
        return Some("it is no text at all: give the file with the settings");
    }
    std::str::from_utf8(bytes).is_err().then_some(
        "it is not UTF-8, perhaps because of a letter that is not ASCII: save it as UTF-8",
    )
}

/// A text that was never meant to be JSON, by how it begins.
fn another_kind(text: &str) -> Option<&'static str> {
    let text = text.trim_start();
    let first = text.lines().next().unwrap_or_default().trim_end();
    let is_name = |name: &str| {
        let mut bytes = name.bytes();
        bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let is_yaml = |line: &str| match line.split_once(':') {
        Some((name, rest)) => is_name(name.trim()) && (rest.is_empty() || rest.starts_with(' ')),
        None => line == "---",
    };
    if text.starts_with('<') {
        Some("it is a web page or XML: give the file with the settings")
    } else if text.starts_with("-----BEGIN ") {
        Some("it is a certificate or key in PEM: give the file with the settings")
    } else if text.starts_with("#!") {
        Some("it is a script: give the settings that the script deploys")
    } else if text.starts_with("@{") || text.starts_with("System.") || is_table(text) {
        Some("it is PowerShell's own notation of an object: write it with ConvertTo-Json -Depth 10")
    } else if first.starts_with('@') {
        Some("it is the name of a file, as az takes one (@FILE): give that file itself")
    } else if is_yaml(first) {
        Some("it is YAML: write the settings as JSON")
    } else if text.starts_with("eyJ") && !first.contains(['{', ' ', '"']) {
        Some("it is in base64: give what `base64 -d` makes of it")
    } else if first.split_once('=').is_some_and(|(name, _)| is_name(name)) {
        Some("it has lines NAME=VALUE, as /etc/akvvm/environment has: the settings are JSON")
    } else {
        None
    }
}

/// PowerShell prints a hashtable as columns with dashes below their names.
fn is_table(text: &str) -> bool {
    text.lines().nth(1).is_some_and(|line| {
        line.starts_with("----") && line.trim_end().bytes().all(|byte| b"- ".contains(&byte))
    })
}

/// A slip at the place where the parser stopped.
fn at(bytes: &[u8], offset: usize) -> Option<&'static str> {
    let rest = bytes.get(offset..).unwrap_or_default();
    let rest = std::str::from_utf8(rest).unwrap_or_default().trim_start_matches([' ', '\t', '\n']);
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
    if rest.starts_with(['\u{a0}', '\u{200b}', '\u{feff}', '\u{2007}', '\u{202f}']) {
        return Some(
            "there is a space of another kind in it, as web pages and word processors have them: \
             write a plain one",
        );
    }
    if ["True", "False", "None", "NaN", "undefined"].iter().any(|word| rest.starts_with(word)) {
        return Some("there is a word of another language in it: JSON has true, false and null");
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

/// What the parser itself says, in words for people who do not write parsers.
fn of(error: &Error) -> Option<&'static str> {
    let said = error.to_string();
    if error.is_eof() {
        Some("it ends too early: a brace, a bracket or a quote is not closed, or it was cut off")
    } else if said.starts_with("trailing characters") {
        Some("something follows its end: one object is all there may be in it")
    } else if said.starts_with("invalid number") {
        Some("there is a number that JSON does not know: write plain digits, no zero in front")
    } else {
        None
    }
}

/// The last byte before `offset` that is no white space.
fn before(bytes: &[u8], offset: usize) -> Option<u8> {
    bytes.get(..offset)?.iter().rev().find(|byte| !byte.is_ascii_whitespace()).copied()
}

/// The offset of a line and a column, both counted from 1 as serde_json counts them: a column is
/// a number of bytes, and 0 stands for the end of the line before.
fn offset(bytes: &[u8], line: usize, column: usize) -> usize {
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
        recognise(bytes, &serde_json::from_slice::<serde_json::Value>(bytes).unwrap_err())
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
            ("{\"a\": True}", "another language"),
            ("{\"a\":\u{a0}1}", "another kind"),
            ("{", "ends too early"),
            ("{\"a\": [1, 2", "ends too early"),
            ("{} {}", "follows its end"),
            ("{\"a\": \"b\nc\"}", "line break"),
            ("{\"a\": 0600}", "zero in front"),
        ] {
            assert!(slip(text.as_bytes()).unwrap_or_default().contains(word), "{text}");
        }
    }

    #[test]
    fn what_is_given_in_place_of_json_is_recognised() {
        for (text, word) in [
            ("a:\n  b: 1\n", "YAML"),
            ("---\na: 1\n", "YAML"),
            ("a: 1", "YAML"),
            ("@{ a = 1 }", "PowerShell"),
            ("System.Collections.Hashtable", "PowerShell"),
            ("\nName      Value\n----      -----\na         {b}\n", "PowerShell"),
            ("<!DOCTYPE html>", "web page"),
            ("-----BEGIN CERTIFICATE-----\n", "PEM"),
            ("#!/bin/sh\n", "script"),
            ("@settings.json", "name of a file"),
            ("HTTPS_PROXY=http://x\n", "NAME=VALUE"),
            ("eyJhIjoxfQ==", "base64"),
        ] {
            assert!(slip(text.as_bytes()).unwrap_or_default().contains(word), "{text}");
        }
        assert!(slip(b"PK\x03\x04\x00\x00\x08").unwrap().contains("no text"));
        assert!(slip(b"{\"a\": \"\xf6\"}").unwrap().contains("not UTF-8"));
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
        for text in ["{\"a\" 1}", "\u{7}", "]"] {
            assert_eq!(slip(text.as_bytes()), None, "{text}");
        }
    }
}
