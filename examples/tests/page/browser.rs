//! A browser without a window, driven over its debugging pipe: messages of
//! JSON with a zero byte after each, on descriptors 3 and 4.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long anything may take that does happen in the end.
const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) struct Browser {
    child: Child,
    profile: PathBuf,
    pipe: RefCell<Pipe>,
}

struct Pipe {
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    last_id: u64,
    /// Everything that the browser said unasked.
    events: Vec<Value>,
}

impl Browser {
    /// Starts `program` with a profile of its own.
    pub(crate) fn start(program: &str) -> Browser {
        let profile = std::env::temp_dir().join(format!("millpond-page-{}", std::process::id()));
        std::fs::create_dir_all(&profile).unwrap();
        // The shell turns our two pipes into the descriptors that it wants.
        let mut child = Command::new("sh")
            .args([
                "-c",
                "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1",
            ])
            .arg(program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--hide-scrollbars",
                "--remote-debugging-pipe",
            ])
            .arg(format!("--user-data-dir={}", profile.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let pipe = Pipe {
            to: child.stdin.take().unwrap(),
            from: BufReader::new(child.stdout.take().unwrap()),
            last_id: 0,
            events: Vec::new(),
        };
        Browser {
            child,
            profile,
            pipe: RefCell::new(pipe),
        }
    }

    /// Opens `url` in a tab of its own.
    pub(crate) fn open(&self, url: &str) -> Tab<'_> {
        let target = self.ask(None, "Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = self.ask(None, "Target.attachToTarget", attach)["sessionId"]
            .as_str()
            .unwrap()
            .to_owned();
        let tab = Tab {
            browser: self,
            session,
        };
        for domain in ["Page", "Runtime", "Log", "Network", "Accessibility"] {
            tab.ask(&format!("{domain}.enable"), json!({}));
        }
        tab.ask("Page.navigate", json!({"url": url}));
        let loaded = |event: &Value| {
            event["method"] == "Page.loadEventFired" && event["sessionId"] == tab.session
        };
        let mut pipe = self.pipe.borrow_mut();
        while !pipe.events.iter().any(loaded) {
            let event = pipe.read();
            pipe.events.push(event);
        }
        drop(pipe);
        tab
    }

    fn ask(&self, session: Option<&str>, method: &str, params: Value) -> Value {
        let mut pipe = self.pipe.borrow_mut();
        pipe.last_id += 1;
        let id = pipe.last_id;
        let mut message = json!({"id": id, "method": method, "params": params});
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let mut line = message.to_string().into_bytes();
        line.push(0);
        pipe.to.write_all(&line).expect("the browser listens");
        loop {
            let mut message = pipe.read();
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].take();
            }
            pipe.events.push(message);
        }
    }
}

impl Pipe {
    fn read(&mut self) -> Value {
        let mut line = Vec::new();
        self.from.read_until(0, &mut line).unwrap();
        assert_eq!(line.pop(), Some(0), "the browser ended");
        serde_json::from_slice(&line).unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

pub(crate) struct Tab<'b> {
    browser: &'b Browser,
    session: String,
}

impl Tab<'_> {
    pub(crate) fn ask(&self, method: &str, params: Value) -> Value {
        self.browser.ask(Some(&self.session), method, params)
    }

    /// Runs `script` in the page, and returns its value.
    pub(crate) fn value(&self, script: &str) -> Value {
        let mut answer = self.ask(
            "Runtime.evaluate",
            json!({"expression": script, "returnByValue": true, "awaitPromise": true}),
        );
        let exception = &answer["exceptionDetails"];
        assert!(exception.is_null(), "{script}: {exception}");
        answer["result"]["value"].take()
    }

    /// Waits until `script` is true in the page.
    #[track_caller]
    pub(crate) fn wait(&self, script: &str) {
        let started = Instant::now();
        while self.value(script) != true {
            let text = || self.value("document.body.innerText");
            assert!(started.elapsed() < PATIENCE, "never: {script}\n{}", text());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub(crate) fn press(&self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            self.ask(
                "Input.dispatchKeyEvent",
                json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": if key == "Tab" { 9 } else { 0 }}),
            );
        }
    }

    /// Shows the page on a screen of this width, light or dark.
    pub(crate) fn screen(&self, width: u32, height: u32, scheme: &str) {
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}),
        );
        self.ask(
            "Emulation.setEmulatedMedia",
            json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]}),
        );
    }

    /// Writes a picture of the whole page.
    pub(crate) fn picture(&self, path: &Path) {
        let height = self.value("Math.ceil(document.documentElement.scrollHeight)");
        let width = self.value("innerWidth");
        let clip = json!({"x": 0, "y": 0, "width": width, "height": height, "scale": 1});
        let picture = self.ask(
            "Page.captureScreenshot",
            json!({"format": "png", "captureBeyondViewport": true, "clip": clip}),
        );
        std::fs::write(path, base64(picture["data"].as_str().unwrap())).unwrap();
    }

    /// Returns what the page's console and the browser's log complained about,
    /// and the addresses that the page asked for.
    pub(crate) fn complaints_and_requests(&self) -> (Vec<Value>, Vec<String>) {
        self.value("0"); // all that came before this is read with it
        let pipe = self.browser.pipe.borrow();
        let mine = pipe
            .events
            .iter()
            .filter(|event| event["sessionId"] == self.session);
        let (mut complaints, mut requests) = (Vec::new(), Vec::new());
        for event in mine {
            let params = &event["params"];
            match event["method"].as_str() {
                Some("Runtime.exceptionThrown") => complaints.push(params.clone()),
                Some("Runtime.consoleAPICalled")
                    if params["type"] == "error" || params["type"] == "warning" =>
                {
                    complaints.push(params.clone());
                }
                Some("Log.entryAdded") if params["entry"]["level"] != "info" => {
                    complaints.push(params.clone());
                }
                Some("Network.requestWillBeSent") => {
                    requests.push(params["request"]["url"].as_str().unwrap().to_owned());
                }
                _ => {}
            }
        }
        (complaints, requests)
    }
}

/// Decodes base64 of the usual alphabet.
fn base64(text: &str) -> Vec<u8> {
    let digit = |byte| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut bytes = Vec::new();
    for four in text.trim_end_matches('=').as_bytes().chunks(4) {
        let bits = four
            .iter()
            .fold(0_u32, |bits, byte| bits << 6 | u32::from(digit(*byte)));
        let missing = 4 - four.len();
        let three = (bits << (6 * missing)).to_be_bytes();
        bytes.extend_from_slice(&three[1..4 - missing]);
    }
    bytes
}
