//! A browser that none of us wrote: Chromium without a window, asked over its own protocol what it makes of a page.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Set to `required` where Chromium must be there.
const VARIABLE: &str = "BEAR_TEST_CHROMIUM";

/// How long the browser may take for an answer, with whatever else this machine does.
const PATIENCE: Duration = Duration::from_mins(2);

/// The height of the window, in points.
const HEIGHT: u32 = 900;

/// How much of a long page a picture shows, in points.
const PICTURE_MAX: f64 = 4_000.0;

/// Whether Chromium is on this machine.
pub(crate) fn is_here() -> bool {
    let here = Command::new("chromium").arg("--version").stderr(Stdio::null()).output();
    let here = here.is_ok_and(|output| output.status.success());
    let required = std::env::var(VARIABLE).is_ok_and(|value| value == "required");
    assert!(here || !required, "{VARIABLE} is `required`, but there is no chromium; Debian: chromium");
    here
}

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// Of the window, in points.
    pub(crate) width: u32,
    pub(crate) dark: bool,
}

/// A browser with one page, in which no script of that page runs.
pub(crate) struct Browser {
    process: Child,
    asks: ChildStdin,
    answers: Receiver<Value>,
    /// What it told without being asked, since the page was opened.
    events: Vec<Value>,
    session: Option<String>,
    asked: u64,
    /// Of the window, in points.
    width: u32,
    _profile: TempDir,
}

impl Browser {
    pub(crate) fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        // It is talked to through its files 3 and 4, so that no port is needed.
        command.args(["-c", "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null", "sh", "chromium"]);
        command.args(["--headless", "--remote-debugging-pipe", "--disable-gpu", "--no-first-run"]);
        // Root has no sandbox, and the pages are our own.
        command.args(["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"]);
        command.arg(format!("--user-data-dir={}", profile.path().display())).arg("about:blank");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let (asks, read) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let (tell, answers) = mpsc::channel();
        thread::spawn(move || {
            for message in BufReader::new(read).split(0) {
                let Ok(message) = message else { return };
                if tell.send(serde_json::from_slice(&message).unwrap()).is_err() {
                    return;
                }
            }
        });
        let events = Vec::new();
        let (session, asked, width) = (None, 0, 0);
        let mut browser = Self { process, asks, answers, events, session, asked, width, _profile: profile };
        let target = browser.ask("Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.ask("Target.attachToTarget", &attach);
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Network", "Log", "Runtime"] {
            browser.ask(&format!("{domain}.enable"), &json!({}));
        }
        browser.ask("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
        browser
    }

    /// Opens a file, and waits until all of it is there.
    pub(crate) fn open(&mut self, page: &Path, look: Look) {
        let size = json!({ "width": look.width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": false });
        self.ask("Emulation.setDeviceMetricsOverride", &size);
        self.width = look.width;
        let scheme = if look.dark { "dark" } else { "light" };
        let scheme = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.ask("Emulation.setEmulatedMedia", &json!({ "features": scheme }));
        self.events.clear();
        self.ask("Page.navigate", &json!({ "url": format!("file://{}", page.display()) }));
        let begun = Instant::now();
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            self.receive(begun, "the page");
        }
    }

    /// What the page asked for, itself included.
    pub(crate) fn requests(&self) -> Vec<&str> {
        let requests = self.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        requests.filter_map(|event| event["params"]["request"]["url"].as_str()).collect()
    }

    /// What the page, or the browser about it, wrote to the console.
    pub(crate) fn complaints(&self) -> Vec<&Value> {
        let told = ["Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"];
        let is_one = |event: &&Value| event["method"].as_str().is_some_and(|method| told.contains(&method));
        self.events.iter().filter(is_one).collect()
    }

    /// How wide the content of the page is, and how wide the window shows it, in points.
    pub(crate) fn widths(&mut self) -> (f64, f64) {
        let metrics = self.ask("Page.getLayoutMetrics", &json!({}));
        let width = |area: &str, name: &str| metrics[area][name].as_f64().unwrap();
        (width("cssContentSize", "width"), width("cssLayoutViewport", "clientWidth"))
    }

    /// The value of an expression, which the browser works out beside the page.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true });
        let mut answer = self.ask("Runtime.evaluate", &asked);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {}", answer["exceptionDetails"]);
        answer["result"]["value"].take()
    }

    /// Clicks in the middle of the first element that a selector finds.
    pub(crate) fn click(&mut self, selector: &str) {
        let place = format!(
            "(() => {{ const element = document.querySelector({selector:?}); element.scrollIntoView();
               const at = element.getBoundingClientRect(); return [at.x + at.width / 2, at.y + at.height / 2]; }})()"
        );
        let place = self.value(&place);
        for kind in ["mousePressed", "mouseReleased"] {
            let click =
                json!({ "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1 });
            self.ask("Input.dispatchMouseEvent", &click);
        }
    }

    /// A picture of the page from its top, for people to look at.
    pub(crate) fn picture(&mut self, path: &Path) {
        let metrics = self.ask("Page.getLayoutMetrics", &json!({}));
        let height = metrics["cssContentSize"]["height"].as_f64().unwrap().min(PICTURE_MAX);
        let clip = json!({ "x": 0, "y": 0, "width": self.width, "height": height, "scale": 1 });
        let asked = json!({ "captureBeyondViewport": true, "clip": clip });
        let picture = self.ask("Page.captureScreenshot", &asked);
        let picture = BASE64_STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        std::fs::write(path, picture).unwrap();
    }

    /// Asks for something, and waits for the answer.
    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.asked += 1;
        let mut message = json!({ "id": self.asked, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.asks.write_all(format!("{message}\0").as_bytes()).unwrap();
        let begun = Instant::now();
        loop {
            if let Some(mut answer) = self.receive(begun, method) {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].take();
            }
        }
    }

    /// Takes the next message: the answer to what was asked last, or an event to keep.
    fn receive(&mut self, begun: Instant, what: &str) -> Option<Value> {
        let left = PATIENCE.saturating_sub(begun.elapsed());
        let message = self.answers.recv_timeout(left);
        let message = message.unwrap_or_else(|_| panic!("the browser does not answer: {what}"));
        if message["id"] == self.asked {
            return Some(message);
        }
        self.events.push(message);
        None
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its other processes end when nobody talks to it any more.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
