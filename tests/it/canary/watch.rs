//! Watching everything that somebody else could see of `bear`: what it prints, the files that it leaves, and the
//! arguments and the environment of every process that it starts.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::forms::{Canary, Search};
use crate::brokers::processes;
use crate::support::{Outcome, Project};

/// How long the look at all processes rests. Most live longer; those that don't are stubs that write down what they got.
const PAUSE: Duration = Duration::from_millis(2);

/// A project in which every leak is noticed.
pub(crate) struct Watch {
    pub(crate) project: Project,
    canaries: Vec<Canary>,
    search: Arc<Mutex<Search>>,
    /// The files that are meant to hold a secret.
    nests: Vec<PathBuf>,
    /// What was found first, by its place.
    leaks: Arc<Mutex<BTreeMap<String, String>>>,
    stop: Arc<AtomicBool>,
    brokers_seen: Arc<AtomicUsize>,
    sampler: Option<JoinHandle<()>>,
}

impl Watch {
    /// Watches a project. `nests` are the files in it that are meant to hold a secret.
    pub(crate) fn new(project: Project, canaries: Vec<Canary>, nests: &[&str]) -> Self {
        let search = Arc::new(Mutex::new(Search::new(&canaries)));
        let nests = nests.iter().map(|nest| project.path(nest)).collect();
        let (leaks, stop, brokers_seen) = (Arc::default(), Arc::default(), Arc::default());
        let mut watch = Self { project, canaries, search, nests, leaks, stop, brokers_seen, sampler: None };
        watch.sampler = Some(watch.sample());
        watch
    }

    /// One more secret.
    pub(crate) fn add(&mut self, canary: Canary) {
        self.canaries.push(canary);
        *self.search.lock().unwrap() = Search::new(&self.canaries);
    }

    /// One more file that is meant to hold a secret.
    pub(crate) fn nest(&mut self, path: &str) {
        self.nests.push(self.project.path(path));
    }

    /// Runs `bear` and looks at everything that there is to see of it.
    pub(crate) fn bear(&self, arguments: &str) -> Outcome {
        let outcome = self.project.bear(arguments);
        self.judge(arguments, &outcome);
        outcome
    }

    /// Looks at a run that has ended.
    pub(crate) fn judge(&self, arguments: &str, outcome: &Outcome) {
        for (place, text) in [("stdout", &outcome.stdout), ("stderr", &outcome.stderr)] {
            self.look(&format!("{place} of `bear {arguments}`"), "", text.as_bytes());
        }
        self.files(arguments);
    }

    fn look(&self, place: &str, when: &str, bytes: &[u8]) {
        if let Some(found) = self.search.lock().unwrap().find(bytes) {
            let mut leaks = self.leaks.lock().unwrap();
            leaks.entry(place.to_owned()).or_insert_with(|| format!("{place}{when} has {found}"));
        }
    }

    /// Looks at every file of the project, of the home folder around it and of the state of the user.
    fn files(&self, after: &str) {
        let state = self.project.variables().find(|(name, _)| name == "XDG_STATE_HOME").unwrap().1;
        let mut folders = vec![self.project.path(".."), PathBuf::from(state)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                let when = format!(" after `bear {after}`");
                self.look("the name of a file", &when, path.as_os_str().as_encoded_bytes());
                // Links lead to files that are looked at anyway, or are none of bear's.
                let Ok(kind) = entry.file_type() else { continue };
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_file() && !self.is_nest(&path) {
                    self.look(&path.display().to_string(), &when, &fs::read(&path).unwrap_or_default());
                }
            }
        }
    }

    fn is_nest(&self, path: &Path) -> bool {
        let Ok(path) = path.canonicalize() else { return false };
        let nest = self.nests.iter().any(|nest| nest.canonicalize().is_ok_and(|nest| nest == path));
        let secrets = path.ends_with("secrets.json");
        if secrets {
            let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", path.display());
        }
        nest || secrets
    }

    /// Looks at all processes until the end.
    fn sample(&self) -> JoinHandle<()> {
        let (search, leaks) = (Arc::clone(&self.search), Arc::clone(&self.leaks));
        let (stop, brokers_seen) = (Arc::clone(&self.stop), Arc::clone(&self.brokers_seen));
        let ourselves = i32::try_from(std::process::id()).unwrap();
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                for pid in processes().into_iter().filter(|&pid| pid != ourselves) {
                    let (words, environment) = process(pid);
                    let is_broker = words.split(|&byte| byte == 0).any(|word| word == b"__broker");
                    brokers_seen.fetch_add(usize::from(is_broker), Ordering::Relaxed);
                    for (place, bytes) in [("arguments", words), ("environment", environment)] {
                        if let Some(found) = search.lock().unwrap().find(&bytes) {
                            let found = format!("the {place} of a process have {found}");
                            leaks.lock().unwrap().entry(format!("{place} of a process")).or_insert(found);
                        }
                    }
                }
                thread::sleep(PAUSE);
            }
        })
    }

    /// Puts programs in front of those of the system: each writes down what it was given, then does what `script` says.
    pub(crate) fn stub(&self, name: &str, script: &str) {
        let folder = self.project.path("recorded");
        fs::create_dir_all(&folder).unwrap();
        let log = folder.join(name).display().to_string();
        let record = format!("#!/bin/sh\n{{ printf '%s\\n' \"$0\" \"$@\"; env; }} >> '{log}.'$$\n");
        self.project.write(&format!("stubs/{name}"), format!("{record}{script}\n"));
        let path = self.project.path(&format!("stubs/{name}"));
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }

    /// How often a stub was run.
    pub(crate) fn runs_of(&self, stub: &str) -> usize {
        let recorded = fs::read_dir(self.project.path("recorded")).unwrap().flatten();
        let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
        recorded.map(name).filter(|name| name.split('.').next() == Some(stub)).count()
    }

    /// Waits for the end of a process, and looks at it.
    pub(crate) fn end(&self, arguments: &str, child: Child) -> Outcome {
        let outcome = self.project.end(child);
        self.judge(arguments, &outcome);
        outcome
    }

    /// How often a broker was looked at.
    pub(crate) fn brokers_seen(&self) -> usize {
        self.brokers_seen.load(Ordering::Relaxed)
    }

    /// Nothing leaked.
    #[track_caller]
    pub(crate) fn expect_nothing(&self) {
        let leaks = self.leaks.lock().unwrap();
        let listed = leaks.values().map(String::as_str).collect::<Vec<_>>().join("\n");
        assert!(leaks.is_empty(), "{} leaks:\n{listed}", leaks.len());
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(sampler) = self.sampler.take() {
            let _ = sampler.join();
        }
    }
}

/// The arguments and the environment of a process. Those that people start `bear` with are their own business: there
/// they have put the secret into a variable.
fn process(pid: i32) -> (Vec<u8>, Vec<u8>) {
    let read = |file: &str| fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let program = || fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    let before = program();
    let (words, environment) = (read("cmdline"), read("environ"));
    let inner = words.split(|&byte| byte == 0).nth(1).is_some_and(|word| word.starts_with(b"__"));
    let by_hand = before == Path::new(env!("CARGO_BIN_EXE_bear")) && !inner;
    // Of one that became another program meanwhile, nobody knows whose environment was read.
    let is_known = program() == before;
    (words, if by_hand || !is_known { Vec::new() } else { environment })
}
