//! Durations as people write them elsewhere; here only seconds count.

/// The seconds that a text means, if it is a duration in another notation: `1h`, `10 min`, `PT1H`
/// (ISO 8601), `00:10:00`.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    if text.contains(':') {
        let parts: Option<Vec<u64>> = text.split(':').map(|part| part.parse().ok()).collect();
        let parts = parts.filter(|parts| parts.len() == 3)?;
        return parts.iter().try_fold(0_u64, |sum, part| sum.checked_mul(60)?.checked_add(*part));
    }
    let (time, date) = (text.strip_prefix("pt"), text.strip_prefix('p'));
    // Without a T in front an M is months.
    if time.is_none() && date.is_some_and(|date| !date.ends_with('d')) {
        return None;
    }
    let text = time.or(date).unwrap_or(&text);
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let factor = match unit.trim() {
        "s" | "sec" | "secs" | "second" | "seconds" => 1,
        "m" | "min" | "mins" | "minute" | "minutes" => 60,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600,
        "d" | "day" | "days" => 86_400,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_in_other_notations_are_understood() {
        for (text, expected) in [
            ("1h", Some(3600)),
            (" 10 min ", Some(600)),
            ("60s", Some(60)),
            ("1d", Some(86_400)),
            ("PT1H", Some(3600)),
            ("PT5M", Some(300)),
            ("P1D", Some(86_400)),
            ("P1M", None),
            ("00:10:00", Some(600)),
            ("1:00:00", Some(3600)),
            ("3600", None),
            ("10:00", None),
            ("soon", None),
            ("", None),
            ("-1h", None),
            ("1h30m", None),
            ("99999999999999999999h", None),
            ("9999999999999999999d", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
