//! Text within SVG and HTML: nothing that a name or a message holds is ever taken for markup.

use std::fmt;

use crate::words::printable;

/// A text as it stands in markup, between tags as well as within a quoted attribute.
pub(crate) fn text(text: &str) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            for c in printable(line).chars() {
                match c {
                    '&' => f.write_str("&amp;")?,
                    '<' => f.write_str("&lt;")?,
                    '>' => f.write_str("&gt;")?,
                    '"' => f.write_str("&quot;")?,
                    '\'' => f.write_str("&#39;")?,
                    // XML has no place for these two, however they are written.
                    '\u{fffe}' | '\u{ffff}' => f.write_str("\u{fffd}")?,
                    c => write!(f, "{c}")?,
                }
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_browser_would_act_upon_is_spelled_out() {
        let shown = text("<script>alert('1 & \"2\"')</script>\u{1b}[31m\nnext").to_string();
        insta::assert_snapshot!(shown, @r"
        &lt;script&gt;alert(&#39;1 &amp; &quot;2&quot;&#39;)&lt;/script&gt;\u{1b}[31m
        next
        ");
    }

    proptest! {
        #[test]
        fn any_text_stays_text(words: String) {
            let document = format!("<a b=\"{0}\">{0}</a>", text(&words));
            let read = roxmltree::Document::parse(&document).unwrap();
            let root = read.root_element();
            prop_assert_eq!(root.children().filter(|node| !node.is_text()).count(), 0);
        }
    }
}
