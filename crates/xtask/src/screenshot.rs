//! `cargo xtask screenshot`: what `bear apply` shows on a terminal, as a picture for the README.
//!
//! The program runs on a real terminal of `script`(1); what it wrote is played to a terminal emulator, whose last
//! screen is drawn as SVG.

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use vt100::{Color, Parser, Screen};

/// The size of the terminal, in characters.
const COLUMNS: u16 = 104;
const ROWS: u16 = 60;

/// The size of a character in the picture.
const WIDTH: f64 = 8.4;
const HEIGHT: f64 = 18.0;
const MARGIN: f64 = 16.0;

const FOREGROUND: &str = "#d8dee9";
const BACKGROUND: &str = "#1f2430";

/// The eight colours of a terminal, dark enough for the picture's background not to drown them.
const PALETTE: [&str; 8] =
    ["#3b4252", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#abb2bf"];

/// Takes the picture, and writes it to `docs/apply.svg`.
pub(crate) fn run() -> Result<(), String> {
    let bear = crate::build::bear(&[])?;
    let folder =
        tempfile::tempdir().map_err(|error| format!("could not make a folder to work in: {error}"))?;
    let example = folder.path().join("examples");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::create_dir(&example)
        .and_then(|()| std::fs::copy(root.join("examples/local.yaml"), example.join("local.yaml")))
        .map_err(|error| format!("could not copy the example: {error}"))?;
    let typed = "bear apply examples/local.yaml --yes";
    let written = on_terminal(typed, &bear, folder.path());
    // Whatever came of it, nothing is to be left running.
    on_terminal("bear destroy examples/local.yaml --yes", &bear, folder.path())?;
    let picture = root.join("docs/apply.svg");
    std::fs::write(&picture, draw(typed, &written?))
        .map_err(|error| format!("could not write {}: {error}", picture.display()))
}

/// Runs a command on a terminal of its own, and returns all that it wrote there.
fn on_terminal(command: &str, bear: &Path, folder: &Path) -> Result<Vec<u8>, String> {
    let path =
        format!("{}:{}", bear.parent().unwrap_or(bear).display(), std::env::var("PATH").unwrap_or_default());
    let sized = format!("stty cols {COLUMNS} rows {ROWS}; {command}");
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command", &sized, "/dev/null"])
        .current_dir(folder)
        .env("PATH", path)
        .env("XDG_STATE_HOME", folder)
        .env("TERM", "xterm-256color")
        .env("LANG", "C.UTF-8")
        .env_remove("NO_COLOR")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("could not start script(1): {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(format!("`{command}` failed: {}\n{}", output.status, String::from_utf8_lossy(&output.stdout)))
}

fn draw(typed: &str, written: &[u8]) -> String {
    let mut terminal = Parser::new(ROWS, COLUMNS, 0);
    terminal.process(format!("$ {typed}\r\n").as_bytes());
    terminal.process(written);
    let screen = terminal.screen();
    let used = (0..ROWS).rev().find(|&row| !text(screen, row).trim().is_empty()).map_or(1, |row| row + 1);
    let (width, height) =
        (f64::from(COLUMNS) * WIDTH + 2.0 * MARGIN, f64::from(used) * HEIGHT + 2.0 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"14\">\n\
         <title>{}</title>\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n",
        escaped(typed)
    );
    for row in 0..used {
        for (column, span) in spans(screen, row) {
            let (x, y) = (f64::from(column) * WIDTH + MARGIN, f64::from(row + 1) * HEIGHT + MARGIN - 5.0);
            let length = f64::from(u32::try_from(span.text.chars().count()).unwrap_or(0)) * WIDTH;
            let bold = if span.bold { " font-weight=\"bold\"" } else { "" };
            let dim = if span.dim { " opacity=\"0.6\"" } else { "" };
            // Writing to a string can't fail.
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{length:.1}\" fill=\"{}\"{bold}{dim} xml:space=\"preserve\">{}</text>",
                span.colour,
                escaped(&span.text)
            );
        }
    }
    svg + "</svg>\n"
}

/// A run of characters that look alike.
struct Span {
    text: String,
    colour: &'static str,
    bold: bool,
    dim: bool,
}

/// The runs of one row that show something, each with the column that it begins in.
fn spans(screen: &Screen, row: u16) -> Vec<(u16, Span)> {
    let mut spans: Vec<(u16, Span)> = Vec::new();
    for column in 0..COLUMNS {
        let Some(cell) = screen.cell(row, column) else { continue };
        let text = if cell.has_contents() { cell.contents() } else { " " };
        let look = (colour(cell.fgcolor()), cell.bold(), cell.dim());
        match spans.last_mut() {
            Some((_, span)) if (span.colour, span.bold, span.dim) == look => span.text.push_str(text),
            _ => spans
                .push((column, Span { text: text.to_owned(), colour: look.0, bold: look.1, dim: look.2 })),
        }
    }
    for (_, span) in &mut spans {
        span.text.truncate(span.text.trim_end().len());
    }
    spans.retain(|(_, span)| !span.text.is_empty());
    spans
}

fn text(screen: &Screen, row: u16) -> String {
    spans(screen, row).into_iter().map(|(_, span)| span.text).collect()
}

fn colour(colour: Color) -> &'static str {
    match colour {
        Color::Idx(index) => PALETTE.get(usize::from(index % 8)).copied().unwrap_or(FOREGROUND),
        Color::Default | Color::Rgb(..) => FOREGROUND,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
