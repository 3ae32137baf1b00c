//! Words: the signs, counts and times that every line of output is made of.

use std::borrow::Cow;
use std::fmt::Write;

/// A number and what it counts: `1 instance`, `10,000 instances`. `noun` is one that takes an `s`.
pub fn count(number: usize, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", grouped(number))
}

/// A number with its thousands set apart: `10,000`.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A length of time: `0.02s`, `0.4s`, `12.3s`, `1m 04s`, `2h 05m`.
pub fn duration(seconds: f64) -> String {
    // Rounding comes first, so that 59.96 becomes a minute and not `60.0s`.
    if seconds < 0.095 {
        return format!("{:.2}s", seconds.max(0.0));
    }
    if seconds < 59.95 {
        return format!("{seconds:.1}s");
    }
    let (minutes, seconds) = split(seconds.round(), 60.0);
    if minutes < 60.0 {
        return format!("{minutes}m {seconds:02}s");
    }
    let (hours, minutes) = split(minutes, 60.0);
    format!("{hours}h {minutes:02}m")
}

/// A length of time that nobody knows well: `about 5s`, `about 1m 15s`, `about 12m`, `about 1h 05m`. Rounded up.
pub fn about(seconds: f64) -> String {
    let step = match seconds {
        ..60.0 => 5.0,
        ..600.0 => 15.0,
        _ => 60.0,
    };
    let (minutes, seconds) = split((seconds / step).ceil() * step, 60.0);
    match (minutes, seconds) {
        (..1.0, _) => format!("about {seconds:.0}s"),
        (..60.0, 0.0) => format!("about {minutes:.0}m"),
        (..60.0, _) => format!("about {minutes:.0}m {seconds:.0}s"),
        _ => format!("about {}", duration(minutes * 60.0)),
    }
}

fn split(number: f64, by: f64) -> (f64, f64) {
    ((number / by).floor(), number % by)
}

/// A length of time given in milliseconds: `0.4ms`, `12ms`, `1.3s`.
pub fn millis(millis: f64) -> String {
    if millis < 9.95 {
        format!("{millis:.1}ms")
    } else if millis < 999.5 {
        format!("{millis:.0}ms")
    } else {
        duration(millis / 1000.0)
    }
}

/// Text that others wrote, fit to be shown: what could move the cursor, change the colour or turn the direction of
/// what follows is spelled out.
pub fn printable(text: &str) -> Cow<'_, str> {
    // The marks of Unicode's bidirectional algorithm, UAX #9.
    let turns = |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let steers = |c: char| (c.is_control() && c != '\t') || turns(c);
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) {
            let _ = write!(shown, "{}", c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// A word as a shell takes it.
pub fn shell(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_alphanumeric() || "-_./:@%+,=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

/// The text in at most `width` columns, its end left out where it is longer.
pub fn fit<'t>(text: &'t str, width: usize, ellipsis: &str) -> Cow<'t, str> {
    if text.chars().count() <= width {
        return Cow::Borrowed(text);
    }
    let kept = width.saturating_sub(ellipsis.chars().count());
    Cow::Owned(text.chars().take(kept).chain(ellipsis.chars()).take(width).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn counts() {
        assert_eq!(count(0, "instance"), "0 instances");
        assert_eq!(count(1, "instance"), "1 instance");
        assert_eq!(count(3, "instance"), "3 instances");
        assert_eq!(count(999, "step"), "999 steps");
        assert_eq!(count(1_000, "step"), "1,000 steps");
        assert_eq!(count(1_234_567, "step"), "1,234,567 steps");
    }

    #[test]
    fn durations() {
        #[track_caller]
        fn check(seconds: f64, expected: &str) {
            assert_eq!(duration(seconds), expected, "{seconds}");
        }
        check(-1.0, "0.00s");
        check(0.0, "0.00s");
        check(0.016, "0.02s");
        check(0.094, "0.09s");
        check(0.099, "0.1s");
        check(0.84, "0.8s");
        check(12.34, "12.3s");
        check(59.94, "59.9s");
        check(59.96, "1m 00s");
        check(64.0, "1m 04s");
        check(3_599.4, "59m 59s");
        check(3_599.6, "1h 00m");
        check(7_530.0, "2h 05m");
    }

    #[test]
    fn guesses() {
        assert_eq!(about(0.2), "about 5s");
        assert_eq!(about(41.0), "about 45s");
        assert_eq!(about(58.0), "about 1m");
        assert_eq!(about(61.0), "about 1m 15s");
        assert_eq!(about(599.0), "about 10m");
        assert_eq!(about(700.0), "about 12m");
        assert_eq!(about(3_890.0), "about 1h 05m");
    }

    #[test]
    fn milliseconds() {
        #[track_caller]
        fn check(given: f64, expected: &str) {
            assert_eq!(millis(given), expected, "{given}");
        }
        check(0.42, "0.4ms");
        check(9.97, "10ms");
        check(12.3, "12ms");
        check(1_250.0, "1.2s");
    }

    #[test]
    fn words_for_the_shell() {
        assert_eq!(shell("fleets/team.yaml"), "fleets/team.yaml");
        assert_eq!(shell("my fleet.yaml"), "'my fleet.yaml'");
        assert_eq!(shell("it's"), r"'it'\''s'");
        assert_eq!(shell(""), "''");
    }

    #[test]
    fn what_others_wrote_can_not_steer_the_terminal() {
        assert_eq!(printable("a\tplain line"), "a\tplain line");
        assert_eq!(printable("\u{1b}[31mred\r\n"), r"\u{1b}[31mred\r\n");
        assert_eq!(printable("user\u{202e}toor"), r"user\u{202e}toor");
    }

    proptest! {
        #[test]
        fn a_fitted_text_is_never_wider_than_asked(text in ".{0,40}", width in 0_usize..40) {
            let fitted = fit(&text, width, "...");
            prop_assert!(fitted.chars().count() <= width);
            prop_assert!(text.chars().count() > width || fitted == text);
        }

        #[test]
        fn grouping_only_adds_commas(number in any::<usize>()) {
            prop_assert_eq!(grouped(number).replace(',', ""), number.to_string());
        }
    }
}
