//! Points in time as `allowed_signers` has them. Knows no clock and no time zone but UTC.

/// Seconds since 1970 of `YYYYMMDD[HHMM[SS]]Z`; otherwise what is wrong with the text.
pub(crate) fn parse(text: &str) -> Result<i64, &'static str> {
    const FORM: &str = "is no time: expected `YYYYMMDDZ`, `YYYYMMDDHHMMZ` or `YYYYMMDDHHMMSSZ`";
    // Without the letter it would be the time zone of whichever machine the program happens to run on.
    let digits = match text.strip_suffix(['Z', 'z']) {
        Some(digits) => digits,
        None if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            return Err("has no time zone: write it in UTC, with a `Z` at the end");
        }
        None => return Err(FORM),
    };
    if !matches!(digits.len(), 8 | 12 | 14) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(FORM);
    }
    let number = |from: usize, to: usize| -> i64 {
        digits.get(from..to).and_then(|part| part.parse().ok()).unwrap_or(0)
    };
    let (year, month, day) = (number(0, 4), number(4, 6), number(6, 8));
    let (hour, minute, second) = (number(8, 10), number(10, 12), number(12, 14));
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let in_month = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        _ => 31,
    };
    let sane = year >= 1970
        && (1..=12).contains(&month)
        && (1..=in_month).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !sane {
        return Err("is a time that there is not");
    }
    Ok(((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
}

/// Days since 1970-01-01, counted in years that begin in March, so that the leap day is the last one.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let before = year * 365 + year / 4 - year / 100 + year / 400;
    before + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_that_date_computes() {
        let known = [
            ("19700101Z", 0),
            ("20000229Z", 951_782_400),
            ("20000301Z", 951_868_800),
            ("202611221030Z", 1_795_343_400),
            ("20261122103059z", 1_795_343_459),
            ("99991231235959Z", 253_402_300_799),
        ];
        for (text, seconds) in known {
            assert_eq!(parse(text), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let none = [
            "",
            "Z",
            "20261122",
            "2026112Z",
            "20261301Z",
            "20260229Z",
            "20260431Z",
            "202611222400Z",
            "20261122106000Z",
            "2026112210305Z",
            "2026+122Z",
            "20261122é",
            "１９７００１０１Z",
            "19690101Z",
        ];
        for text in none {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("20261122").is_err_and(|what| what.contains("UTC")));
    }
}
