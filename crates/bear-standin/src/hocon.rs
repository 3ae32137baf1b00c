//! How EMQX reads a variable's value: as HOCON, with the results that were observed.

/// What a value turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Number(String),
    Bool(bool),
    /// Nothing, or a comment only.
    Empty,
    /// A list, or an object: `a=b` and `a:b` are one with one field.
    Other,
}

/// Reads a value. Words that stand apart are joined without what was between them, which nobody expects.
pub(crate) fn parse(text: &str) -> Value {
    if text.trim_start().starts_with(['{', '[']) {
        return Value::Other;
    }
    let mut words: Vec<String> = Vec::new();
    let mut bare: Option<String> = None;
    let mut quoted = false;
    let mut rest = text.chars();
    while let Some(char) = rest.next() {
        match char {
            '=' | ':' => return Value::Other,
            '#' => break,
            '"' => {
                words.extend(bare.take());
                // A quotation without an end can't be read, so it stays what it is.
                let Some(word) = quotation(&mut rest) else { return Value::Text(text.to_owned()) };
                words.push(word);
                quoted = true;
            }
            char if char.is_whitespace() => words.extend(bare.take()),
            char => bare.get_or_insert_default().push(char),
        }
    }
    words.extend(bare);
    match &words[..] {
        [] => Value::Empty,
        [word] if !quoted => scalar(word),
        words => Value::Text(words.concat()),
    }
}

/// What follows an opening quotation mark, up to the closing one.
fn quotation(rest: &mut std::str::Chars<'_>) -> Option<String> {
    let mut word = String::new();
    loop {
        match rest.next()? {
            '"' => return Some(word),
            '\\' => word.push(match rest.next()? {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'u' => {
                    let digits: String = rest.by_ref().take(4).collect();
                    char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
                }
                other => other,
            }),
            char => word.push(char),
        }
    }
}

/// A word without quotation marks. `1e5` is a text, as observed.
fn scalar(word: &str) -> Value {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = word.strip_prefix('-').unwrap_or(word);
    let number = match unsigned.split_once('.') {
        Some((whole, part)) => digits(whole) && digits(part),
        None => digits(unsigned),
    };
    match word {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ if number => Value::Number(word.to_owned()),
        _ => Value::Text(word.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_read_as_observed() {
        let text = |text: &str| Value::Text(text.to_owned());
        let number = |text: &str| Value::Number(text.to_owned());
        for (given, read) in [
            ("Bear_first1", text("Bear_first1")),
            ("12345678", number("12345678")),
            ("00123", number("00123")),
            ("1.5", number("1.5")),
            ("1e5", text("1e5")),
            ("true", Value::Bool(true)),
            ("a=b", Value::Other),
            ("a:b", Value::Other),
            ("[1]", Value::Other),
            ("abc#def1", text("abc")),
            ("two words", text("twowords")),
            (r#"a b#c"d"#, text("ab")),
            ("", Value::Empty),
            ("# all of it", Value::Empty),
            (r#""12345678""#, text("12345678")),
            (r#""a b#c=d:e$f{g}""#, text("a b#c=d:e$f{g}")),
            (r#""q\"uo\\te""#, text(r#"q"uo\te"#)),
            (r#""pa${HOME}ss""#, text("pa${HOME}ss")),
            (r#""pässwörd1""#, text("pässwörd1")),
            (r#""ends\"#, text(r#""ends\"#)),
        ] {
            assert_eq!(parse(given), read, "{given}");
        }
    }

    proptest! {
        #[test]
        fn every_text_in_quotation_marks_is_itself(text in "\\PC*") {
            let quoted = format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""));
            prop_assert_eq!(parse(&quoted), Value::Text(text));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            parse(&text);
        }
    }
}
