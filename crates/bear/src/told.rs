//! Faults as people read them, where no command can be made to run into one.

use std::io;

use bear_core::plan::PlanFault;
use bear_engine::StoreError;

use crate::commands::ssh;
use crate::credentials::state_home;
use crate::fault::Fault;
use crate::planning;
use crate::random;
use crate::render::Look;

const LOOK: Look = Look { colour: false, width: None, unicode: true };

fn told(faults: &[Fault]) -> String {
    faults.iter().map(|fault| fault.report(LOOK)).collect::<Vec<_>>().join("\n\n")
}

#[test]
fn what_the_system_refuses() {
    let [absent, again, many] = [2, 11, 24].map(io::Error::from_raw_os_error);
    let faults = [
        Fault::no_signals(&many),
        Fault::no_thread(&again),
        random::no_randomness(getrandom::Error::UNSUPPORTED),
        ssh::no_client(&absent),
        state_home(None, None).unwrap_err(),
    ];
    insta::assert_snapshot!(told(&faults), @"
    bear::signals

      × could not listen for signals
      ╰─▶ Too many open files (os error 24)
      help: this user may have too many files open: `ulimit -n` tells how many are allowed

    bear::runtime

      × could not start the threads that bear works with
      ╰─▶ Resource temporarily unavailable (os error 11)
      help: this user may have too many processes: `ulimit -u` tells how many are allowed

    bear::random

      × could not draw a random number: getrandom: this target is not supported
      help: random numbers come from the system: look at /dev/urandom

    bear::ssh::client

      × could not start `ssh`
      ╰─▶ No such file or directory (os error 2)
      help: install the OpenSSH client; Debian: openssh-client

    bear::local::no_home

      × could not find a folder for the ports that are taken
      help: set `HOME` or `XDG_STATE_HOME`
    ");
}

#[test]
fn what_must_not_happen() {
    let lost = StoreError::LockLost { path: "/home/ann/project/.bear/demo/lock".into() };
    let twice = PlanFault::Twice("install/demo-broker-1".to_owned());
    insta::assert_snapshot!(told(&[lost.into(), planning::faulty(&twice)]), @"
    bear::state::disturbed

      × the lock /home/ann/project/.bear/demo/lock was deleted or replaced while this bear held it
      help: nothing was written after that; see that nothing but bear changes the `.bear` folder, then run the command again

    bear::plan::fault

      × bear made a plan that can't be carried out
      ╰─▶ the step install/demo-broker-1 is there twice
      help: this is a bug in bear; please report it with your fleet file
    ");
}
