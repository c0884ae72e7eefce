//! A JSON string (RFC 8259 §7) read into memory that is wiped.
//!
//! Serde's own way with escapes, and a PEM text is full of `\n`, leaves a copy of the text behind
//! in memory.

use std::str::Chars;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

/// A string, wiped when dropped.
pub(super) struct JsonText(pub(super) Zeroizing<String>);

impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        let text = unquoted(raw).ok_or_else(|| serde::de::Error::custom("not a string"))?;
        Ok(Self(text))
    }
}

fn unquoted(raw: &str) -> Option<Zeroizing<String>> {
    let escaped = raw.trim().strip_prefix('"')?.strip_suffix('"')?;
    // Never longer than with its escapes: it does not grow, so it leaves no copies either.
    let mut text = Zeroizing::new(String::with_capacity(escaped.len()));
    let mut rest = escaped;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut characters = escape.chars();
        text.push(unescaped(&mut characters)?);
        rest = characters.as_str();
    }
    text.push_str(rest);
    Some(text)
}

fn unescaped(rest: &mut Chars<'_>) -> Option<char> {
    Some(match rest.next()? {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'u' => return unicode(rest),
        character @ ('"' | '\\' | '/') => character,
        _ => return None,
    })
}

/// Characters beyond the first plane come as two escapes.
fn unicode(rest: &mut Chars<'_>) -> Option<char> {
    let first = unit(rest)?;
    if !(0xD800..0xDC00).contains(&first) {
        return char::from_u32(first);
    }
    let second = (rest.next()? == '\\' && rest.next()? == 'u').then(|| unit(rest))??;
    let low = second.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
    char::from_u32(0x10000 + ((first - 0xD800) << 10) + low)
}

fn unit(rest: &mut Chars<'_>) -> Option<u32> {
    (0..4).try_fold(0, |unit, _| Some(unit * 16 + rest.next()?.to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(json: &str) -> Option<String> {
        serde_json::from_str::<JsonText>(json).ok().map(|text| text.0.to_string())
    }

    #[test]
    fn every_escape_is_understood() {
        let json = r#" "a\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00é😀" "#;
        assert_eq!(read(json).as_deref(), Some("a\"\\/\u{8}\u{c}\n\r\té😀é😀"));
        assert_eq!(read(r#""""#).as_deref(), Some(""));
    }

    #[test]
    fn what_is_no_string_is_refused() {
        for json in [
            "",
            "null",
            "7",
            "[]",
            "{}",
            "\"",
            "\"\\\"",
            r#""\x""#,
            r#""\u12""#,
            r#""\uD83D""#,
            r#""\uDE00""#,
            r#""\uD83D\u0041""#,
            r#""\uD83Dx""#,
            "\"\n\"",
        ] {
            assert_eq!(read(json), None, "{json}");
        }
    }

    proptest! {
        #[test]
        fn it_reads_what_serde_reads(text in ".{0,60}", junk in "\"[a-fu0-9\\\\dD8\"]{0,20}\"") {
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(read(&json), Some(text));
            prop_assert_eq!(read(&junk), serde_json::from_str::<String>(&junk).ok());
        }
    }
}
