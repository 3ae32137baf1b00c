//! `cargo xtask screenshot`: the pictures of the README, all of one fleet: what `bear apply` shows, the page about that
//! run, and what `bear ui` shows once somebody has killed a broker.

mod draw;
mod terminal;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use self::terminal::Terminal;

const APPLY: &str = "bear apply examples/local.yaml --yes";
const REPORT: &str = "bear report examples/local.yaml --output page.html";
const UI: &str = "bear ui examples/local.yaml";
const DESTROY: &str = "bear destroy examples/local.yaml --yes";

/// The broker that is killed.
const VICTIM: &str = "demo-broker-2";

/// How wide terminals are, and how high those on which a command is shown.
const COLUMNS: u16 = 104;
const OF_COMMAND: (u16, u16) = (60, COLUMNS);

/// The size of the page's picture, in points.
const OF_PAGE: &str = "--window-size=1240,1240";

/// Takes the pictures, and writes them to `docs`.
pub(crate) fn run() -> Result<(), String> {
    let bear = crate::build::bear(&[])?;
    // Its name is on one of the pictures.
    let folder = tempfile::Builder::new().prefix("bear-").rand_bytes(3).tempdir();
    let folder = folder.map_err(|error| format!("could not make a folder to work in: {error}"))?;
    let example = folder.path().join("examples");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::create_dir(&example)
        .and_then(|()| fs::copy(root.join("examples/local.yaml"), example.join("local.yaml")))
        .map_err(|error| format!("could not copy the example: {error}"))?;
    let studio = Studio { bear, folder: folder.path(), pictures: root.join("docs") };
    let taken = studio.take_all();
    // Whatever came of it, nothing is to be left running.
    let ended = Terminal::start(DESTROY, &studio, OF_COMMAND)?.end();
    taken.and(ended.map(drop))
}

/// Where pictures are taken, and where they go.
struct Studio<'f> {
    bear: PathBuf,
    /// The project in which `bear` runs.
    folder: &'f Path,
    pictures: PathBuf,
}

impl Studio<'_> {
    fn take_all(&self) -> Result<(), String> {
        let applied = Terminal::start(APPLY, self, OF_COMMAND)?.end()?;
        self.write("apply.svg", &draw::svg(APPLY, &applied))?;
        Terminal::start(REPORT, self, OF_COMMAND)?.end()?;
        self.photograph("page.html", "report.png")?;
        self.kill(VICTIM)?;
        self.manager(14, "", &["1 unreachable  2 healthy", "D destroy"], "ui.svg")?;
        self.manager(30, "j\r", &["unreachable", "mqtt.qos2", "Log "], "ui-broker.svg")
    }

    /// Fills a terminal of so many rows with the manager, types, and takes a picture once all the texts are there.
    fn manager(&self, rows: u16, keys: &str, texts: &[&str], name: &str) -> Result<(), String> {
        let mut manager = Terminal::start(UI, self, (rows, COLUMNS))?;
        // A key is pressed once the screen that it is meant for is there.
        manager.once(&["1 unreachable  2 healthy"])?;
        manager.press(keys)?;
        let screen = manager.once(texts)?;
        self.write(name, &draw::svg(UI, &screen))?;
        manager.press("\u{3}")?;
        manager.end().map(drop)
    }

    fn write(&self, name: &str, picture: &str) -> Result<(), String> {
        let path = self.pictures.join(name);
        fs::write(&path, picture).map_err(|error| format!("could not write {}: {error}", path.display()))
    }

    /// Has Chromium open a page, and keeps what it shows.
    fn photograph(&self, page: &str, name: &str) -> Result<(), String> {
        let picture = self.pictures.join(name);
        let output = Command::new("chromium")
            // Root has no sandbox, and the page is our own.
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", OF_PAGE])
            .arg(format!("--user-data-dir={}", self.folder.join("chromium").display()))
            .arg(format!("--screenshot={}", picture.display()))
            .arg(format!("file://{}", self.folder.join(page).display()))
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("could not start chromium: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("chromium failed: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)))
    }

    /// Ends a broker as nobody should.
    fn kill(&self, instance: &str) -> Result<(), String> {
        let path = self.folder.join(format!(".bear/demo/instances/{instance}/broker.lock"));
        let lock = fs::read_to_string(&path)
            .map_err(|error| format!("could not read {}: {error}", path.display()))?;
        let lock = serde_json::from_str::<serde_json::Value>(&lock)
            .map_err(|error| format!("could not read {}: {error}", path.display()))?;
        let pid = lock["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok()).filter(|pid| *pid > 1);
        let pid = pid.ok_or_else(|| format!("{} names no process", path.display()))?;
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL)
            .map_err(|error| format!("could not kill {instance}: {error}"))
    }
}
