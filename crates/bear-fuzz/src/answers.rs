//! What a host says while a script runs there: nothing of it can be trusted, and little of it is kept.

use bear_recipes::{HostFacts, Nonce, Outcome, Report, Transcript};

/// The word that only this run knows.
const NONCE: &str = "f00dfacecafe4711";
/// As many lines as are kept of what is no report, and of a block that failed.
const LOG_LINES_MAX: usize = 200;
const LAST_LINES_MAX: usize = 20;

pub(crate) fn check(input: &[u8]) {
    let Some((&chunk, rest)) = input.split_first() else { return };
    let said = marked(rest);
    let nonce = Nonce::new(NONCE).unwrap();
    let mut whole = Transcript::new(nonce.clone());
    let reports = whole.push(&said);
    let mut pieces = Transcript::new(nonce.clone());
    let in_pieces =
        said.chunks(usize::from(chunk).max(1)).flat_map(|piece| pieces.push(piece)).collect::<Vec<_>>();
    assert_eq!(reports, in_pieces, "where the pieces end makes a difference");
    assert_eq!(HostFacts::read(&whole), HostFacts::read(&pieces));
    judge(&whole, &reports);

    // The same from somebody who does not know the word.
    let mut forged = Transcript::new(Nonce::new("0123456789abcdef").unwrap());
    assert_eq!(forged.push(&said), []);
    assert_eq!(forged.outcome(), Outcome::Cut { block: None });
    assert_eq!(HostFacts::read(&forged), HostFacts::default());
}

fn judge(transcript: &Transcript, reports: &[Report]) {
    assert!(transcript.log().count() <= LOG_LINES_MAX && transcript.last_lines().count() <= LAST_LINES_MAX);
    let ended = reports.iter().any(|report| matches!(report, Report::Finished { .. }));
    assert_eq!(transcript.is_finished(), ended);
    match transcript.outcome() {
        Outcome::Done { changed } => assert!(ended && changed <= transcript.ended().len()),
        Outcome::Failed(failure) => {
            let error = failure.error("ubuntu@192.0.2.1:22");
            assert!(ended && !error.message.is_empty() && error.help.is_some());
            assert!(error.last_lines.len() <= LAST_LINES_MAX);
        }
        Outcome::Cut { .. } => assert!(!ended),
    }
}

/// What the host says: lines that begin with `!` are marked as reports of this run.
fn marked(text: &[u8]) -> Vec<u8> {
    let mut said = Vec::new();
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        match line.strip_prefix(b"!") {
            Some(report) => {
                said.extend_from_slice(format!("bear:{NONCE} ").as_bytes());
                said.extend_from_slice(report);
            }
            None => said.extend_from_slice(line),
        }
    }
    said
}
