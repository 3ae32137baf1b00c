//! What panics within the manager, on a terminal.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::*;

#[test]
fn a_panic_is_told_on_a_terminal_that_is_given_back() {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let side = || Stdio::from(File::options().read(true).write(true).open(&name).unwrap());
    let settings = || Command::new("stty").arg("-a").stdin(side()).output().unwrap().stdout;
    // A terminal that nobody has open any more forgets how it was set.
    let held = side();
    let mut terminal = File::from(terminal);
    let before = settings();

    let panics = [concat!(module_path!(), "::panics_on_its_terminal").split_once("::").unwrap().1];
    let mut test = Command::new(std::env::current_exe().unwrap());
    test.args(["--ignored", "--exact", "--nocapture"]).args(panics).env("TERM", "xterm-256color");
    test.stdin(side()).stdout(side()).stderr(side());
    let ended = test.status().unwrap();
    assert!(ended.success(), "{ended}");
    assert_eq!(settings(), before);
    // As long as anybody has the terminal open, there is no end to what is read from it.
    drop((held, test));

    let mut written = Vec::new();
    // The end of it is an error on a terminal.
    let _ = terminal.read_to_end(&mut written);
    let written = String::from_utf8(written).unwrap();
    let (_, entered) = written.split_once("\u{1b}[?1049h").unwrap();
    let (within, after) = entered.split_once("\u{1b}[?1049l").unwrap();
    assert!(within.contains("\u{1b}[?1003h") && within.contains("\u{1b}[?1003l"), "{written:?}");
    assert!(after.contains("\u{1b}[?25h"), "{written:?}");
    assert!(after.contains("error: this is a bug in bear: on purpose ("), "{written:?}");
    assert!(!written.contains("elsewhere"), "{written:?}");
}

#[test]
#[ignore = "needs the terminal that the test above gives it"]
#[should_panic(expected = "on purpose")]
fn panics_on_its_terminal() {
    let (messages, told) = mpsc::sync_channel(1);
    let _screen = Screenful::enter(messages).unwrap();
    // What panics in another thread is for the screen to tell, which goes on.
    assert!(thread::spawn(|| panic!("elsewhere")).join().is_err());
    let Ok(Message::Failed(failure)) = told.try_recv() else { panic!("it was not told") };
    assert!(failure.what.starts_with("this is a bug in bear: elsewhere ("), "{}", failure.what);
    panic!("on purpose");
}
