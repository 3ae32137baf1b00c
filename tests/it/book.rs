//! The documentation: every link leads somewhere, every command and fleet file does what it is there for, and what can
//! be made from the code is.
//!
//! With `BEAR_WRITE=1` a page that differs from what bear does is written anew, to be read before it is committed.

pub(crate) mod page;
pub(crate) mod run;

mod commands;
mod reference;
mod workflow;

use std::collections::BTreeSet;
use std::fs;
use std::sync::LazyLock;

use serde_yaml::Value;

use self::page::{Page, book, repository};
use self::run::{Tally, perform};
use crate::examples::fleet_files;
use crate::support::Project;

/// The pages that are performed, each by a test of its own.
macro_rules! performed {
    ($($name:ident: $file:literal,)+) => {
        $(
            #[test]
            fn $name() {
                performs($file);
            }
        )+

        const PERFORMED: &[&str] = &[$($file),+];
    };
}

performed! {
    introduction: "docs/introduction.md",
    start: "docs/start.md",
    from_scripts: "docs/from-scripts.md",
    from_terraform: "docs/from-terraform.md",
    from_ansible: "docs/from-ansible.md",
    local: "docs/local.md",
    hosts: "docs/hosts.md",
    aws: "docs/aws.md",
    embedded: "docs/embedded.md",
    emqx: "docs/emqx.md",
    mosquitto: "docs/mosquitto.md",
    tasks: "docs/tasks.md",
    ci: "docs/ci.md",
    exit_statuses: "docs/exit-statuses.md",
    json: "docs/json.md",
    security: "docs/security.md",
}

/// Pages that are held against something else: the code, the tests of errors, or what a chore measured.
const OTHERS: [&str; 8] = [
    "docs/SUMMARY.md",
    "docs/commands.md",
    "docs/conformance.md",
    "docs/errors.md",
    "docs/fleet-file.md",
    "docs/host-keys.md",
    "docs/performance.md",
    "docs/reliability.md",
];

/// Performs a page, and holds it against what came of that.
#[track_caller]
fn performs(path: &str) {
    let page = Page::read(path);
    let (tally, should_be, _) = perform(&page);
    println!("{path}: {tally:?}");
    assert_ne!(tally, Tally::default(), "{path} has no command");
    hold(&page, &should_be);
}

/// Holds a page against what it should be, or makes it so.
#[track_caller]
fn hold(page: &Page, should_be: &str) {
    if page.text == should_be {
        return;
    }
    if std::env::var_os("BEAR_WRITE").is_some() {
        fs::write(repository().join(&page.path), should_be).unwrap();
        return;
    }
    let (is, should_be) = (page.text.lines(), should_be.lines());
    let differing = is.zip(should_be).enumerate().find(|(_, (is, should_be))| is != should_be);
    panic!("{} is out of date; BEAR_WRITE=1 writes it anew. From here on: {differing:#?}", page.name());
}

#[test]
fn every_page_is_held_against_something() {
    let pages = book().iter().map(|page| page.name().to_owned()).collect::<BTreeSet<_>>();
    let held = PERFORMED.iter().chain(&OTHERS).map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(pages, held);
    for page in OTHERS.iter().map(|path| Page::read(path)) {
        let run =
            page.blocks().into_iter().find(|block| block.info == "sh" || block.info.starts_with("console"));
        assert!(run.is_none(), "{} has commands that nobody runs", page.name());
    }
}

#[test]
fn every_link_leads_somewhere() {
    let pages = book().into_iter().chain([Page::read("README.md")]).collect::<Vec<_>>();
    let broken = pages.iter().flat_map(|page| page.links().into_iter().filter_map(|link| page.broken(&link)));
    assert_eq!(broken.collect::<Vec<_>>(), [""; 0]);
    let summary = Page::read("docs/SUMMARY.md");
    let listed = summary.links().into_iter().filter(|link| !link.is_empty());
    let listed = listed.map(|link| format!("docs/{link}")).collect::<BTreeSet<_>>();
    let pages = pages.iter().map(Page::name).filter(|name| !["README.md", "docs/SUMMARY.md"].contains(name));
    assert_eq!(listed, pages.map(str::to_owned).collect());
}

/// There is no INSTANCE and no FILE, so nothing comes of it.
#[test]
fn every_command_that_the_text_names_is_one() {
    let pages = book().into_iter().chain([Page::read("README.md")]).collect::<Vec<_>>();
    let named = pages.iter().flat_map(Page::named).collect::<BTreeSet<_>>();
    assert!(named.len() > 40, "{named:?}");
    for command in named {
        // Where any text will do, such as for INSTANCE, this one does.
        let filled_in = command.replace("SHELL", "bash").replace("SERIAL", "1");
        let outcome = Project::new().bear(filled_in.strip_prefix("bear").unwrap());
        let mistakes = ["unexpected argument", "unrecognized subcommand", "invalid value", "cannot be used"];
        assert!(!mistakes.iter().any(|mistake| outcome.stderr.contains(mistake)), "`{command}`: {outcome}");
    }
}

#[test]
fn the_reference_of_fleet_files_is_what_the_schema_says() {
    let schema = Project::new().bear("schema").ok().json();
    let page = reference::page(&schema, &EXAMPLES);
    for key in reference::keys(&schema) {
        assert!(page.contains(&format!("`{key}")), "`{key}` is missing");
    }
    assert!(!page.contains("|  |\n"), "what has no example yet gets one in examples/ or in the book: {page}");
    hold(&Page::read("docs/fleet-file.md"), &page);
}

/// Every fleet file of the repository and of the book.
static EXAMPLES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let files = fleet_files().into_iter().map(|(_, text)| text);
    let pages = PERFORMED.iter().map(|path| Page::read(path)).collect::<Vec<_>>();
    let blocks = pages.iter().flat_map(Page::blocks).filter(|block| block.info == "yaml");
    let texts = files.chain(blocks.map(|block| block.lines.join("\n")));
    texts.map(|text| serde_yaml::from_str(&text).unwrap()).collect()
});

#[test]
fn the_page_of_commands_is_their_help() {
    hold(&Page::read("docs/commands.md"), &commands::page());
}

#[test]
fn the_table_of_exit_statuses_is_that_of_the_readme() {
    let [readme, page] = ["README.md", "docs/exit-statuses.md"].map(Page::read);
    let table = |page: &Page| {
        let rows = page.text.lines().skip_while(|line| *line != "| status | meaning |");
        rows.take_while(|line| line.starts_with('|')).map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(table(&page).len() > 8);
    assert_eq!(table(&page), table(&readme));
}
