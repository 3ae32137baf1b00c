//! Events for programs: one JSON document a line.

use std::io::{self, Write};

use bear_core::event::Event;

use super::Reporter;

/// Writes each event as one line of JSON.
pub(super) struct Json<W> {
    out: W,
    /// The first write that failed. Nothing is written after it, while the run itself goes on.
    broken: io::Result<()>,
}

impl<W: Write> Json<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, broken: Ok(()) }
    }

    fn write(&mut self, event: &Event) -> io::Result<()> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        self.out.write_all(&line)?;
        self.out.flush()
    }
}

impl<W: Write + Send> Reporter for Json<W> {
    fn event(&mut self, event: &Event) {
        if self.broken.is_ok() {
            self.broken = self.write(event);
        }
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        match self.broken {
            // A reader who went away, such as `head`, has what it wanted.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            broken => broken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::example;
    use super::*;

    #[test]
    fn every_event_is_one_line_and_the_summary_comes_last() {
        let mut out = Vec::new();
        let mut json = Json::new(&mut out);
        let events = example::run_with_trouble();
        for event in &events {
            json.event(event);
        }
        Box::new(json).finish().unwrap();

        let text = String::from_utf8(out).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let types = lines.map(|line| line["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(types.len(), events.len());
        assert_eq!(types.last().unwrap(), "summary");
        insta::assert_snapshot!(text.lines().nth(3).unwrap(), @r#"{"version":1,"seq":4,"at":"2026-11-22T06:00:02.11Z","type":"step_started","step":"create/demo-broker-1","kind":"create","instance":"demo-broker-1"}"#);
    }

    /// Fails every write.
    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_a_reader_missed_is_reported_at_the_end() {
        #[track_caller]
        fn check(broken: io::ErrorKind, expected: Result<(), io::ErrorKind>) {
            let mut json = Json::new(Broken(broken));
            for event in example::run_with_trouble() {
                json.event(&event);
            }
            assert_eq!(Box::new(json).finish().map_err(|error| error.kind()), expected);
        }
        check(io::ErrorKind::StorageFull, Err(io::ErrorKind::StorageFull));
        check(io::ErrorKind::BrokenPipe, Ok(()));
    }
}
