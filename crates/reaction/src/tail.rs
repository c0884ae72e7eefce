//! The end of what a program said.

use std::collections::VecDeque;

/// The last bytes of a stream of any length.
#[derive(Debug)]
pub(crate) struct Tail {
    kept: VecDeque<u8>,
    most: usize,
    was_cut: bool,
}

impl Tail {
    /// Keeps so many bytes.
    pub(crate) fn of(most: usize) -> Self {
        Self { kept: VecDeque::with_capacity(most), most, was_cut: false }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.kept.extend(bytes);
        let surplus = self.kept.len().saturating_sub(self.most);
        self.kept.drain(..surplus);
        self.was_cut |= surplus > 0;
    }

    /// As text for people: without surrounding space, a cut marked by `…`, and control characters,
    /// which can rewrite what a terminal shows, written out. Line breaks stay.
    pub(crate) fn text(&self) -> String {
        let bytes: Vec<u8> = self.kept.iter().copied().collect();
        let mut rest = bytes.as_slice();
        if self.was_cut {
            // Half a character at the place of the cut.
            while rest.first().is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000) {
                rest = rest.get(1..).unwrap_or_default();
            }
        }
        let text = harmless(String::from_utf8_lossy(rest).trim());
        if self.was_cut { format!("…{text}") } else { text }
    }
}

/// Control characters written out, except line breaks, and tabs as spaces.
fn harmless(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\n' => clean.push(c),
            '\t' => clean.push(' '),
            // Beside control characters: those that change the direction of text.
            c if c.is_control()
                || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
            {
                clean.extend(c.escape_unicode());
            }
            c => clean.push(c),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(most: usize, parts: &[&[u8]]) -> String {
        let mut tail = Tail::of(most);
        for part in parts {
            tail.push(part);
        }
        tail.text()
    }

    #[test]
    fn a_short_text_is_kept_whole() {
        assert_eq!(text(16, &[b" one\n", b"two\n\n"]), "one\ntwo");
        assert_eq!(text(16, &[]), "");
    }

    #[test]
    fn of_a_long_text_the_end_is_kept() {
        assert_eq!(text(4, &[b"abc", b"defgh"]), "…efgh");
        assert_eq!(text(4, &[&[b'x'; 100_000]]), "…xxxx");
    }

    #[test]
    fn a_cut_never_leaves_half_a_character() {
        assert_eq!(text(4, &["größer".as_bytes()]), "…ßer");
        assert_eq!(text(3, &["grüße".as_bytes()]), "…ße");
        assert_eq!(text(2, &["grüße".as_bytes()]), "…e");
    }

    #[test]
    fn control_characters_are_written_out() {
        let said = b"\x1b[2Jfine\x07\r\nnext\tcolumn\0 \xff \xe2\x80\xae";
        let wanted = "\\u{1b}[2Jfine\\u{7}\nnext column\\u{0} \u{fffd} \\u{202e}";
        assert_eq!(text(100, &[said]), wanted);
    }
}
