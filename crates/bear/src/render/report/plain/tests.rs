//! A log that nothing happens in.

use std::thread;

use bear_core::event::{Operation, What};
use bear_core::plan::StepKind;

use super::*;
use crate::render::{Look, example};

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn log(detail: Detail, silence_max: Duration) -> (Shared, Box<Plain<Shared>>) {
    let out = Shared::default();
    let look = Look { colour: false, width: None, unicode: true };
    let manner = Manner { look, detail, fleet: "examples/local.yaml".to_owned() };
    let plain = Plain::new(out.clone(), manner, Progress::default(), silence_max);
    (out, Box::new(plain))
}

fn begin(plain: &mut Plain<Shared>) {
    let install = example::step(StepKind::Install, "demo-broker-1");
    let begun =
        [(0, What::RunStarted { operation: Operation::Apply, steps: 2 }), (0, example::started(&install))];
    for event in example::events(begun) {
        plain.event(&event);
    }
}

#[test]
fn it_says_now_and_then_what_runs() {
    let (out, mut plain) = log(Detail::Normal, Duration::from_millis(5));
    begin(&mut plain);
    let runs = |text: &str| {
        let mut lines = text.lines().filter(|line| line.trim_start().starts_with("running ["));
        lines.nth(1).is_some_and(|line| line.contains("] (0/2) install demo-broker-1 0."))
    };
    let deadline = Instant::now() + Duration::from_mins(1);
    while !runs(&out.text()) && Instant::now() < deadline {
        thread::yield_now();
    }
    plain.finish().unwrap();
    assert!(runs(&out.text()), "{}", out.text());
    let told = out.text();
    thread::sleep(Duration::from_millis(20));
    assert_eq!(out.text(), told, "it ends with the run");
}

#[test]
fn it_says_nothing_to_those_who_want_quiet() {
    let (out, mut plain) = log(Detail::Quiet, Duration::ZERO);
    begin(&mut plain);
    assert!(plain.watch.is_none());
    plain.finish().unwrap();
    assert_eq!(out.text(), "");
}
