//! The look: whether there is colour, how wide a line may be, and which characters can be shown.

use std::env;
use std::fmt::Display;

use console::Term;
use owo_colors::{Style, Styled};

/// How text shall look where it is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// Whether to use colours. Every text reads the same without them.
    pub(crate) colour: bool,
    /// The columns of the terminal; none where there is no terminal, and then nothing is folded or cut.
    pub(crate) width: Option<usize>,
    /// Whether characters beyond ASCII can be shown.
    pub(crate) unicode: bool,
}

/// What a piece of text is, which decides its colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// It went well, or something new comes into being.
    Good,
    /// It failed, or something goes away.
    Bad,
    /// Look at it: a change, a retry, something left undone.
    Warn,
    /// Something to type or to open: a command, a path, an address.
    Hint,
    /// Detail that the eye may pass over.
    Dim,
    /// A heading.
    Strong,
}

impl Tone {
    const fn style(self) -> Style {
        let style = Style::new();
        match self {
            Self::Plain => style,
            Self::Good => style.green(),
            Self::Bad => style.red(),
            Self::Warn => style.yellow(),
            Self::Hint => style.cyan(),
            Self::Dim => style.dimmed(),
            Self::Strong => style.bold(),
        }
    }
}

impl Look {
    /// The look of what goes to stdout.
    pub(crate) fn stdout(colour: bool) -> Self {
        Self::of(&Term::stdout(), colour)
    }

    /// The look of what goes to stderr.
    pub(crate) fn stderr(colour: bool) -> Self {
        Self::of(&Term::stderr(), colour)
    }

    fn of(term: &Term, colour: bool) -> Self {
        let width = term.is_term().then(|| usize::from(term.size().1));
        Self { colour, width, unicode: locale_is_unicode(|name| env::var(name).ok()) }
    }

    /// `text` in the colour of `tone`. Widths and alignments given to the result apply to the text alone.
    pub(crate) const fn paint<T: Display>(self, tone: Tone, text: T) -> Styled<T> {
        let style = if self.colour { tone.style() } else { Style::new() };
        style.style(text)
    }

    /// An arrow from what is to what shall be, or from a step to the next.
    pub(crate) const fn arrow(self) -> &'static str {
        if self.unicode { "→" } else { "->" }
    }

    /// Stands for what was left out.
    pub(crate) const fn ellipsis(self) -> &'static str {
        if self.unicode { "…" } else { "..." }
    }
}

/// Whether the locale has all characters. The first of the three variables that is set decides, as in POSIX.
fn locale_is_unicode(variable: impl Fn(&str) -> Option<String>) -> bool {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
    locale.is_some_and(|locale| {
        let locale = locale.to_ascii_uppercase();
        locale.contains("UTF-8") || locale.contains("UTF8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_locale_variable_that_is_set_decides() {
        #[track_caller]
        fn check(variables: &[(&str, &str)], expected: bool) {
            let lookup = |name: &str| {
                let found = variables.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(locale_is_unicode(lookup), expected, "{variables:?}");
        }
        check(&[("LANG", "en_GB.UTF-8")], true);
        check(&[("LANG", "C.utf8")], true);
        check(&[("LC_ALL", "C"), ("LANG", "en_GB.UTF-8")], false);
        check(&[("LC_ALL", ""), ("LANG", "en_GB.UTF-8")], true);
        check(&[("LANG", "en_GB.ISO-8859-1")], false);
        check(&[], false);
    }

    #[test]
    fn colours_surround_the_text_and_not_its_padding() {
        let look = Look { colour: true, width: None, unicode: true };
        insta::assert_snapshot!(
            format!("{:?}", format!("{}|{:>4}|", look.paint(Tone::Good, "ok"), look.paint(Tone::Plain, "ok"))),
            @r#""\u{1b}[32mok\u{1b}[0m|  ok|""#
        );
    }
}
