//! Cutting a stream of bytes into lines, with a bound on what is kept of each.

/// Collects bytes until a line is whole.
pub(crate) struct Lines {
    line: Vec<u8>,
    /// How many bytes of the line were left out because it grew over `line_max`.
    left_out: usize,
    line_max: usize,
}

/// A line without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawLine<'a> {
    /// Its beginning, or all of it.
    pub(crate) bytes: &'a [u8],
    /// How many bytes come after that.
    pub(crate) left_out: usize,
}

impl Lines {
    pub(crate) fn new(line_max: usize) -> Self {
        Self { line: Vec::new(), left_out: 0, line_max }
    }

    /// Takes more bytes, and hands on each line that they complete.
    pub(crate) fn push(&mut self, bytes: &[u8], each: &mut dyn FnMut(RawLine<'_>)) {
        let mut parts = bytes.split(|&byte| byte == b'\n');
        let unfinished = parts.next_back().unwrap_or_default();
        for part in parts {
            self.add(part);
            self.finish(each);
        }
        self.add(unfinished);
    }

    /// Hands on what remains when the stream ends without the end of a line.
    pub(crate) fn end(&mut self, each: &mut dyn FnMut(RawLine<'_>)) {
        if !self.line.is_empty() {
            self.finish(each);
        }
    }

    fn add(&mut self, part: &[u8]) {
        let room = self.line_max - self.line.len();
        let kept = part.len().min(room);
        self.line.extend_from_slice(&part[..kept]);
        self.left_out += part.len() - kept;
    }

    fn finish(&mut self, each: &mut dyn FnMut(RawLine<'_>)) {
        let bytes = if self.left_out == 0 { self.line.strip_suffix(b"\r") } else { None };
        each(RawLine { bytes: bytes.unwrap_or(&self.line), left_out: self.left_out });
        self.line.clear();
        self.left_out = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(chunks: &[&[u8]], line_max: usize) -> Vec<(String, usize)> {
        let mut found = Vec::new();
        let mut each = |line: RawLine<'_>| {
            found.push((String::from_utf8_lossy(line.bytes).into_owned(), line.left_out));
        };
        let mut lines = Lines::new(line_max);
        for chunk in chunks {
            lines.push(chunk, &mut each);
        }
        lines.end(&mut each);
        found
    }

    #[test]
    fn a_long_line_is_cut_and_the_next_one_is_whole() {
        insta::assert_debug_snapshot!(lines(&[b"abc", b"defgh\nij", b"\r\n\n", b"k"], 4), @r#"
        [
            (
                "abcd",
                4,
            ),
            (
                "ij",
                0,
            ),
            (
                "",
                0,
            ),
            (
                "k",
                0,
            ),
        ]
        "#);
    }

    proptest! {
        #[test]
        fn where_chunks_end_makes_no_difference(text in "[ab\n]{0,40}", cuts in proptest::collection::vec(0_usize..40, 0..5)) {
            let mut cuts = cuts.into_iter().map(|cut| cut.min(text.len())).collect::<Vec<_>>();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let chunks = cuts.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]).collect::<Vec<_>>();
            prop_assert_eq!(lines(&chunks, 5), lines(&[text.as_bytes()], 5));
        }
    }
}
