//! What lies above a page or asks below it: forms, plans with their questions, failures, help.

use super::*;
use crate::{Failure, Question};

#[test]
fn the_first_start() {
    let mut session = Session::new((80, 16));
    session.tell(Message::Loaded(Box::default()));
    session.press("mine<Tab>");
    insta::assert_snapshot!(session.screen(), @"
     bear


    ╭ A new fleet ─────────────────────────────────────────────────────────────────╮
    │ There is no fleet here yet. This writes fleets/NAME.yaml, a file to edit and │
    │ to keep in git.                                                              │
    │                                                                              │
    │   name     mine                                                              │
    │ > provider (x) local  processes of this machine                              │
    │            ( ) hosts  machines that exist, over SSH                          │
    │            ( ) aws    machines on Amazon EC2                                 │
    ╰──────────────────────────────────────────────────────────────────────────────╯



     Enter next  Tab other field  Esc cancel
    ");
}

#[test]
fn a_plan_and_the_question_about_it() {
    let mut session = Session::with(DEMO, 3, (80, 18));
    session.press("a");
    session.tell(Message::Planned(plan(DEMO, 3)));
    session.tell(Message::Asked(Question::YesNo("Do you want to apply this plan?".to_owned())));
    insta::assert_snapshot!(session.screen(), @"
     bear  demo  5 instances  2 not made  3 healthy

     Plan: 2 to create, 3 unchanged

       + demo-edge-paris  create, install, verify
            provider        local
            broker          embedded
            authentication  off (default)
            ports           free ones of this machine (default)
       + demo-edge-lyon  create, install, verify



    ────────────────────────────────────────────────────────────────────────────────
     Do you want to apply this plan?
     y yes   n no

     y yes  n no
    ");
}

#[test]
fn a_form_shows_the_field_that_is_filled_in() {
    let mut session = Session::new((40, 10));
    session.tell(Message::Loaded(Box::default()));
    session.press("mine<Tab><Right><Right>");
    insta::assert_snapshot!(session.screen(), @"
     bear
    ╭ A new fleet ─────────────────────────╮
    │                                      │
    │   name     mine                      │
    │ > provider ( ) local  processes of … │
    │            ( ) hosts  machines that… │
    │            (x) aws    machines on A… │
    ╰──────────────────────────── 4-8 of 8 ╯

     Enter next  Esc cancel
    ");
}

#[test]
fn help_tells_of_every_key_of_the_page() {
    let mut session = Session::with(DEMO, 0, (80, 40));
    session.press("?");
    insta::assert_snapshot!(session.screen(), @"
     bear  demo  5 instances  5 not made
    ╭ Keys of this page ───────────────────────────────────────────────────────────╮
    │ Enter        the page of the instance                                        │
    │ p            plan: what would change, and why; recorded for `bear apply`     │
    │ a            apply: shows the plan, asks, makes it so                        │
    │ l            the log of the broker on the whole page, as it is written       │
    │              not now: it is not made yet; a makes it                         │
    │ o            open the dashboard in the browser                               │
    │              not now: it is not made yet; a makes it                         │
    │ s            a shell on the instance, through SSH; its end leads back here   │
    │              not now: it is not made yet; a makes it                         │
    │ n            a new instance of this group: edits the fleet file, asks,       │
    │              applies                                                         │
    │ d            remove: the member, or the last of a group with a count; edits, │
    │              asks, applies                                                   │
    │ u            another version of the broker of this group: edits the fleet    │
    │              file, asks, applies                                             │
    │              not now: the embedded broker is part of bear: its version is    │
    │              bear's                                                          │
    │ v            verify: proves the instance or group again                      │
    │              not now: it is not made yet; a makes it                         │
    │ V            verify all: proves every broker again                           │
    │              not now: nothing of the fleet is made yet; a makes it           │
    │ D            destroy the fleet; asks for its name                            │
    │              not now: nothing of the fleet is made yet; a makes it           │
    │ /            search by name, group, address, broker, or how it is doing      │
    │ r            the run: what it does, or what came of it                       │
    │              not now: there was no run since bear ui began                   │
    │ m            messages: whatever was told, newest first                       │
    │              not now: nothing was told yet                                   │
    │ f            the fleets of the project: another one, or a new one            │
    │ q            quit                                                            │
    │ ?            this page                                                       │
    │ Ctrl-C       quit                                                            │
    │                                                                              │
    │ ↑ ↓ j k      one line up or down                                             │
    │ PgUp PgDn    one screen up or down; also Ctrl-B and Space                    │
    ╰────────────────────────────────────────────────────────────────── 1-35 of 39 ╯

     Esc close
    ");
    // Where it does not fit, it is scrolled.
    session.tell(Message::Resized(40, 14));
    session.press("<PgDn>");
    insta::assert_snapshot!(session.screen(), @"
     bear  demo  5  5 not made
    ╭ Keys of this page ───────────────────╮
    │              on the whole page, as   │
    │              it is written           │
    │              not now: it is not made │
    │              yet; a makes it         │
    │ o            open the dashboard in   │
    │              the browser             │
    │              not now: it is not made │
    │              yet; a makes it         │
    │ s            a shell on the          │
    ╰───────────────────────── 10-18 of 78 ╯

     Esc close
    ");
    session.press("<End>");
    assert!(session.screen().contains("wheel"), "{}", session.screen());
    session.press("?");
    assert!(!session.screen().contains("wheel"), "{}", session.screen());
}

#[test]
fn a_long_failure_is_read_to_its_end() {
    let mut session = Session::with(DEMO, 5, (60, 12));
    let why = (1..=30).map(|line| format!("reason {line}")).collect();
    let failure = Failure { what: "could not do it".to_owned(), why, help: Some("mend it".to_owned()) };
    session.tell(Message::Failed(failure));
    session.press("<End>");
    insta::assert_snapshot!(session.screen(), @"
     bear  demo  5 instances  5 healthy
    ╭ It did not work ─────────────────────────────────────────╮
    │ reason 26                                                │
    │ reason 27                                                │
    │ reason 28                                                │
    │ reason 29                                                │
    │ reason 30                                                │
    │                                                          │
    │ help: mend it                                            │
    ╰───────────────────────────────────────────── 27-33 of 33 ╯
     could not do it; reason 1; reason 2; reason 3; reason 4; …
     Esc close
    ");
}

#[test]
fn a_plan_at_40_columns() {
    let mut session = Session::with(PLANT, 2, (40, 30));
    let upgraded = PLANT.replace("2.0.18", "2.0.20");
    let parsed = parse("fleets/demo.yaml", upgraded.as_bytes()).unwrap().fleet;
    let instances = parsed.instances().unwrap();
    let goal = bear_core::diff::Goal { instances: &instances[..1], ..bear_core::diff::Goal::default() };
    let observed = bear_core::observed::Observed::new();
    let changes = bear_core::diff::diff(&goal, Some(&state(PLANT, 2)), &observed);
    session.press("a");
    session.tell(Message::Planned(Arc::new(bear_core::plan::build(parsed.name, changes, 0))));
    insta::assert_snapshot!(session.screen(), @"
    bear  plant  2  2 healthy

    Plan: 1 to change, 1 to destroy

      ~ plant-edge-paris  change in place
           broker.mosquitto.version:
             2.0.18
             → 2.0.20
           @@ -4,5 +4,5 @@
              user: ubuntu
            broker:
              mosquitto:
           -    version: 2.0.18
           +    version: 2.0.20
                container: true
      - plant-edge-lyon  destroy
           instance: verified → gone











    planning…
    Esc back  ? help
    ");
}
