//! A JSON string (RFC 8259 §7) read into memory that is wiped.
//!
//! Serde's own way with escapes, and a PEM text is full of `\n`, leaves a copy of the text behind
//! in memory. Text without escapes, like the base64 of PKCS#12, is left where it stands: most
//! secrets are only fetched for their version, and copies take time to wipe.

use std::ops::Range;
use std::str::Chars;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use zeroize::{Zeroize as _, Zeroizing};

/// A string of a JSON text.
pub(super) enum JsonText<'a> {
    /// As it stands there.
    Plain(&'a str),
    /// A copy without its escapes.
    Unescaped(Zeroizing<String>),
}

/// Where a string is, once the JSON text may be changed.
pub(super) enum Place {
    Within(Range<usize>),
    Apart(Zeroizing<String>),
}

impl<'de: 'a, 'a> Deserialize<'de> for JsonText<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        unquoted(raw).ok_or_else(|| serde::de::Error::custom("not a string"))
    }
}

impl JsonText<'_> {
    /// Where it is; `json` is the text that it was read from.
    pub(super) fn place(self, json: &[u8]) -> Place {
        match self {
            Self::Plain(text) => {
                let start = text.as_ptr().addr() - json.as_ptr().addr();
                Place::Within(start..start + text.len())
            }
            Self::Unescaped(text) => Place::Apart(text),
        }
    }
}

impl Place {
    /// The string; it takes the memory of the JSON text, where it stands in it.
    pub(super) fn take(self, json: &mut Zeroizing<Vec<u8>>) -> Option<Zeroizing<String>> {
        let range = match self {
            Self::Apart(text) => return Some(text),
            Self::Within(range) => range,
        };
        // What is left behind its end is wiped with it: Zeroizing wipes all of a vector's memory.
        json.truncate(range.end);
        json.drain(..range.start);
        let text = String::from_utf8(std::mem::take(json)).map_err(|error| {
            error.into_bytes().zeroize();
        });
        text.ok().map(Zeroizing::new)
    }
}

fn unquoted(raw: &str) -> Option<JsonText<'_>> {
    let escaped = raw.trim().strip_prefix('"')?.strip_suffix('"')?;
    if !escaped.contains('\\') {
        return Some(JsonText::Plain(escaped));
    }
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
    Some(JsonText::Unescaped(text))
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
        let mut body = Zeroizing::new(json.as_bytes().to_vec());
        let place = serde_json::from_slice::<JsonText<'_>>(&body).ok()?.place(&body);
        place.take(&mut body).map(|text| text.to_string())
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
