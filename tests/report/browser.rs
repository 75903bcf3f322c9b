//! Chromium without a screen, spoken to over its debugging pipe.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Longest that the browser may live, in seconds.
const LIFE: &str = "120";

fn program() -> Option<String> {
    if let Ok(named) = std::env::var("CHROMIUM") {
        return Some(named);
    }
    let paths = std::env::var_os("PATH")?;
    let there = |name: &str| std::env::split_paths(&paths).any(|folder| folder.join(name).exists());
    NAMES.into_iter().find(|name| there(name)).map(str::to_owned)
}

/// Why there is no browser.
pub(crate) fn missing() -> Option<String> {
    program().is_none().then(|| "no chromium".to_owned())
}

/// A browser with one page.
pub(crate) struct Browser {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    session: Option<String>,
    number: u64,
    /// What happened in the page.
    pub(crate) events: VecDeque<Json>,
    _profile: TempDir,
}

impl Browser {
    pub(crate) fn start() -> Result<Self> {
        let profile = tempfile::Builder::new().prefix("browser-").tempdir_in("/tmp")?;
        // the pipe is expected at 3 and 4
        let mut child = Command::new("sh")
            .args(["-c", "exec timeout \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1", "sh", LIFE])
            .arg(program().context("no chromium")?)
            .args(["--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu"])
            .args(["--no-first-run", "--disable-dev-shm-usage", "--disable-background-networking"])
            .args(["--disable-component-update", "--disable-sync", "--hide-scrollbars"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let to = child.stdin.take().context("no pipe")?;
        let from = BufReader::new(child.stdout.take().context("no pipe")?);
        let mut browser = Self {
            child,
            to,
            from,
            session: None,
            number: 0,
            events: VecDeque::new(),
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}))?;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = browser.call("Target.attachToTarget", attach)?;
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}))?;
        }
        Ok(browser)
    }

    fn read(&mut self) -> Result<Json> {
        let mut message = Vec::new();
        self.from.read_until(0, &mut message)?;
        if message.pop() != Some(0) {
            bail!("the browser is gone");
        }
        Ok(serde_json::from_slice(&message)?)
    }

    /// Calls a method of the debugging protocol.
    pub(crate) fn call(&mut self, method: &str, params: Json) -> Result<Json> {
        self.number += 1;
        let mut call = json!({"id": self.number, "method": method, "params": params});
        if let Some(session) = &self.session {
            call["sessionId"] = json!(session);
        }
        self.to.write_all(format!("{call}\0").as_bytes())?;
        loop {
            let mut answer = self.read()?;
            if answer["id"] == self.number {
                if let Some(error) = answer.get("error") {
                    bail!("{method}: {error}");
                }
                return Ok(answer["result"].take());
            }
            self.events.push_back(answer);
        }
    }

    /// Opens a file and waits until it is there.
    pub(crate) fn open(&mut self, path: &Path) -> Result<()> {
        self.call("Page.navigate", json!({"url": format!("file://{}", path.display())}))?;
        self.loaded()
    }

    /// Waits until the page is there.
    pub(crate) fn loaded(&mut self) -> Result<()> {
        let is = |event: &Json| event["method"] == "Page.loadEventFired";
        if let Some(at) = self.events.iter().position(is) {
            self.events.remove(at);
            return Ok(());
        }
        loop {
            let event = self.read()?;
            if is(&event) {
                return Ok(());
            }
            self.events.push_back(event);
        }
    }

    /// The value of an expression in the page.
    pub(crate) fn value(&mut self, expression: &str) -> Result<Json> {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let mut answer = self.call("Runtime.evaluate", params)?;
        if let Some(thrown) = answer.get("exceptionDetails") {
            bail!("{expression}: {thrown}");
        }
        Ok(answer["result"]["value"].take())
    }

    /// Types into a field.
    pub(crate) fn write(&mut self, selector: &str, text: &str) -> Result<()> {
        self.value(&format!(
            "(() => {{ const field = document.querySelector('{selector}'); \
             field.focus(); field.select(); }})()"
        ))?;
        self.call("Input.insertText", json!({"text": text})).map(drop)
    }

    /// Clicks something.
    pub(crate) fn click(&mut self, selector: &str) -> Result<()> {
        self.value(&format!("document.querySelector('{selector}').click()")).map(drop)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.session = None;
        // it may be gone already
        let _ = self.call("Browser.close", json!({}));
        let _ = self.child.wait();
    }
}
