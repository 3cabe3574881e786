//! A real browser without a window, over its own protocol: what a page asks for, says and looks like. Knows no page.
//!
//! The protocol is spoken over two pipes (`--remote-debugging-pipe`): no port, and the browser ends with its pipes.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The variable that says where the browser is.
pub const VARIABLE: &str = "WHIMBREL_CHROMIUM";

/// How long one answer may take: a machine that runs all tests at once is slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with one page.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    /// What was told while an answer was awaited.
    told: VecDeque<Value>,
    session: Option<String>,
    number: i64,
    folder: TempDir,
}

/// A node of the accessibility tree: what a screen reader is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its role.
    pub role: String,
    /// Its name.
    pub name: String,
    /// The level of a heading.
    pub level: Option<i64>,
    /// How deep it is in the tree.
    pub depth: usize,
}

impl Browser {
    /// Starts the browser.
    ///
    /// # Panics
    /// There is none, or it does not start.
    pub fn start() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let log = File::create(folder.path().join("log")).expect("a file");
        // The browser speaks on its descriptors 3 and 4.
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$@\" 3<&0 4>&1 </dev/null >&2", "sh"])
            .arg(program())
            .args([
                "--headless=new",
                "--remote-debugging-pipe",
                "--no-first-run",
                "--no-default-browser-check",
            ])
            .args(["--disable-gpu", "--disable-background-networking", "--disable-component-update"])
            .args([
                "--disable-extensions",
                "--disable-sync",
                "--hide-scrollbars",
                "--force-color-profile=srgb",
            ])
            // Containers have no room for shared memory, and root has no sandbox; the page is our own.
            .args(["--disable-dev-shm-usage", "--no-sandbox"])
            // Nothing is to be found, whatever is asked for.
            .arg("--host-resolver-rules=MAP * ~NOTFOUND")
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .env("HOME", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("a shell");
        let to = child.stdin.take().expect("piped");
        let mut answers = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, from) = channel();
        std::thread::spawn(move || {
            loop {
                let mut message = Vec::new();
                // The end, or nobody who listens: either way there is nothing left to read for.
                match answers.read_until(0, &mut message) {
                    Ok(0) | Err(_) => return,
                    Ok(_) => message.pop(),
                };
                let Ok(message) = serde_json::from_slice(&message) else { return };
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self { child, to, from, told: VecDeque::new(), session: None, number: 0, folder };
        let target = browser.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.call("Target.attachToTarget", &attach);
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Network", "Runtime", "Log", "Accessibility"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        browser
    }

    /// Calls a method of the protocol.
    ///
    /// # Panics
    /// The browser refuses it, or does not answer.
    pub fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.number += 1;
        let number = self.number;
        let mut message = json!({ "id": number, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let sent = self.to.write_all(format!("{message}\0").as_bytes()).and_then(|()| self.to.flush());
        if let Err(error) = sent {
            panic!("{method}: the browser is gone ({error}): {}", self.log());
        }
        loop {
            let message = self.receive(method);
            if message["id"] == json!(number) {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
            self.told.push_back(message);
        }
    }

    fn receive(&self, what: &str) -> Value {
        match self.from.recv_timeout(PATIENCE) {
            Ok(message) => message,
            Err(error) => panic!("{what}: no answer of the browser ({error}): {}", self.log()),
        }
    }

    /// Waits for something to be told.
    fn wait_for(&mut self, method: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.told.iter().any(|message| message["method"] == method) {
            assert!(Instant::now() < end, "the browser never told {method}");
            let message = self.receive(method);
            self.told.push_back(message);
        }
    }

    /// Loads a file in a window of this size and with this colour scheme, and returns what must not be: messages in the
    /// console, requests for anything but the file, and requests that failed.
    pub fn load(&mut self, file: &Path, width: u32, height: u32, scheme: &str) -> Vec<String> {
        self.told.clear();
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", &size);
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call("Emulation.setEmulatedMedia", &media);
        let url = format!("file://{}", file.display());
        let loaded = self.call("Page.navigate", &json!({ "url": url }));
        let mut wrong: Vec<String> =
            loaded["errorText"].as_str().map(|error| format!("not loaded: {error}")).into_iter().collect();
        self.wait_for("Page.loadEventFired");
        // What the page does behind its load event is told before this is answered.
        self.evaluate("document.fonts.ready.then(() => new Promise(done => setTimeout(done, 50)))");
        for message in &self.told {
            let told = &message["params"];
            match message["method"].as_str().unwrap_or_default() {
                "Network.requestWillBeSent" if told["request"]["url"] == json!(url) => {}
                "Network.requestWillBeSent" => wrong.push(format!("asked for {}", told["request"]["url"])),
                "Network.loadingFailed" => wrong.push(format!("failed: {}", told["errorText"])),
                "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" => wrong.push(told.to_string()),
                "Log.entryAdded" => wrong.push(told["entry"]["text"].to_string()),
                _ => {}
            }
        }
        wrong
    }

    /// The value of an expression in the page; a promise is waited for.
    ///
    /// # Panics
    /// It throws.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.call("Runtime.evaluate", &parameters);
        assert!(answer["exceptionDetails"].is_null(), "{}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    /// What a screen reader is told, in its order.
    pub fn accessible(&mut self) -> Vec<Node> {
        let tree = self.call("Accessibility.getFullAXTree", &json!({}));
        let nodes = tree["nodes"].as_array().cloned().unwrap_or_default();
        let by_id = |id: &Value| nodes.iter().find(|node| node["nodeId"] == *id);
        let mut told = Vec::new();
        let mut left: Vec<(&Value, usize)> = nodes.first().map(|root| (root, 0)).into_iter().collect();
        while let Some((node, depth)) = left.pop() {
            let text = |what: &str| node[what]["value"].as_str().unwrap_or_default().to_owned();
            let properties = node["properties"].as_array().map(Vec::as_slice).unwrap_or_default();
            let level = properties.iter().find(|property| property["name"] == "level");
            if node["ignored"] != json!(true) {
                let level = level.and_then(|property| property["value"]["value"].as_i64());
                told.push(Node { role: text("role"), name: text("name"), level, depth });
            }
            let children = node["childIds"].as_array().map(Vec::as_slice).unwrap_or_default();
            left.extend(children.iter().rev().filter_map(by_id).map(|child| (child, depth + 1)));
        }
        told
    }

    /// Presses the key that goes on to the next thing.
    pub fn press_tab(&mut self) {
        for kind in ["keyDown", "keyUp"] {
            self.call(
                "Input.dispatchKeyEvent",
                &json!({ "type": kind, "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9 }),
            );
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It takes its own children along; a browser that is gone already is what is wanted.
        let _ =
            self.to.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0").and_then(|()| self.to.flush());
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where the browser is.
fn program() -> PathBuf {
    if let Some(named) = std::env::var_os(VARIABLE) {
        return named.into();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|folder| folder.join("chromium")).find(|file| file.is_file());
    found.unwrap_or_else(|| {
        panic!(
            "there is no `chromium` here: install Debian's package chromium (`cargo xtask test` does, as root), or say in \
             {VARIABLE} where a browser of its kind is"
        )
    })
}
