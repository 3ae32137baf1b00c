//! Everything that a person can do wrong in a fleet file, and what bear says to it.
//!
//! Each file of `tests/fleet` is such a mistake; beside it lies the report as people see it. After a change of the
//! words, `BEAR_UPDATE=1 cargo test -p bear-core --test fleet` writes the reports again, to be read in the diff.
#![expect(clippy::disallowed_methods, reason = "tests read their cases; only the core itself does no I/O")]
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};

use bear_core::fleet::parse;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

/// The report as a terminal without colour shows it.
fn rendered(diagnostic: &dyn Diagnostic) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
    let mut text = String::new();
    handler.render_report(&mut text, diagnostic).unwrap();
    text.lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

fn report(name: &str, bytes: &[u8]) -> String {
    match parse(name, bytes) {
        Ok(parsed) => parsed.warnings.iter().map(|warning| rendered(warning)).collect(),
        Err(problems) => rendered(&problems),
    }
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fleet");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut cases = files.filter(|path| path.extension().is_some_and(|it| it == "yaml")).collect::<Vec<_>>();
    cases.sort();
    cases
}

#[test]
fn every_mistake_is_reported_as_written_beside_it() {
    let update = std::env::var_os("BEAR_UPDATE").is_some();
    let mut changed = Vec::new();
    for case in cases() {
        let name = case.file_name().unwrap().to_str().unwrap();
        let got = report(name, &fs::read(&case).unwrap());
        let expected = case.with_extension("txt");
        if update {
            fs::write(&expected, &got).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != got {
            changed.push(format!("{name} is reported as\n{got}"));
        }
    }
    assert!(changed.is_empty(), "{}", changed.join("\n"));
}

/// Cases too large or too repetitive to lie in a folder.
#[track_caller]
fn check(bytes: &[u8], expected: impl Fn(String)) {
    expected(report("big.yaml", bytes));
}

#[test]
fn a_file_of_five_megabytes() {
    check(&b"# padding\n".repeat(500_000), |report| {
        insta::assert_snapshot!(report, @r#"
        bear::fleet::invalid

          × 1 problem in big.yaml

        Error: bear::fleet::too_large

          × the file has 4882 KiB, a fleet file has at most 4 MiB
          help: write `count` instead of members, or make several fleets of it
        "#);
    });
}

#[test]
fn a_hundred_thousand_brackets() {
    check(&b"[".repeat(100_000), |report| {
        insta::assert_snapshot!(report, @r#"
        bear::fleet::invalid

          × 1 problem in big.yaml

        Error: bear::fleet::nesting

          × the file is nested more than 64 levels deep
           ╭─[big.yaml:1:65]
         1 │ [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
           ·                                                                 ┬
           ·                                                                 ╰── one level too many
           ╰────
          help: a fleet file needs no more than 8
        "#);
    });
    check(&b"{a: ".repeat(100_000), |report| {
        insta::assert_snapshot!(report, @r#"
        bear::fleet::invalid

          × 1 problem in big.yaml

        Error: bear::fleet::nesting

          × the file is nested more than 64 levels deep
           ╭─[big.yaml:1:257]
         1 │ {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {
           ·                                                                                                                                                                                                         ┬
           ·                                                                                                                                                                                                         ╰── one level too many
           ╰────
          help: a fleet file needs no more than 8
        "#);
    });
}

#[test]
fn indentation_without_end() {
    let lines = (0..200).map(|level| format!("{}a:\n", " ".repeat(level)));
    check(lines.collect::<String>().as_bytes(), |report| {
        insta::assert_snapshot!(report, @r#"
        bear::fleet::invalid

          × 1 problem in big.yaml

        Error: bear::fleet::nesting

          × the file is nested more than 64 levels deep
            ╭─[big.yaml:65:65]
         64 │                                                                a:
         65 │                                                                 a:
            ·                                                                 ┬
            ·                                                                 ╰── one level too many
         66 │                                                                  a:
            ╰────
          help: a fleet file needs no more than 8
        "#);
    });
}

#[test]
fn aliases_that_nest_as_deep_as_brackets() {
    let lines = (1..100).map(|level| format!("x-{level}: &a{level} [*a{}]\n", level - 1));
    let text = String::from("x-0: &a0 text\n") + &lines.collect::<String>();
    check(text.as_bytes(), |report| {
        insta::assert_snapshot!(report, @r#"
        bear::fleet::invalid

          × 1 problem in big.yaml

        Error: bear::fleet::nesting

          × the file is nested more than 64 levels deep
            ╭─[big.yaml:64:13]
         63 │ x-62: &a62 [*a61]
         64 │ x-63: &a63 [*a62]
            ·             ──┬─
            ·               ╰── one level too many
         65 │ x-64: &a64 [*a63]
            ╰────
          help: a fleet file needs no more than 8
        "#);
    });
}

#[test]
fn a_mistake_in_a_line_of_a_megabyte_is_shown_with_what_surrounds_it() {
    let members = (0..50_000).map(|index| format!("m{index}: , ")).collect::<Vec<_>>().concat();
    let text = format!(
        "{{fleet: demo, provider: local, groups: {{g: {{broker: embeded, members: {{{members}}}}}}}}}"
    );
    check(text.as_bytes(), |report| {
        insta::assert_snapshot!(report, @r#"
        bear::fleet::invalid

          × 1 problem in big.yaml

        Error: bear::fleet::choice

          × unknown broker `embeded`
           ╭─[big.yaml:1:53]
         1 │ {fleet: demo, provider: local, groups: {g: {broker: embeded, members: {m0: , m1: , m2: , m3: , m4: , m5: , m6: , m7: , m8: , m9: , m10: , m11: , m12: , m13: , m14: , m15: , m16: , m17: , m18: , m19: , m20: , m21: , m22: , m23: , m24: , m25: , m26: , m27: , m2
           ·                                                     ───┬───
           ·                                                        ╰── not a broker
           ╰────
          help: did you mean `embedded`?
        "#);
    });
}

#[test]
fn of_many_mistakes_the_first_are_shown() {
    let groups = (0..2_000).map(|index| format!("  g{index}: {{ count: lots, broker: embedded }}\n"));
    let text = String::from("fleet: demo\nprovider: local\ngroups:\n") + &groups.collect::<String>();
    check(text.as_bytes(), |report| {
        let shown = report.matches("expected a whole number").count();
        let head =
            report.lines().take_while(|line| !line.starts_with("Error")).collect::<Vec<_>>().join("\n");
        insta::assert_snapshot!(format!("{shown} shown\n{head}"), @r#"
        20 shown
        bear::fleet::invalid

          × 1000 problems or more in big.yaml
          help: the first 20 are shown
        "#);
    });
}

/// What is said of a value in the settings of `aws`, in one line.
fn said(before: &str, value: &str) -> String {
    let text = format!(
        "fleet: f\nprovider: {{ aws: {{ {before}{value} }} }}\n\
         network: {{ operators: [192.0.2.0/24], clients: [192.0.2.0/24] }}\n\
         groups: {{ g: {{ count: 1, machine: {{ type: t3.small, image: debian-12 }}, broker: {{ emqx: {{ version: 5.8.9 }} }} }} }}"
    );
    match parse("file", text.as_bytes()) {
        Ok(_) => format!("{value} is right\n"),
        Err(problems) => {
            problems.iter().map(|it| format!("{value}: {} ({})\n", it.message, it.label)).collect()
        }
    }
}

#[test]
fn regions() {
    let regions = [
        "eu-west-3",
        "us-gov-west-1",
        "ap-southeast-12",
        "eu-west-3a",
        "EU-WEST-3",
        "eu_west_3",
        "eu-west",
        "eu-west-",
        "west-3",
        "-west-3",
        "eu-west-3-1",
        "paris",
        "'eu west 3'",
        "''",
    ];
    insta::assert_snapshot!(regions.map(|region| said("region: ", region)).concat(), @r#"
    eu-west-3 is right
    us-gov-west-1 is right
    ap-southeast-12 is right
    eu-west-3a: `eu-west-3a` is no region (a zone)
    EU-WEST-3: `EU-WEST-3` is no region (expected lower-case words and a number)
    eu_west_3: `eu_west_3` is no region (expected lower-case words and a number)
    eu-west: `eu-west` is no region (expected lower-case words and a number)
    eu-west-: `eu-west-` is no region (expected lower-case words and a number)
    west-3: `west-3` is no region (expected lower-case words and a number)
    -west-3: `-west-3` is no region (expected lower-case words and a number)
    eu-west-3-1: `eu-west-3-1` is no region (expected lower-case words and a number)
    paris: `paris` is no region (expected lower-case words and a number)
    'eu west 3': `eu west 3` has white space (not one word)
    '': expected a text that can be read (empty)
    "#);
}

#[test]
fn ways_to_connect() {
    let ways = [
        "public",
        "private",
        "{ public: }",
        "{ jump: bastion }",
        "{ jump: ops@192.0.2.1 }",
        "{ jump: ops@bastion.example:2222 }",
        "{ jump: 'ops@[2001:db8::1]:22' }",
        "",
        "publik",
        "true",
        "{ jump: }",
        "{ jump: 22 }",
        "{ jump: '' }",
        "{ jump: a, private: }",
        "{ private: { jump: a } }",
        "{ hop: a }",
        "{ jump: [a, b] }",
        "{ jump: 'a,b' }",
        "{ jump: '-oProxyCommand=reboot' }",
        "{ jump: 'ops@-oProxyCommand=reboot' }",
        "{ jump: '$(reboot)' }",
        "{ jump: \"a\\nb\" }",
        "{ jump: '@a' }",
        "{ jump: 'a@b@c' }",
        "{ jump: 'ssh://a' }",
        "{ jump: 'a:0' }",
        "{ jump: 'a:65536' }",
        "{ jump: 'a:022' }",
        "{ jump: 'a:' }",
        "{ jump: '2001:db8::1' }",
        "{ jump: '[a]:22' }",
    ];
    insta::assert_snapshot!(ways.map(|way| said("region: eu-west-3, connect: ", way)).concat(), @r#"
    public is right
    private is right
    { public: } is right
    { jump: bastion } is right
    { jump: ops@192.0.2.1 } is right
    { jump: ops@bastion.example:2222 } is right
    { jump: 'ops@[2001:db8::1]:22' } is right
    : expected a way to connect, found nothing (not a way to connect)
    publik: unknown way to connect `publik` (not a way to connect)
    true: unknown way to connect `true` (not a way to connect)
    { jump: }: `jump` names no host (expected `[user@]host[:port]`)
    { jump: 22 }: expected text, found the number `22` (not text)
    { jump: '' }: `` is no host to jump through (expected `[user@]host[:port]`)
    { jump: a, private: }: a way to connect is one thing, here are 2 (beside `jump`)
    { private: { jump: a } }: unknown key `jump` (not a key of `private`)
    { hop: a }: unknown way to connect `hop` (not a way to connect)
    { jump: [a, b] }: expected text, found a list (not text)
    { jump: 'a,b' }: `a,b` is no host to jump through (expected `[user@]host[:port]`)
    { jump: '-oProxyCommand=reboot' }: `-oProxyCommand=reboot` is no host to jump through (expected `[user@]host[:port]`)
    { jump: 'ops@-oProxyCommand=reboot' }: `ops@-oProxyCommand=reboot` is no host to jump through (expected `[user@]host[:port]`)
    { jump: '$(reboot)' }: `$(reboot)` is no host to jump through (expected `[user@]host[:port]`)
    { jump: "a\nb" }: `a\nb` is no host to jump through (expected `[user@]host[:port]`)
    { jump: '@a' }: `@a` is no host to jump through (expected `[user@]host[:port]`)
    { jump: 'a@b@c' }: `a@b@c` is no host to jump through (expected `[user@]host[:port]`)
    { jump: 'ssh://a' }: `ssh://a` is no host to jump through (expected `[user@]host[:port]`)
    { jump: 'a:0' }: `a:0` is no host to jump through (expected `[user@]host[:port]`)
    { jump: 'a:65536' }: `a:65536` is no host to jump through (expected `[user@]host[:port]`)
    { jump: 'a:022' }: `a:022` is no host to jump through (expected `[user@]host[:port]`)
    { jump: 'a:' }: `a:` is no host to jump through (expected `[user@]host[:port]`)
    { jump: '2001:db8::1' }: `2001:db8::1` is no host to jump through (expected `[user@]host[:port]`)
    { jump: '[a]:22' }: `[a]:22` is no host to jump through (expected `[user@]host[:port]`)
    "#);
}

#[test]
fn no_report_repeats_a_secret() {
    let secrets = ["hunter", "horse", "battery", "swörd"];
    for case in cases() {
        let bytes = fs::read(&case).unwrap();
        let Err(problems) = parse("file.yaml", &bytes) else {
            continue;
        };
        let told = format!("{} {problems} {problems:?}", rendered(&problems));
        for secret in secrets {
            assert!(!told.contains(secret), "{} tells {secret}", case.display());
        }
    }
}
