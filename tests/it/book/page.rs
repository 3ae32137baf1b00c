//! Pages of the documentation: their blocks, their headings and their links.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A Markdown file of the repository.
pub(crate) struct Page {
    /// Its path within the repository.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// A fenced block of a page.
pub(crate) struct Block<'p> {
    /// What stands behind the opening fence, such as `console hosts`.
    pub(crate) info: &'p str,
    /// The number of its first line within the page, from 0.
    pub(crate) at: usize,
    pub(crate) lines: Vec<&'p str>,
}

/// The folder of the repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every page of the book, in the order of their names.
pub(crate) fn book() -> Vec<Page> {
    let files = fs::read_dir(repository().join("docs")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names = names.filter_map(|name| name.strip_suffix(".md").map(str::to_owned)).collect::<Vec<_>>();
    names.sort();
    names.iter().map(|name| Page::read(&format!("docs/{name}.md"))).collect()
}

impl Page {
    pub(crate) fn read(path: &str) -> Self {
        let text =
            fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self { path: path.into(), text }
    }

    pub(crate) fn name(&self) -> &str {
        self.path.to_str().unwrap()
    }

    /// The fenced blocks, from top to bottom.
    pub(crate) fn blocks(&self) -> Vec<Block<'_>> {
        let mut blocks = Vec::new();
        let mut lines = self.text.lines().enumerate();
        while let Some((number, line)) = lines.next() {
            let indented = line.starts_with(' ') && line.trim_start().starts_with("```");
            assert!(!indented, "{}:{}: a block that no test sees", self.name(), number + 1);
            let info = line.trim_start_matches('`');
            let fence = &line[..line.len() - info.len()];
            if fence.len() >= 3 {
                let inner = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != fence);
                blocks.push(Block { info, at: number + 1, lines: inner.collect() });
            }
        }
        blocks
    }

    /// The text without its fenced blocks: prose, and code within lines.
    fn prose_and_code(&self) -> (String, Vec<String>) {
        let mut lines = self.text.lines().map(Some).collect::<Vec<_>>();
        for block in self.blocks() {
            lines[block.at - 1..=block.at + block.lines.len()].fill(None);
        }
        let text = lines.into_iter().flatten().collect::<Vec<_>>().join("\n");
        let prose = text.split('`').step_by(2).collect::<Vec<_>>().join("`");
        let code = text.split('`').skip(1).step_by(2).map(|code| code.replace('\n', " "));
        (prose, code.collect())
    }

    /// The commands of bear's that the text names, without those that are cut short.
    pub(crate) fn named(&self) -> Vec<String> {
        let (_, code) = self.prose_and_code();
        let cut_short = |code: &String| {
            ['…', '/', '|'].iter().any(|sign| code.contains(*sign)) || code.contains("COMMAND")
        };
        code.into_iter().filter(|code| code.starts_with("bear ") && !cut_short(code)).collect()
    }

    /// What headings are linked by, as GitHub and mdBook both make it.
    fn anchors(&self) -> Vec<String> {
        let blocks = self.blocks();
        let inside =
            blocks.iter().flat_map(|block| block.at..block.at + block.lines.len()).collect::<HashSet<_>>();
        let lines = self.text.lines().enumerate().filter(|(number, _)| !inside.contains(number));
        let headings = lines.filter(|(_, line)| line.starts_with('#'));
        headings.map(|(_, line)| anchor(line.trim_start_matches('#').trim())).collect()
    }

    /// Where the links of the page lead.
    pub(crate) fn links(&self) -> Vec<String> {
        let (prose, _) = self.prose_and_code();
        let links = prose.split("](").skip(1).map(|text| text.split(')').next().unwrap().to_owned());
        links.filter(|link| !link.contains("://")).collect()
    }

    /// Why a link of the page leads nowhere.
    pub(crate) fn broken(&self, link: &str) -> Option<String> {
        let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
        let target = if file.is_empty() { self.path.clone() } else { self.path.parent().unwrap().join(file) };
        let Ok(full) = repository().join(&target).canonicalize() else {
            return Some(format!("{}: there is no `{link}`", self.name()));
        };
        let inside = full.strip_prefix(repository()).unwrap();
        if self.path.starts_with("docs") && !inside.starts_with("docs") {
            return Some(format!("{}: `{link}` leads out of the book", self.name()));
        }
        let anchor = anchor?;
        let known = Self::read(inside.to_str().unwrap()).anchors();
        (!known.iter().any(|known| known == anchor))
            .then(|| format!("{}: `{link}` names none of {known:?}", self.name()))
    }
}

/// What a heading is linked by.
pub(crate) fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}
