//! Headless Chromium for tests, driven by the few WebDriver commands they need
//! (<https://www.w3.org/TR/webdriver2/>).
//!
//! Only tests depend on it. Whatever goes wrong is a failed test, so every call panics and says why.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// How long a condition may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const INSTALL: &str =
    "these tests need a browser: install Debian's packages `chromium` and `chromium-driver`";

/// One browser; dropping it ends it.
pub struct Browser {
    runtime: Runtime,
    driver: Child,
    /// Kept open: the driver would be killed by a write to a closed pipe.
    _output: BufReader<ChildStdout>,
    port: u16,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// A browser of its own, with an empty profile, 1200 pixels wide.
    ///
    /// # Panics
    /// When Chromium or its driver is not installed or does not start.
    #[must_use]
    pub fn start() -> Self {
        let profile = tempfile::tempdir().expect("a folder for the profile");
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect(INSTALL);
        let mut output = BufReader::new(driver.stdout.take().expect("its output is piped"));
        let port = announced_port(&mut output);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mut browser =
            Self { runtime, driver, _output: output, port, session: String::new(), _profile: profile };
        let arguments = [
            "--headless",
            // Tests run as root in containers, where Chromium's sandbox refuses to start; only our page is loaded.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--window-size=1200,900",
            &format!("--user-data-dir={}", browser._profile.path().display()),
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }}});
        let answer = browser.call(Method::POST, "/session", &wanted);
        browser.session = answer["sessionId"].as_str().unwrap_or_default().to_owned();
        assert!(!browser.session.is_empty(), "no session ({INSTALL}): {answer}");
        browser
    }

    /// Goes to an address and waits until it is loaded.
    pub fn open(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// Title of the document.
    #[must_use]
    pub fn title(&self) -> String {
        self.script("return document.title").as_str().unwrap_or_default().to_owned()
    }

    /// What can be seen.
    #[must_use]
    pub fn text(&self) -> String {
        self.script("return document.body.innerText").as_str().unwrap_or_default().to_owned()
    }

    /// What a script returns; it is the body of a function, and a promise is waited for.
    pub fn script(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Waits until a JavaScript expression is true.
    pub fn until(&self, what: &str, condition: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.script(&format!("return Boolean({condition})")) != true {
            assert!(Instant::now() < deadline, "waited in vain for {what}; the page says:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A command of the Chrome DevTools Protocol.
    pub fn cdp(&self, command: &str, parameters: Value) -> Value {
        self.post("/goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    /// Makes the window `width` CSS pixels wide.
    pub fn resize(&self, width: u32) {
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.cdp("Emulation.setDeviceMetricsOverride", size);
    }

    /// Prefers `light` or `dark` colours from now on.
    pub fn prefer(&self, scheme: &str) {
        let feature = json!({"name": "prefers-color-scheme", "value": scheme});
        self.cdp("Emulation.setEmulatedMedia", json!({"features": [feature]}));
    }

    /// Runs no script of any page that is opened from now on; [`Browser::script`] still works.
    pub fn disable_javascript(&self) {
        self.cdp("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    }

    /// Clicks, as a person does, on the first element that a CSS selector matches.
    pub fn click(&self, selector: &str) {
        let found = self.post("/element", &json!({"using": "css selector", "value": selector}));
        // The name of the reference is a constant of the standard.
        let element = found["element-6066-11e4-a52e-4f735466cecf"].as_str().unwrap_or_default();
        self.post(&format!("/element/{element}/click"), &json!({}));
    }

    /// Presses the key `Tab`.
    pub fn press_tab(&self) {
        self.press(&json!({"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}));
    }

    /// Presses the key `Enter`.
    pub fn press_enter(&self) {
        self.press(&json!({"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}));
    }

    /// Presses the key `Escape`.
    pub fn press_escape(&self) {
        self.press(&json!({"key": "Escape", "code": "Escape", "windowsVirtualKeyCode": 27}));
    }

    fn press(&self, key: &Value) {
        for kind in ["keyDown", "keyUp"] {
            let mut event = key.clone();
            event["type"] = kind.into();
            self.cdp("Input.dispatchKeyEvent", event);
        }
    }

    /// Texts whose colour has less than 4.5:1 against what is behind them (WCAG 2.2, 1.4.3): an empty list when there is none.
    pub fn illegible(&self) -> Value {
        self.script(include_str!("contrast.js"))
    }

    /// What programs that read a page aloud, or work it by keyboard, stumble over: an empty list when there is nothing.
    pub fn inaccessible(&self) -> Value {
        self.script(include_str!("inaccessible.js"))
    }

    /// New entries of a log: `browser` is the console with refusals of the policy, `performance` the protocol's events.
    #[must_use]
    pub fn log(&self, kind: &str) -> Vec<Value> {
        let Value::Array(entries) = self.post("/se/log", &json!({ "type": kind })) else { return Vec::new() };
        entries
    }

    /// Waits until the console has said each of `words`.
    pub fn until_logged(&self, words: &[&str]) {
        let deadline = Instant::now() + PATIENCE;
        let mut said = String::new();
        while !words.iter().all(|word| said.contains(word)) {
            assert!(Instant::now() < deadline, "waited in vain for {words:?} in the console: {said}");
            std::thread::sleep(Duration::from_millis(50));
            said.push_str(&format!("{:?}", self.log("browser")));
        }
    }

    /// Addresses that were requested since the last call.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        let log = self.log("performance");
        let events =
            log.iter().filter_map(|entry| serde_json::from_str::<Value>(entry["message"].as_str()?).ok());
        events
            .filter(|event| event["message"]["method"] == "Network.requestWillBeSent")
            .filter_map(|event| event["message"]["params"]["request"]["url"].as_str().map(str::to_owned))
            // The blank page that a browser opens with.
            .filter(|url| url.starts_with("http"))
            .collect()
    }

    /// The whole page as PNG; also written to `folder/name.png`, for people to look at.
    pub fn picture(&self, folder: &str, name: &str) -> Vec<u8> {
        let answer =
            self.cdp("Page.captureScreenshot", json!({"format": "png", "captureBeyondViewport": true}));
        let png = BASE64_STANDARD.decode(answer["data"].as_str().unwrap_or_default()).expect("a picture");
        let path = Path::new(folder).join(format!("{name}.png"));
        std::fs::write(path, &png).expect("to write a picture");
        png
    }

    fn post(&self, command: &str, body: &Value) -> Value {
        self.call(Method::POST, &format!("/session/{}{command}", self.session), body)
    }

    fn call(&self, method: Method, path: &str, body: &Value) -> Value {
        let answer = self.runtime.block_on(exchange(self.port, method, path, body));
        let answer = answer.expect("the driver to answer");
        assert!(answer["value"]["error"].is_null(), "{path} {body}: {}", answer["value"]["message"]);
        answer["value"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends the browser, which killing the driver alone would leave behind.
        let path = format!("/session/{}", self.session);
        let _gone = self.runtime.block_on(async {
            tokio::time::timeout(PATIENCE, exchange(self.port, Method::DELETE, &path, &json!({}))).await
        });
        let _killed = self.driver.kill();
        let _reaped = self.driver.wait();
    }
}

fn announced_port(output: &mut impl BufRead) -> u16 {
    let mut said = String::new();
    while output.read_line(&mut said).expect("the driver's output") > 0 {
        if let Some((_, port)) = said.rsplit_once("started successfully on port ") {
            return port.trim().trim_end_matches('.').parse().expect("a port");
        }
    }
    unreachable!("chromedriver ended without naming its port: {said}")
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

async fn exchange(port: u16, method: Method, path: &str, body: &Value) -> Result<Value, Failed> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let body = if method == Method::POST { body.to_string() } else { String::new() };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, format!("127.0.0.1:{port}"))
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))?;
    let answer = sender.send_request(request).await?.into_body().collect().await?.to_bytes();
    Ok(serde_json::from_slice(&answer)?)
}
