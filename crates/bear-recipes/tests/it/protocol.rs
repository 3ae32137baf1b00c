//! Reading what scripts say.

use bear_recipes::{BlockEnd, Nonce, Outcome, Report, Transcript};
use proptest::prelude::*;

fn transcript() -> Transcript {
    Transcript::new(Nonce::new("n0nce5678").unwrap())
}

const TALK: &str = "Welcome to Ubuntu\nno line end\nbear:n0nce5678 begin 1 4711\n\
    bear:n0nce5678 start docker.packages\n\
    bear:wr0ngnonce end ok\n\
    bear:n0nce5678 fact docker.version 5:20.10.13~3-0~ubuntu-jammy\n\
    bear:n0nce5678 ok docker.packages 0.42\n\
    bear:n0nce5678 start emqx.ready\n\
    bear:n0nce5678 why not_ready it says: stopped\n\
    bear:n0nce5678 last emqx.ready bear:n0nce5678 end ok\n\
    bear:n0nce5678 failed emqx.ready 12.05 124\n\
    bear:n0nce5678 end failed\n";

#[test]
fn a_talk_is_read() {
    let mut transcript = transcript();
    let reports = transcript.push(TALK.as_bytes());
    assert_eq!(reports[0], Report::Begun { pid: 4711 });
    let Outcome::Failed(failure) = transcript.outcome() else { panic!("it failed") };
    assert_eq!(failure.block.as_deref(), Some("emqx.ready"));
    assert_eq!(transcript.ended()[1].end, BlockEnd::Failed { status: 124 });
    let log: Vec<_> = transcript.log().collect();
    insta::assert_debug_snapshot!((failure, transcript.facts(), log), @r#"
(
    Failure {
        block: Some(
            "emqx.ready",
        ),
        status: 124,
        why: Some(
            (
                NotReady,
                "it says: stopped",
            ),
        ),
        last_lines: [
            "bear:n0nce5678 end ok",
        ],
    },
    {
        "docker.version": "5:20.10.13~3-0~ubuntu-jammy",
    },
    [
        "Welcome to Ubuntu",
        "no line end",
        "bear:wr0ngnonce end ok",
    ],
)
"#);
}

#[test]
fn no_end_marker_means_that_the_connection_was_lost() {
    let mut transcript = transcript();
    transcript.push(TALK.split_inclusive('\n').take(8).collect::<String>().as_bytes());
    assert_eq!(transcript.outcome(), Outcome::Cut { block: Some(String::from("emqx.ready")) });
}

/// What belongs to no run is no report, whatever it looks like.
#[test]
fn junk_is_no_report() {
    let nonce = Nonce::new("n0nce5678").unwrap();
    for line in [
        "",
        "bear:",
        "bear:n0nce5678",
        "bear:n0nce5678 ",
        "bear:n0nce5678x end ok",
        " bear:n0nce5678 end ok",
        "bear:n0nce5678 end maybe",
        "bear:n0nce5678 ok",
        "bear:n0nce5678 ok block",
        "bear:n0nce5678 ok block -1",
        "bear:n0nce5678 ok block NaN",
        "bear:n0nce5678 ok block 1e300",
        "bear:n0nce5678 failed block 1.00 256",
        "bear:n0nce5678 begin 2 4711",
        "bear:n0nce5678 why because",
        "bear:n0nce5678 start a\u{1b}b",
    ] {
        assert_eq!(Report::parse(&nonce, line), None, "{line}");
    }
}

proptest! {
    /// Where the network cuts a talk into pieces changes nothing.
    #[test]
    fn pieces_make_no_difference(cuts in prop::collection::vec(0..TALK.len(), 0..8)) {
        let mut whole = transcript();
        let expected = whole.push(TALK.as_bytes());
        let mut cuts = cuts;
        cuts.sort_unstable();
        let (mut pieces, mut reports, mut from) = (transcript(), Vec::new(), 0);
        for to in cuts.into_iter().chain([TALK.len()]) {
            reports.extend(pieces.push(&TALK.as_bytes()[from..to]));
            from = to;
        }
        prop_assert_eq!(reports, expected);
        prop_assert_eq!(pieces.outcome(), whole.outcome());
    }

    /// A host can say anything without harm, and without end.
    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let mut transcript = transcript();
        for _ in 0..100 {
            transcript.push(&bytes);
        }
        prop_assert!(transcript.log().count() <= 200);
    }
}
