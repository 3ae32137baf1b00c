//! Tables without rules: a dim heading, columns two spaces apart, and names that can always be copied whole.
//!
//! A table too wide for its terminal is written as a block of lines for each row instead. Nothing is cut or broken,
//! because half an address is no address.

use std::fmt::Write;

use super::look::{Look, Tone};

/// What stands between two columns.
const GAP: &str = "  ";

/// A table of results.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

#[derive(Clone, Debug)]
struct Column {
    title: String,
    /// Whether it holds numbers, which stand at the right.
    right: bool,
    /// The widest of its texts, in characters.
    width: usize,
}

/// One text of a table.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A text in the colour of `tone`.
    pub(crate) fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(text, Tone::Plain)
    }
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(titles: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let column = |title: String| Column { width: title.chars().count(), title, right: false };
        Self { columns: titles.into_iter().map(|title| column(title.into())).collect(), rows: Vec::new() }
    }

    /// Puts the texts of the column with this title at the right, as is usual for numbers.
    #[must_use]
    pub(crate) fn with_numbers(mut self, title: &str) -> Self {
        for column in self.columns.iter_mut().filter(|column| column.title == title) {
            column.right = true;
        }
        self
    }

    /// Adds a row: one cell for each column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        let cells = cells.into_iter().collect::<Vec<_>>();
        for (column, cell) in self.columns.iter_mut().zip(&cells) {
            column.width = column.width.max(cell.text.chars().count());
        }
        self.rows.push(cells);
    }

    /// The columns that the whole table takes.
    pub(crate) fn width(&self) -> usize {
        let gaps = self.columns.len().saturating_sub(1) * GAP.len();
        self.columns.iter().map(|column| column.width).sum::<usize>() + gaps
    }

    /// The table as text.
    pub(crate) fn render(&self, look: Look) -> String {
        let text = match look.width {
            Some(width) if width < self.width() => self.blocks(look),
            _ => self.lines(look),
        };
        text.trim_end().to_owned()
    }

    fn lines(&self, look: Look) -> String {
        let titles = self.columns.iter().map(|column| Cell::new(&*column.title, Tone::Dim)).collect();
        let mut text = String::with_capacity((self.rows.len() + 1) * (self.width() + 1));
        for row in std::iter::once(&titles).chain(&self.rows) {
            // Padding waits for the next text, so that no line ends with spaces.
            let mut padding = 0;
            for (column, cell) in self.columns.iter().zip(row) {
                let room = column.width.saturating_sub(cell.text.chars().count());
                let (before, after) = if column.right { (room, 0) } else { (0, room) };
                if !cell.text.is_empty() {
                    let padding = padding + before;
                    let _ = write!(text, "{:padding$}{}", "", look.paint(cell.tone, &cell.text));
                }
                padding = if cell.text.is_empty() { padding + column.width } else { after } + GAP.len();
            }
            text.push('\n');
        }
        text
    }

    fn blocks(&self, look: Look) -> String {
        let width = self.columns.iter().map(|column| column.title.chars().count()).max().unwrap_or(0);
        let mut text = String::new();
        for row in &self.rows {
            for (column, cell) in self.columns.iter().zip(row).filter(|(_, cell)| !cell.text.is_empty()) {
                let title = look.paint(Tone::Dim, &column.title);
                let _ = writeln!(text, "{title:width$}{GAP}{}", look.paint(cell.tone, &cell.text));
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(["instance", "address", "seconds"]).with_numbers("seconds");
        table.row([Cell::new("demo-broker-1", Tone::Good), "127.0.0.1:20000".into(), "0.84".into()]);
        table.row([Cell::new("demo-broker-10", Tone::Bad), "".into(), "12.30".into()]);
        table.row(["demo-broker-2".into(), "127.0.0.1:20003".into(), "".into()]);
        table
    }

    fn look(width: Option<usize>) -> Look {
        Look { colour: false, width, unicode: true }
    }

    #[test]
    fn columns_line_up() {
        insta::assert_snapshot!(table().render(look(Some(80))), @"
        instance        address          seconds
        demo-broker-1   127.0.0.1:20000     0.84
        demo-broker-10                     12.30
        demo-broker-2   127.0.0.1:20003
        ");
    }

    #[test]
    fn a_narrow_terminal_gets_blocks() {
        insta::assert_snapshot!(table().render(look(Some(30))), @"
        instance  demo-broker-1
        address   127.0.0.1:20000
        seconds   0.84

        instance  demo-broker-10
        seconds   12.30

        instance  demo-broker-2
        address   127.0.0.1:20003
        ");
    }

    #[test]
    fn a_table_without_rows_is_its_heading() {
        insta::assert_snapshot!(Table::new(["instance", "address"]).render(look(None)), @"instance  address");
    }

    #[test]
    fn no_line_is_wider_than_the_table() {
        for width in 40..=300 {
            let longest = table().render(look(Some(width))).lines().map(|line| line.chars().count()).max();
            assert!(longest.unwrap() <= width, "{width}");
        }
    }
}
