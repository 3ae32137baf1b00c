//! A terminal's screen as SVG.

use std::fmt::Write;

use vt100::{Cell, Color, Screen};

/// The size of a character in the picture.
const WIDTH: f64 = 8.4;
const HEIGHT: f64 = 18.0;
const MARGIN: f64 = 16.0;

const FOREGROUND: &str = "#d8dee9";
const BACKGROUND: &str = "#1f2430";

/// The eight colours of a terminal, dark enough for the picture's background not to drown them.
const PALETTE: [&str; 8] =
    ["#3b4252", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#abb2bf"];

/// The picture of a screen, down to its last row that shows something.
pub(super) fn svg(title: &str, screen: &Screen) -> String {
    let (rows, columns) = screen.size();
    let used = (0..rows).rev().find(|&row| !spans(screen, row).is_empty()).map_or(1, |row| row + 1);
    let (width, height) =
        (f64::from(columns) * WIDTH + 2.0 * MARGIN, f64::from(used) * HEIGHT + 2.0 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"14\">\n\
         <title>{}</title>\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n",
        escaped(title)
    );
    for row in 0..used {
        for span in spans(screen, row) {
            draw(&mut svg, row, &span);
        }
    }
    svg + "</svg>\n"
}

/// How a run of characters looks.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Look {
    colour: &'static str,
    bold: bool,
    dim: bool,
    /// Dark on its colour.
    inverse: bool,
}

impl Look {
    fn of(cell: &Cell) -> Self {
        let colour = match cell.fgcolor() {
            Color::Idx(index) => PALETTE.get(usize::from(index % 8)).copied().unwrap_or(FOREGROUND),
            Color::Default | Color::Rgb(..) => FOREGROUND,
        };
        Self { colour, bold: cell.bold(), dim: cell.dim(), inverse: cell.inverse() }
    }
}

/// A run of characters that look alike.
struct Span {
    column: u16,
    text: String,
    look: Look,
}

/// The runs of one row that show something.
fn spans(screen: &Screen, row: u16) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for column in 0..screen.size().1 {
        let Some(cell) = screen.cell(row, column) else { continue };
        let text = if cell.has_contents() { cell.contents() } else { " " };
        let look = Look::of(cell);
        match spans.last_mut() {
            Some(span) if span.look == look => span.text.push_str(text),
            _ => spans.push(Span { column, text: text.to_owned(), look }),
        }
    }
    for span in spans.iter_mut().filter(|span| !span.look.inverse) {
        span.text.truncate(span.text.trim_end().len());
    }
    spans.retain(|span| !span.text.is_empty());
    spans
}

fn draw(svg: &mut String, row: u16, span: &Span) {
    let Look { mut colour, bold, dim, inverse } = span.look;
    let (x, top) = (f64::from(span.column) * WIDTH + MARGIN, f64::from(row) * HEIGHT + MARGIN);
    let length = f64::from(u32::try_from(span.text.chars().count()).unwrap_or(0)) * WIDTH;
    let (bold, dim) =
        (if bold { " font-weight=\"bold\"" } else { "" }, if dim { " opacity=\"0.6\"" } else { "" });
    if inverse {
        // Writing to a string can't fail, here and below.
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"{length:.1}\" height=\"{HEIGHT:.1}\" fill=\"{colour}\"/>"
        );
        colour = BACKGROUND;
    }
    if !span.text.trim().is_empty() {
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{length:.1}\" fill=\"{colour}\"{bold}{dim} xml:space=\"preserve\">{}</text>",
            top + HEIGHT - 5.0,
            escaped(&span.text)
        );
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
