//! The page in a browser: filters, phone, night, print; nothing from elsewhere, no errors.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value as Json, json};

use crate::browser::Browser;
use crate::command::{self, Watch};

const PLAYBOOK: &str = r#"
- name: Site
  hosts: all
  gather_facts: false
  tasks:
    - name: Write the page
      ansible.builtin.copy:
        content: "welcome\n"
        dest: "{{ work }}/page{{ ansible_play_hosts.index(inventory_hostname) }}"
        mode: '0644'
      diff: true
    - name: Only on the database
      ansible.builtin.fail:
        msg: "<script>document.title = 'taken'</script><img src=x onerror=\"document.title='taken'\">"
      when: inventory_hostname == 'db1'
    - name: In a role
      ansible.builtin.include_role:
        name: web
"#;

const ROLE: &str = r"
- name: Ask <b>for</b> it
  ansible.builtin.command: echo 'a needle in it'
- name: Nothing to do
  ansible.builtin.debug:
    msg: fine
";

/// Articles that are in sight.
const SHOWN: &str =
    "[...document.querySelectorAll('article')].filter((it) => it.offsetParent).length";

/// Rows of tasks that are in sight.
const ROWS: &str = "[...document.querySelectorAll('#tasks tr[data-t]')].filter((it) => !it.hidden && !it.parentElement.hidden).length";

fn report(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder.join("roles/web/tasks"))?;
    fs::write(folder.join("site.yml"), PLAYBOOK)?;
    fs::write(folder.join("roles/web/tasks/main.yml"), ROLE)?;
    let mut command = command::canvass(folder);
    command.args(["play", "-i", "web1,web2,db1,", "-c", "local", "--report", "page.html"]);
    command.arg("-e").arg(format!("work={}", folder.display())).arg("site.yml");
    command.current_dir(folder);
    let within = Duration::from_mins(1);
    let ended = command::run(command, &Watch { within, interrupt_when: None, stdin: "" })?;
    ensure!(ended.code == Some(2), "{}{}", ended.stdout, ended.stderr);
    Ok(())
}

pub(crate) fn works() -> Result<()> {
    let folder = tempfile::Builder::new().prefix("page-").tempdir_in("/tmp")?;
    report(folder.path())?;
    let page = folder.path().join("page.html");
    let mut browser = Browser::start()?;
    screen(&mut browser, 1200, 900)?;
    browser.open(&page)?;
    // the failure, a diff of each host, the role's command on two
    expect(&mut browser, SHOWN, json!(5))?;
    let all = browser.value(ROWS)?;
    filters(&mut browser, &all)?;
    expect(&mut browser, "document.title", json!("Run of site.yml"))?;
    phone_and_night(&mut browser)?;
    let printed = browser.call("Page.printToPDF", json!({}))?;
    ensure!(printed["data"].as_str().is_some_and(|data| data.len() > 10_000), "nothing is printed");
    quiet(&browser)
}

fn filters(browser: &mut Browser, all: &Json) -> Result<()> {
    browser.write("[name=host]", "db*")?;
    expect(browser, SHOWN, json!(2))?;
    expect(browser, "location.hash", json!("#host=db*"))?;
    expect(browser, "document.querySelectorAll('#lanes .dim').length", json!(2))?;
    browser.click("[value=failed]")?;
    expect(browser, SHOWN, json!(1))?;
    expect(browser, ROWS, json!(1))?;
    expect(browser, "document.getElementById('matches').value", json!("1 of 5"))?;
    // a link leads to the same view
    browser.call("Page.reload", json!({}))?;
    browser.loaded()?;
    expect(browser, SHOWN, json!(1))?;
    browser.click("button[type=reset]")?;
    expect(browser, "new Promise((done) => setTimeout(done, 50))", Json::Null)?;
    expect(browser, SHOWN, json!(5))?;
    expect(browser, ROWS, all.clone())?;
    browser.write("[name=task]", "ask")?;
    expect(browser, SHOWN, json!(1))?;
    browser.write("[name=task]", " ")?;
    browser.write("[name=text]", "Welcome")?;
    expect(browser, SHOWN, json!(3))?;
    browser.write("[name=text]", "nowhere at all")?;
    expect(browser, "document.getElementById('nothing').hidden", json!(false))?;
    browser.write("[name=text]", " ")?;
    browser.value(
        "(() => { const role = document.querySelector('[name=role]'); role.value = 'web'; \
         role.dispatchEvent(new Event('input', {bubbles: true})); })()",
    )?;
    expect(browser, SHOWN, json!(1))?;
    expect(browser, ROWS, json!(2))?;
    browser.click("button[type=reset]")?;
    browser.value("new Promise((done) => setTimeout(done, 50))")?;
    // what lies under the pointer
    let place = browser.value(
        "(() => { const box = document.querySelector('#lanes svg').getBoundingClientRect(); \
         scrollTo(0, scrollY + box.top - 400); const at = document.querySelector('#lanes svg')\
         .getBoundingClientRect(); return [at.left + 5, at.top + at.height / 2]; })()",
    )?;
    let moved = json!({"type": "mouseMoved", "x": place[0], "y": place[1]});
    browser.call("Input.dispatchMouseEvent", moved)?;
    let told = browser.value("document.getElementById('pointed').value")?;
    ensure!(told.as_str().is_some_and(|told| told.starts_with("db1")), "{told}");
    Ok(())
}

fn phone_and_night(browser: &mut Browser) -> Result<()> {
    screen(browser, 390, 844)?;
    let width = browser.value("document.documentElement.scrollWidth")?;
    ensure!(width.as_u64().is_some_and(|width| width <= 390), "wider than a phone: {width}");
    let color = "getComputedStyle(document.body).backgroundColor";
    let night =
        |scheme: &str| json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
    browser.call("Emulation.setEmulatedMedia", night("light"))?;
    let day = browser.value(color)?;
    browser.call("Emulation.setEmulatedMedia", night("dark"))?;
    ensure!(browser.value(color)? != day, "day and night look the same");
    Ok(())
}

/// That the page asked for nothing but itself, and that nothing went wrong in it.
fn quiet(browser: &Browser) -> Result<()> {
    for event in &browser.events {
        let params = &event["params"];
        match event["method"].as_str().unwrap_or_default() {
            "Network.requestWillBeSent" => {
                let url = params["request"]["url"].as_str().unwrap_or_default();
                let own = url.starts_with("file:///tmp/page-") && url.contains("/page.html");
                ensure!(own, "the page asked for {url}");
            }
            "Runtime.exceptionThrown" | "Runtime.consoleAPICalled" | "Log.entryAdded" => {
                anyhow::bail!("the page says: {params}");
            }
            _ => {}
        }
    }
    Ok(())
}

fn screen(browser: &mut Browser, width: u32, height: u32) -> Result<()> {
    let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
    browser.call("Emulation.setDeviceMetricsOverride", size).map(drop)
}

fn expect(browser: &mut Browser, expression: &str, expected: Json) -> Result<()> {
    let found = browser.value(expression)?;
    ensure!(found == expected, "{expression} is {found}, not {expected}");
    Ok(())
}
