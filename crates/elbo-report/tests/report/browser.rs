//! A browser without a window, spoken to over two pipes by the `DevTools` protocol: messages in JSON, ended by a zero byte.

use serde_json::{Value, json};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// The longest that the browser may take for an answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// A browser with one page.
pub struct Browser {
    child: Child,
    input: File,
    output: Receiver<Value>,
    session: Option<String>,
    calls: u64,
    complaints: Vec<String>,
    _profile: tempfile::TempDir,
}

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub struct View {
    pub width: u32,
    pub height: u32,
    pub is_dark: bool,
}

impl Browser {
    /// The browser that `ELBO_BROWSER` names; `None`, and a remark, if it names none.
    pub fn start() -> Option<Self> {
        let Some(program) = std::env::var_os("ELBO_BROWSER").filter(|program| !program.is_empty()) else {
            eprintln!("skipped: ELBO_BROWSER names no browser");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        let pipes = ["in", "out"].map(|name| profile.path().join(name));
        assert!(Command::new("mkfifo").args(&pipes).status().unwrap().success());
        let flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe"];
        let child = Command::new("sh")
            .args(["-c", "i=$1; o=$2; shift 2; exec \"$@\" 3<\"$i\" 4>\"$o\"", "sh"])
            .args(&pipes)
            .arg(program)
            .args(flags)
            .arg(format!("--user-data-dir={}", profile.path().join("profile").display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The shell opens its ends in this order too.
        let input = OpenOptions::new().write(true).open(&pipes[0]).unwrap();
        let output = messages(File::open(&pipes[1]).unwrap());
        let mut browser =
            Self { child, input, output, session: None, calls: 0, complaints: Vec::new(), _profile: profile };
        browser.attach();
        Some(browser)
    }

    fn attach(&mut self) {
        let target = self.call("Target.createTarget", json!({ "url": "about:blank" }))["targetId"].clone();
        let attached = self.call("Target.attachToTarget", json!({ "targetId": target, "flatten": true }));
        self.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            self.call(&format!("{domain}.enable"), json!({}));
        }
    }

    /// Opens a file and waits until it is there.
    pub fn open(&mut self, path: &Path, view: View) {
        let metrics = json!({
            "width": view.width, "height": view.height, "deviceScaleFactor": 1, "mobile": view.width < 600,
        });
        self.call("Emulation.setDeviceMetricsOverride", metrics);
        let theme = if view.is_dark { "dark" } else { "light" };
        let feature = json!({ "name": "prefers-color-scheme", "value": theme });
        self.call("Emulation.setEmulatedMedia", json!({ "features": [feature] }));
        self.call("Page.navigate", json!({ "url": format!("file://{}", path.display()) }));
        let there = "new Promise(done => { const ready = () => document.readyState === 'complete' && \
                     document.body && document.querySelector('main') ? done(true) : setTimeout(ready, 10); ready(); })";
        assert_eq!(self.evaluate(there), true);
    }

    /// The value of an expression in the page.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let arguments = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let result = self.call("Runtime.evaluate", arguments);
        assert!(result.get("exceptionDetails").is_none(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Moves the pointer.
    pub fn point_at(&mut self, x: f64, y: f64) {
        self.call("Input.dispatchMouseEvent", json!({ "type": "mouseMoved", "x": x, "y": y }));
    }

    /// Presses a key.
    pub fn press(&mut self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            self.call("Input.dispatchKeyEvent", json!({ "type": kind, "key": key, "code": key }));
        }
    }

    /// The whole page as PNG, in base 64.
    pub fn screenshot(&mut self) -> String {
        let arguments = json!({ "format": "png", "captureBeyondViewport": true });
        self.call("Page.captureScreenshot", arguments)["data"].as_str().unwrap().to_owned()
    }

    /// Errors and warnings of the console, exceptions, and requests for anything but the page itself.
    pub fn complaints(&mut self) -> Vec<String> {
        std::mem::take(&mut self.complaints)
    }

    fn call(&mut self, method: &str, parameters: impl Into<Value>) -> Value {
        self.calls += 1;
        let mut message = json!({ "id": self.calls, "method": method, "params": parameters.into() });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.input.write_all((message.to_string() + "\0").as_bytes()).unwrap();
        loop {
            let message = self.output.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no answer to {method}"));
            if message["id"] == self.calls {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
            self.hear(&message);
        }
    }

    fn hear(&mut self, message: &Value) {
        let parameters = &message["params"];
        let is_wrong = match message["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" | "Log.entryAdded" => true,
            "Runtime.consoleAPICalled" => parameters["type"] == "error" || parameters["type"] == "warning",
            "Network.requestWillBeSent" => parameters["type"] != "Document",
            _ => false,
        };
        if is_wrong {
            self.complaints.push(message.to_string());
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads messages until the browser ends.
fn messages(output: File) -> Receiver<Value> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for message in BufReader::new(output).split(0) {
            let Some(message) = message.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()) else { break };
            if sender.send(message).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Bytes of a text in base 64.
pub fn decoded(text: &str) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let value =
        |letter: u8| LETTERS.iter().position(|&known| known == letter).and_then(|place| u32::try_from(place).ok());
    let values: Vec<u32> = text.bytes().filter_map(value).collect();
    let mut bytes = Vec::new();
    for four in values.chunks(4) {
        let word = four.iter().enumerate().fold(0, |word, (i, value)| word | value << (18 - 6 * i));
        bytes.extend(word.to_be_bytes()[1..four.len()].iter());
    }
    bytes
}
