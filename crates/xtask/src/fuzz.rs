//! `cargo xtask fuzz`: makes up inputs for everything that reads what bear did not write, for as long as one likes.
//!
//! What is found is made small, kept in `tests/fuzz/regressions`, and from then on tried by `cargo test` as well. The
//! inputs that were worth keeping on the way lie in the target folder; those of `tests/fuzz/corpus` are a choice of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What fits in a minute of a test of everything.
const SECONDS_OF_ALL: u64 = 60;

/// Far more than any input takes, for slow machines. A hang is longer.
const TIMEOUT_SECONDS: u64 = 25;

/// The most memory that the process may take, and one allocation of it.
const RSS_MAX_MB: u64 = 512;
const ALLOCATION_MAX_MB: u64 = 128;

/// The longest input, in bytes. Files of that size have had every shape.
const INPUT_MAX: u64 = 16 * 1024;

/// How long a finding is made smaller.
const MINIMISE_SECONDS: u64 = 30;

const USAGE: &str = "usage: cargo xtask fuzz [TARGET ...] [--seconds N]";

/// Runs each target for some seconds.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let place = Place::find();
    let all = place.targets()?;
    let (chosen, seconds) = parse(arguments, &all)?;
    needs_tools()?;
    println!("building …");
    place
        .cargo(&["build"])
        .status()
        .map_err(failed("starting cargo fuzz"))?
        .success()
        .then_some(())
        .ok_or("the targets could not be built; the lines above say why")?;
    println!("{:<12} {:>12} {:>10}", "target", "executions", "coverage");
    let mut found = Vec::new();
    for target in chosen {
        let run = place.fuzz(&target, seconds)?;
        println!("{target:<12} {:>12} {:>10}", run.executions, run.coverage);
        found.extend(run.finding);
    }
    if found.is_empty() { Ok(()) } else { Err(found.join("\n\n")) }
}

fn parse(arguments: &[String], all: &[String]) -> Result<(Vec<String>, u64), String> {
    let mut chosen = Vec::new();
    let mut seconds = None;
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if word == "--seconds" {
            let number =
                words.next().and_then(|number| number.parse::<u64>().ok()).filter(|&number| number > 0);
            seconds = Some(number.ok_or(USAGE)?);
        } else if all.contains(word) {
            chosen.push(word.clone());
        } else {
            return Err(format!("{USAGE}\nthere is no target `{word}`; there are {}", all.join(", ")));
        }
    }
    if chosen.is_empty() {
        chosen = all.to_vec();
    }
    let each = (SECONDS_OF_ALL / chosen.len().max(1) as u64).max(1);
    Ok((chosen, seconds.unwrap_or(each)))
}

fn needs_tools() -> Result<(), String> {
    let works = |words: &[&str]| {
        let mut cargo = Command::new("cargo");
        cargo.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // What cargo tells its children of its own toolchain is not that of another.
        for name in ["RUSTUP_TOOLCHAIN", "CARGO", "RUSTC"] {
            cargo.env_remove(name);
        }
        cargo.status().is_ok_and(|status| status.success())
    };
    if !works(&["+nightly", "--version"]) {
        return Err("fuzzing needs a nightly compiler: `rustup toolchain install nightly`\n\
                    without one, `cargo test -p bear-fuzz` tries the inputs that are kept and some new ones"
            .to_owned());
    }
    if !works(&["+nightly", "fuzz", "--version"]) {
        return Err("fuzzing needs cargo-fuzz: `cargo install cargo-fuzz`".to_owned());
    }
    Ok(())
}

/// What came of one target.
struct Run {
    executions: String,
    coverage: String,
    finding: Option<String>,
}

/// Where everything lies.
struct Place {
    fuzz: PathBuf,
    target: PathBuf,
}

impl Place {
    fn find() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        Self { fuzz: root.join("tests/fuzz"), target: target.join("fuzz") }
    }

    fn targets(&self) -> Result<Vec<String>, String> {
        let folder = self.fuzz.join("targets");
        let entries = fs::read_dir(&folder).map_err(failed("reading the targets"))?.flatten();
        let name = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
        let mut names = entries.filter_map(|entry| name(entry.path())).collect::<Vec<_>>();
        names.sort();
        Ok(names)
    }

    /// `cargo fuzz` with these words. Without a sanitizer: none of bear's own code is unsafe, and memory is counted.
    fn cargo(&self, words: &[&str]) -> Command {
        let mut cargo = Command::new("cargo");
        for name in ["RUSTUP_TOOLCHAIN", "CARGO", "RUSTC", "CARGO_TARGET_DIR"] {
            cargo.env_remove(name);
        }
        cargo.args(["+nightly", "fuzz"]).args(words).args(["--sanitizer", "none"]);
        cargo.arg("--fuzz-dir").arg(&self.fuzz).arg("--target-dir").arg(&self.target);
        cargo.current_dir(&self.fuzz).stdin(Stdio::null());
        cargo
    }

    fn fuzz(&self, target: &str, seconds: u64) -> Result<Run, String> {
        let (grown, findings) = (self.folder("corpus", target)?, self.folder("findings", target)?);
        fs::create_dir_all(self.fuzz.join("corpus").join(target)).map_err(failed("making the corpus"))?;
        let mut cargo = self.cargo(&["run", target]);
        cargo.arg(&grown).arg(self.fuzz.join("corpus").join(target)).arg("--");
        let dictionary = self.fuzz.join("dictionaries").join(format!("{target}.dict"));
        if dictionary.exists() {
            cargo.arg(format!("-dict={}", dictionary.display()));
        }
        cargo.args([
            format!("-max_total_time={seconds}"),
            format!("-timeout={TIMEOUT_SECONDS}"),
            format!("-rss_limit_mb={RSS_MAX_MB}"),
            format!("-malloc_limit_mb={ALLOCATION_MAX_MB}"),
            format!("-max_len={INPUT_MAX}"),
            format!("-artifact_prefix={}/", findings.display()),
            "-print_final_stats=1".to_owned(),
        ]);
        let output = cargo.output().map_err(failed("starting cargo fuzz"))?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let finding = match newest(&findings) {
            Some(input) if !output.status.success() => Some(self.keep(target, &input, &said)?),
            _ if !output.status.success() => return Err(format!("{target} could not be run:\n{said}")),
            _ => None,
        };
        let executions = after(&said, "stat::number_of_executed_units: ");
        Ok(Run { executions, coverage: after(&said, " cov: "), finding })
    }

    fn folder(&self, kind: &str, target: &str) -> Result<PathBuf, String> {
        let folder = self.target.join(kind).join(target);
        fs::create_dir_all(&folder).map_err(failed("making a folder for what is found"))?;
        Ok(folder)
    }

    /// Makes a finding small and keeps it; how to see it again.
    fn keep(&self, target: &str, input: &Path, said: &str) -> Result<String, String> {
        let folder = self.fuzz.join("regressions").join(target);
        fs::create_dir_all(&folder).map_err(failed("making the folder of regressions"))?;
        let kept = folder.join(input.file_name().unwrap_or_default());
        let small = input.with_extension("small");
        let mut cargo = self.cargo(&["run", target]);
        cargo.arg(input).arg("--").args([
            "-minimize_crash=1".to_owned(),
            format!("-max_total_time={MINIMISE_SECONDS}"),
            format!("-exact_artifact_path={}", small.display()),
        ]);
        // What does not get smaller is kept as it is.
        let _ = cargo.output();
        let smallest = if small.exists() { &small } else { input };
        fs::copy(smallest, &kept).map_err(failed("keeping what was found"))?;
        let _ = fs::remove_file(&small);
        let _ = fs::remove_file(input);
        let reason = said.lines().skip_while(|line| !line.contains(" panicked at ")).take(2);
        let reason = reason.collect::<Vec<_>>().join("\n");
        let shown = kept.canonicalize().unwrap_or(kept);
        Ok(format!(
            "{target}: {reason}\n  kept as {shown}\n  seen again by `cargo test -p bear-fuzz`, or alone by\n  \
             cargo +nightly fuzz run --fuzz-dir tests/fuzz --sanitizer none {target} {shown}",
            shown = shown.display()
        ))
    }
}

/// The file that was written last.
fn newest(folder: &Path) -> Option<PathBuf> {
    let files = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    files.max_by_key(|path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok())
}

/// The word that follows the last `mark` of a text; empty if there is none.
fn after(text: &str, mark: &str) -> String {
    let rest = text.rsplit_once(mark).map_or("", |(_, rest)| rest);
    rest.split_whitespace().next().unwrap_or_default().to_owned()
}

fn failed(attempt: &'static str) -> impl FnOnce(std::io::Error) -> String {
    move |error| format!("{attempt}: {error}")
}
