//! What a log line is about, beside its words: the fields that machines filter by.

use log::Record;
use log::kv::{Error, Key, Value, VisitSource};

/// The fields that a line may carry, in any order.
const KNOWN: [&str; 3] = ["certificate", "version", "code"];

/// The fields of a line.
pub(crate) fn fields(record: &Record<'_>) -> Vec<(&'static str, String)> {
    let mut found = Fields(Vec::new());
    // The visitor below refuses nothing.
    let _ = record.key_values().visit(&mut found);
    found.0
}

struct Fields(Vec<(&'static str, String)>);

impl<'kvs> VisitSource<'kvs> for Fields {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        if let Some(known) = KNOWN.into_iter().find(|known| *known == key.as_str()) {
            self.0.push((known, value.to_string()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_which_certificate_it_is_about() {
        let pairs = [("certificate", "contoso.web"), ("other", "x"), ("code", "12")];
        let record = Record::builder().key_values(&pairs).build();
        let expected = [("certificate", "contoso.web".to_owned()), ("code", "12".to_owned())];
        assert_eq!(fields(&record), expected);
    }
}
