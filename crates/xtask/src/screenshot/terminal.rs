//! A terminal with a program on it, made by `script`(1). What the program writes is played to an emulator, whose screen
//! is what a picture shows; keys are typed as a person would.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use vt100::{Parser, Screen};

use super::Studio;

/// How long anything may take to come up on the screen, and a program to end.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(50);

/// A terminal and the program on it.
pub(super) struct Terminal {
    command: String,
    script: Child,
    keys: ChildStdin,
    emulator: Arc<Mutex<Parser>>,
    reading: Option<JoinHandle<()>>,
}

impl Terminal {
    /// Starts a command on a terminal of so many rows and columns, as if it had been typed there.
    pub(super) fn start(
        command: &str,
        studio: &Studio<'_>,
        (rows, columns): (u16, u16),
    ) -> Result<Self, String> {
        let programs = studio.bear.parent().unwrap_or(&studio.bear).display();
        let path = format!("{programs}:{}", std::env::var("PATH").unwrap_or_default());
        let sized = format!("stty cols {columns} rows {rows}; {command}");
        let mut script = Command::new("script")
            .args(["--quiet", "--return", "--command", &sized, "/dev/null"])
            .current_dir(studio.folder)
            .env("PATH", path)
            .env("XDG_STATE_HOME", studio.folder)
            .env("TERM", "xterm-256color")
            .env("LANG", "C.UTF-8")
            .env_remove("NO_COLOR")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("could not start script(1): {error}"))?;
        let (Some(keys), Some(written)) = (script.stdin.take(), script.stdout.take()) else {
            return Err("script(1) has no pipes".to_owned());
        };
        let mut emulator = Parser::new(rows, columns, 0);
        emulator.process(format!("$ {command}\r\n").as_bytes());
        let emulator = Arc::new(Mutex::new(emulator));
        let playing = Arc::clone(&emulator);
        let reading = Some(thread::spawn(move || play(written, &playing)));
        Ok(Self { command: command.to_owned(), script, keys, emulator, reading })
    }

    /// Types something.
    pub(super) fn press(&mut self, keys: &str) -> Result<(), String> {
        let typed = self.keys.write_all(keys.as_bytes()).and_then(|()| self.keys.flush());
        typed.map_err(|error| format!("could not type into `{}`: {error}", self.command))
    }

    /// The screen, once all of these texts are on it.
    pub(super) fn once(&self, texts: &[&str]) -> Result<Screen, String> {
        let begun = Instant::now();
        loop {
            let screen = self.screen();
            let shown = screen.contents();
            if texts.iter().all(|text| shown.contains(text)) {
                return Ok(screen);
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("`{}` does not show {texts:?}:\n{shown}", self.command));
            }
            thread::sleep(LOOK);
        }
    }

    /// The screen that the program leaves behind, once it has ended well.
    pub(super) fn end(mut self) -> Result<Screen, String> {
        let begun = Instant::now();
        let status = loop {
            match self.script.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if begun.elapsed() < PATIENCE => thread::sleep(LOOK),
                Ok(None) => return Err(format!("`{}` does not end", self.command)),
                Err(error) => return Err(format!("could not wait for `{}`: {error}", self.command)),
            }
        };
        // All that it wrote is on the screen once nobody writes any more.
        let is_read = self.reading.take().is_none_or(|reading| reading.join().is_ok());
        if status.success() && is_read {
            return Ok(self.screen());
        }
        Err(format!("`{}` failed: {status}\n{}", self.command, self.screen().contents()))
    }

    fn screen(&self) -> Screen {
        self.emulator.lock().unwrap_or_else(PoisonError::into_inner).screen().clone()
    }
}

impl Drop for Terminal {
    /// A program that nobody waits for any more ends with its terminal.
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.script.kill();
        let _ = self.script.wait();
    }
}

/// Plays what is written until nobody writes any more.
fn play(mut written: ChildStdout, emulator: &Mutex<Parser>) {
    let mut block = [0; 4096];
    while let Ok(count @ 1..) = written.read(&mut block) {
        emulator.lock().unwrap_or_else(PoisonError::into_inner).process(&block[..count]);
    }
}
