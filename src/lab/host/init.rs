//! The first process of a lab host: lays the file system, starts the server, takes in orphans.

use std::io::{self, BufRead, Read, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::thread;

use rustix::mount::{UnmountFlags, unmount};
use rustix::process::{WaitOptions, chdir, pivot_root, setsid, wait};
use rustix::system::sethostname;

use super::mounts::LayError;
use super::{Answer, Life, Orders, machine, shadow, system};

/// Runs until the server or the parent ends. Everything in the namespaces ends with it.
pub(super) fn run() -> ExitCode {
    let mut line = String::new();
    let orders = io::stdin()
        .lock()
        .read_line(&mut line)
        .ok()
        .and_then(|_| serde_json::from_str::<Orders>(&line).ok());
    let Some(orders) = orders else { return ExitCode::from(2) };
    // the terminal of whoever started the lab is not this host's
    let _ = setsid();
    if let Err(error) = lay(&orders) {
        answer(&Answer::Failed(error.to_string()));
        return ExitCode::FAILURE;
    }
    let server = Command::new("/proc/self/exe")
        .args(["lab-host", "serve"])
        .env_clear()
        .stdin(Stdio::piped())
        .spawn();
    let mut server = match server {
        Ok(server) => server,
        Err(error) => {
            answer(&Answer::Failed(format!("cannot start the server: {error}")));
            return ExitCode::FAILURE;
        }
    };
    if let Some(mut input) = server.stdin.take() {
        let _ = input.write_all(line.as_bytes());
    }
    if orders.life == Life::Parents {
        thread::spawn(|| {
            let _ = io::stdin().lock().read_to_end(&mut Vec::new());
            std::process::exit(0);
        });
    }
    let server = i32::try_from(server.id()).unwrap_or_default();
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, _))) if pid.as_raw_nonzero().get() == server => return ExitCode::SUCCESS,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return ExitCode::FAILURE,
        }
    }
}

/// Gives this process a file system and a host name of its own.
fn lay(orders: &Orders) -> Result<(), LayError> {
    let root = if system::is_true_root() {
        machine::lay(orders.dir.as_ref())?
    } else {
        shadow::lay(orders.dir.as_ref())?
    };
    system::lay(&root, &orders.name)?;
    enter(&root)?;
    sethostname(orders.name.as_bytes()).map_err(LayError::of("name", &orders.name))
}

/// Makes it the root and lets go of the machine's: below a mere `chroot` the kernel refuses user
/// namespaces, which programs in the host may want.
fn enter(root: &Path) -> Result<(), LayError> {
    chdir(root).map_err(LayError::of("enter", root))?;
    pivot_root(".", ".").map_err(LayError::of("make the root", root))?;
    // the old root lies over the new one now
    unmount(".", UnmountFlags::DETACH).map_err(LayError::of("leave", "/"))?;
    chdir("/").map_err(LayError::of("enter", "/"))
}

/// Tells whoever started the lab.
pub(super) fn answer(answer: &Answer) {
    if let Ok(text) = serde_json::to_string(answer) {
        let mut output = io::stdout().lock();
        let _ = writeln!(output, "{text}").and_then(|()| output.flush());
    }
}
