//! Reading a body into memory that is wiped, up to a limit.

use std::io::Read;

use zeroize::Zeroizing;

use super::trouble::Trouble;

/// A secret's value has at most 25 KiB, a token some KiB; JSON may double that.
const LONGEST: usize = 1024 * 1024;
const FIRST: usize = 16 * 1024;

/// Reads to the end. The limit holds for what comes out of decompression too.
pub(super) fn read(
    mut reader: impl Read,
    expected: Option<u64>,
) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    let expected = expected.and_then(|length| usize::try_from(length).ok()).unwrap_or(FIRST);
    // One byte more than what is expected, so that the end is seen without growing.
    let mut body = room_for(expected.min(LONGEST) + 1);
    let mut length = 0;
    loop {
        if length == body.len() {
            body = grown(&body);
        }
        let count = reader.read(&mut body[length..]).map_err(|error| {
            // ureq wraps its own errors for io::Read.
            Trouble::from_ureq(ureq::Error::from(error))
        })?;
        if count == 0 {
            body.truncate(length);
            return Ok(body);
        }
        length += count;
        if length > LONGEST {
            return Err(Trouble::TooLarge);
        }
    }
}

fn room_for(length: usize) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(vec![0; length])
}

/// A `Vec` that grows leaves its old content behind in memory; this does not.
fn grown(body: &Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    let mut larger = room_for((body.len() * 2).max(FIRST));
    larger[..body.len()].copy_from_slice(body);
    larger
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_up_to_the_limit_are_read_whatever_length_was_declared() {
        for length in [0, 1, FIRST, FIRST + 1, 100_000, LONGEST] {
            let content: Vec<u8> = (0..length).map(|at| at as u8).collect();
            for declared in [None, Some(0), Some(length as u64), Some(u64::MAX)] {
                let body = read(content.as_slice(), declared).unwrap_or_else(|_| panic!());
                assert_eq!(*body, content);
            }
        }
    }

    #[test]
    fn a_body_without_end_is_given_up() {
        assert!(matches!(read(std::io::repeat(b'x'), None), Err(Trouble::TooLarge)));
    }
}
