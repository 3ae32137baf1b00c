//! Scripts on this machine: what every executor promises, shown where no sshd is needed.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports, in its helpers as well")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use bear_executor::local::Local;
use bear_executor::{
    Content, Executor, Exit, Line, Outcome, Privilege, Redactor, Script, Stream, Upload, Uploaded,
};

const MINUTE: Duration = Duration::from_mins(1);

fn script<'a>(text: &'a str, redactor: &'a Redactor) -> Script<'a> {
    Script { text, privilege: Privilege::User, deadline: MINUTE, redactor, keep: None }
}

/// Runs a script that knows the secret `open sesame`; its lines begin with `1` or `2` for the stream.
async fn run(text: &str) -> (Outcome, Vec<String>) {
    let mut lines = Vec::new();
    let redactor = Redactor::new(["open sesame"]);
    let mut each = |line: Line<'_>| {
        let stream = if line.stream == Stream::Stdout { 1 } else { 2 };
        lines.push(format!("{stream} {}", line.text));
    };
    let outcome = Local.run(&script(text, &redactor), &mut each).await.unwrap();
    (outcome, lines)
}

/// Waits for the end of a process; one that nobody has buried has ended too.
async fn assert_ends(pid: &str) {
    let stat = Path::new("/proc").join(pid).join("stat");
    for _ in 0..500 {
        match fs::read_to_string(&stat) {
            Ok(line) if !line.contains(") Z ") => tokio::time::sleep(Duration::from_millis(20)).await,
            _ => return,
        }
    }
    panic!("process {pid} still runs");
}

#[tokio::test]
async fn lines_come_whole_and_secrets_do_not_come() {
    let (outcome, lines) = run("echo one; echo; printf 'is: open sesame'; exit 3").await;
    assert_eq!(outcome.exit, Exit::Status(3));
    insta::assert_snapshot!(lines.join("\n"), @"
    1 one
    1 
    1 is: ***
    ");
    assert_eq!(outcome.transcript.to_string(), "one\n\nis: ***\n");
}

#[tokio::test]
async fn a_secret_in_pieces_does_not_come_either() {
    let (_, lines) =
        run("printf 'is: open '; sleep 0.1; printf 'sesame\\n'; head -c 8190 /dev/zero; echo open sesame")
            .await;
    insta::assert_snapshot!(lines.join("\n").replace('\0', ""), @"
    1 is: ***
    1 *** … [9 bytes left out]
    ");
}

#[tokio::test]
async fn both_streams_are_told_apart() {
    let (outcome, mut lines) = run("echo out; echo err >&2").await;
    lines.sort();
    assert!(outcome.exit.ok());
    insta::assert_snapshot!(lines.join("\n"), @"
    1 out
    2 err
    ");
}

#[tokio::test]
async fn a_signal_is_told_from_a_status() {
    assert_eq!(run("sh -c 'kill -9 $$'").await.0.exit, Exit::Signal(9));
    assert_eq!(run("exit 200").await.0.exit, Exit::Status(200));
}

#[tokio::test]
async fn a_wrapper_that_is_killed_is_no_outcome() {
    let redactor = Redactor::default();
    let error = Local.run(&script("kill -9 $$; sleep 1", &redactor), &mut |_| {}).await.unwrap_err();
    insta::assert_snapshot!(error, @"a script on this machine was killed, together with the shell that watched it");
    assert_eq!((error.code, error.transient), ("bear::local::killed", true));
}

#[tokio::test]
async fn a_script_has_an_empty_input_and_no_arguments() {
    let (_, lines) = run("cat; echo \"$# $(id -un >/dev/null && echo ok)\"; exit").await;
    insta::assert_snapshot!(lines.join("\n"), @"1 0 ok");
}

#[tokio::test]
async fn a_deadline_ends_every_process() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let text = format!(
        "trap '' TERM; sleep 300 & echo $! >'{0}'; sh -c 'echo $$ >>\"{0}\"; exec sleep 300'",
        pids.display()
    );
    let redactor = Redactor::default();
    let script = Script { deadline: Duration::from_secs(1), ..script(&text, &redactor) };
    let error = Local.run(&script, &mut |_| {}).await.unwrap_err();
    insta::assert_snapshot!(error, @"a script on this machine did not end within 1 s; its processes were ended");
    assert_eq!((error.code, error.transient), ("bear::local::deadline", false));
    let pids = fs::read_to_string(pids).unwrap();
    assert_eq!(pids.lines().count(), 2);
    for pid in pids.lines() {
        assert_ends(pid).await;
    }
}

#[tokio::test]
async fn a_dropped_run_ends_its_script() {
    let (sent, mut pid) = tokio::sync::mpsc::unbounded_channel();
    let running = tokio::spawn(async move {
        let redactor = Redactor::default();
        let mut each = |line: Line<'_>| sent.send(line.text.to_owned()).unwrap();
        Local.run(&script("echo $$; sleep 300", &redactor), &mut each).await
    });
    let pid = pid.recv().await.unwrap();
    running.abort();
    assert_ends(&pid).await;
}

#[tokio::test]
async fn what_runs_on_does_not_keep_the_script() {
    let (outcome, lines) = run("sleep 20 & echo $!").await;
    assert!(outcome.exit.ok());
    let pid = lines[0].trim_start_matches("1 ").parse().unwrap();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(pid).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
}

#[tokio::test]
async fn output_has_bounds() {
    let (outcome, lines) =
        run("head -c 3000000 /dev/zero | tr '\\0' x; echo; head -c 1000000 /dev/urandom; seq 5000").await;
    assert!(lines[0].ends_with("x … [2991808 bytes left out]"));
    assert!(lines.iter().all(|line| line.len() < 32 * 1024));
    assert_eq!(lines.last().unwrap(), "1 5000");
    assert!(outcome.transcript.to_string().len() < 128 * 1024);
}

#[tokio::test]
async fn an_upload_is_whole_and_happens_once() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    fs::write(&source, vec![7; 3_000_000]).unwrap();
    let path = folder.path().join("it's $(here)");
    let upload = Upload {
        content: Content::File(&source),
        path: path.to_str().unwrap(),
        mode: 0o640,
        privilege: Privilege::User,
        deadline: MINUTE,
    };
    assert_eq!(Local.upload(&upload).await.unwrap(), Uploaded::Changed);
    assert_eq!(fs::read(&path).unwrap(), vec![7; 3_000_000]);
    assert_eq!(Local.upload(&upload).await.unwrap(), Uploaded::Unchanged);
    let other = Upload { content: Content::Bytes(b""), ..upload };
    assert_eq!(Local.upload(&other).await.unwrap(), Uploaded::Changed);
    assert_eq!(fs::read(&path).unwrap(), b"");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);

    let error = Local.upload(&Upload { path: "/nowhere/file", ..upload }).await.unwrap_err();
    assert_eq!((error.code, error.transient), ("bear::upload::not_written", false));
}
